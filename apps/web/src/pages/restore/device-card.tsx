/** One device: its head, and what belongs to the stage that it is in. */
import type { ComponentChildren } from 'preact';
import { isNameless } from '../../engine/device-ref.js';
import { ChooseForm } from './choose-form.js';
import { type Card, cancel, continueJob, forgetJob, look, nameOf, remove } from './device-cards.js';
import { Diagnosis, StateView } from './device-state-view.js';
import { PlanView } from './plan-view.js';
import { ProgressView } from './progress-view.js';
import { EndedView } from './report-view.js';
import { Trouble } from './trouble.js';

export function DeviceCard({ card }: { card: Card }) {
	const present = card.present.value;
	const stage = card.stage.value;
	const id = `card-${card.key.replace(/[^\w-]/g, '-')}`;
	return (
		<article class="card restore-card" aria-labelledby={id} data-testid="device-card" data-key={card.key} data-stage={stage.name}>
			<header class="restore-head">
				<h2 id={id}>
					{card.displayName} {isNameless(card) ? <span class="quiet">(tells no id)</span> : <code>{card.name}</code>}
				</h2>
				<p class="row">
					{card.virtual && <span class="tag">virtual</span>}
					{present === undefined ? (
						<span class="tag caution">{card.stop ? 'restarting, or unplugged' : 'not connected'}</span>
					) : (
						<span class="tag">{present.mode === 'dfu' ? 'DFU mode' : 'runs'}</span>
					)}
				</p>
			</header>
			<StageView card={card} />
		</article>
	);
}

function StageView({ card }: { card: Card }) {
	const stage = card.stage.value;
	switch (stage.name) {
		case 'looking':
			return <p role="status">Looking at what is on it ...</p>;
		case 'choose':
			return (
				<>
					<StateView state={stage.state} />
					<ChooseForm card={card} state={stage.state} releases={stage.releases} />
				</>
			);
		case 'reading':
			return (
				<>
					<p role="status">Reading back everything that is on it, in DFU mode, to make the plan ...</p>
					<ProgressView progress={card.progress} />
					<Buttons>
						<button type="button" onClick={() => cancel(card)}>
							Cancel
						</button>
					</Buttons>
				</>
			);
		case 'plan':
			return (
				<>
					<Diagnosis card={card} />
					<PlanView card={card} plan={stage.plan} standIn={stage.standIn} />
				</>
			);
		case 'running':
			return (
				<>
					<ProgressView progress={card.progress} />
					<Buttons>
						<button type="button" onClick={() => cancel(card)}>
							Cancel at the next safe point
						</button>
					</Buttons>
				</>
			);
		case 'ended':
			return (
				<EndedView report={stage.report} name={nameOf(card)}>
					{card.present.value ? (
						<button type="button" onClick={() => void look(card)}>
							Look at it again
						</button>
					) : (
						<button type="button" onClick={() => remove(card)}>
							Remove from the page
						</button>
					)}
				</EndedView>
			);
		case 'failed':
			return (
				<>
					<Trouble error={stage.error} title={stage.doing === 'look' ? 'It could not be looked at' : 'Nothing was written'} />
					<Buttons>
						<button type="button" onClick={() => void look(card)}>
							Look again
						</button>
					</Buttons>
				</>
			);
		case 'unfinished':
			return <Unfinished card={card} stage={stage} />;
	}
}

function Unfinished({ card, stage }: { card: Card; stage: Extract<Card['stage']['value'], { name: 'unfinished' }> }) {
	const { job, report, error, byItself } = stage;
	const present = card.present.value;
	const nameless = isNameless(card);
	const failure = error ?? report?.report?.error;
	return (
		<>
			<h3>A job on this board is not finished</h3>
			{job && (
				<p>
					It was to get Device OS {job.target}, application: {job.application}; begun {new Date(job.began).toLocaleString()}.
				</p>
			)}
			{failure && <Trouble error={failure} title="Why it stopped" />}
			<p>
				{nameless
					? 'It tells no device id, so it cannot be recognised: when it is back, look at its new card and restore it there. The job goes on from what is on it.'
					: present === undefined
						? byItself
							? 'Plug it in: the job goes on by itself, from what is on the board.'
							: 'Plug it in to continue the job.'
						: present.busy
							? 'Another tab is working on it.'
							: 'The job goes on from what is on the board.'}
			</p>
			<Buttons>
				<button type="button" onClick={() => void forgetJob(card)}>
					Forget the job
				</button>
				<button
					type="button"
					class="primary"
					disabled={present === undefined || present.busy || nameless}
					onClick={() => void continueJob(card)}
				>
					Continue the job
				</button>
			</Buttons>
			{report && <EndedView report={report} name={nameOf(card)} brief />}
		</>
	);
}

function Buttons({ children }: { children: ComponentChildren }) {
	return <div class="row end">{children}</div>;
}
