/** A running job: its steps, what is happening, and the time left. */
import type { Signal } from '@preact/signals';
import { sizeText } from '../../parts/numbers.js';
import type { JobProgress, StepProgress } from './job-progress.js';
import { duration, onThePage, working } from './words.js';

export function ProgressView({ progress }: { progress: Signal<JobProgress> }) {
	const now = progress.value;
	const percent = Math.floor(now.fraction * 100);
	return (
		<div class="restore-progress">
			{now.waiting && (
				<p class="problem warning" role="alert">
					<strong>It waits for {now.waiting.for}. </strong>
					{now.waiting.hint && onThePage(now.waiting.hint, 'the job goes on by itself')}
				</p>
			)}
			{now.doing && <p>{now.doing}</p>}
			{now.steps.length > 0 && (
				<>
					<progress value={now.fraction} max={1} aria-label="The whole job" />
					<p class="quiet">
						{percent} %{now.leftMs === undefined ? '' : `, about ${duration(now.leftMs)} left`}
						{now.bytes && `; ${working[now.bytes.what]} ${sizeText(now.bytes.done)} of ${sizeText(now.bytes.total)}`}
					</p>
					<ol class="restore-steps">
						{now.steps.map((step) => (
							<StepLine key={step.id} step={step} />
						))}
					</ol>
				</>
			)}
			{now.notes.map((note) => (
				<p key={note} class="quiet">
					{onThePage(note)}
				</p>
			))}
		</div>
	);
}

const signs = { open: '', now: '▸ now', done: '✓ done', skipped: '– skipped' } as const;

function StepLine({ step }: { step: StepProgress }) {
	return (
		<li data-state={step.state} aria-current={step.state === 'now' ? 'step' : undefined}>
			{step.title} {step.state !== 'open' && <span class={step.state === 'done' ? 'tag good' : 'tag'}>{signs[step.state]}</span>}
			{step.state === 'skipped' && step.reason && <span class="quiet"> {onThePage(step.reason)}</span>}
		</li>
	);
}
