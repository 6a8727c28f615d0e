/** A plan, explained step by step: what, why, how long, and what happens if the cable is pulled. Then the question. */
import type { Plan, Step } from '@linac/planner';
import { countText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { answerPlan, type Card } from './device-cards.js';
import { duration, ifPulled, onThePage, starts } from './words.js';

export function PlanView({ card, plan, standIn }: { card: Card; plan: Plan; standIn: boolean }) {
	return (
		<>
			<h3>The plan</h3>
			<p>
				{countText(plan.steps.length, 'step')}, about {duration(plan.estimateMs)}. Before the first of them, what is on the board
				is kept as a backup in this browser.
			</p>
			{standIn && (
				<p>
					<strong>Note: </strong>this release is not here. The virtual board gets modules that linac made in its place; a real one
					never does.
				</p>
			)}
			<ol class="restore-plan" data-testid="plan">
				{plan.steps.map((step) => (
					<PlanStep key={step.id} step={step} />
				))}
			</ol>
			<Notes plan={plan} />
			<Files plan={plan} />
			<p class="quiet">The board waits in DFU mode (its LED blinks yellow) until you decide.</p>
			<div class="row end">
				<button type="button" onClick={() => answerPlan(card, false)}>
					Back, write nothing
				</button>
				<button type="button" class="primary" onClick={() => answerPlan(card, true)}>
					Start
				</button>
			</div>
		</>
	);
}

function PlanStep({ step }: { step: Step }) {
	const { module } = step;
	const versions =
		module &&
		(module.from === undefined || module.from === module.version ? String(module.version) : `${module.from} → ${module.version}`);
	return (
		<li>
			<details>
				<summary>
					{step.title}
					{versions && <span class="quiet"> {versions}</span>}
					{step.estimateMs >= 100 && <span class="quiet">, about {duration(step.estimateMs)}</span>}
				</summary>
				<dl>
					{step.because.length > 0 && <dt>Why</dt>}
					{step.because.map((why) => (
						<dd key={why}>{onThePage(why)}</dd>
					))}
					{step.needs.length > 0 && (
						<>
							<dt>Needs before</dt>
							<dd>{step.needs.join(', ')}</dd>
						</>
					)}
					<dt>Started then</dt>
					<dd>
						{starts[step.after.boots]}. {onThePage(step.after.why)}
					</dd>
					<dt>If the cable is pulled</dt>
					<dd>
						{onThePage(step.ifInterrupted.why, 'plug it in again, and the job goes on') || ifPulled[step.ifInterrupted.way]}
					</dd>
				</dl>
			</details>
		</li>
	);
}

function Notes({ plan }: { plan: Plan }) {
	const notes = plan.notes.map((n) => ({ ...n, message: onThePage(n.message) }));
	const infos = notes.filter((n) => n.severity === 'info');
	return (
		<>
			<Problems problems={notes.filter((n) => n.severity !== 'info')} />
			{infos.length > 0 && (
				<details>
					<summary>{countText(infos.length, 'note')}</summary>
					<Problems problems={infos} />
				</details>
			)}
		</>
	);
}

const verdicts = {
	write: 'will be written',
	'already-there': 'already there',
	refused: 'refused',
	'not-needed': 'not needed',
} as const;

function Files({ plan }: { plan: Plan }) {
	if (plan.files.length === 0) return null;
	return (
		<details>
			<summary>{countText(plan.files.length, 'file')}</summary>
			<ul>
				{plan.files.map((f) => (
					<li key={f.name}>
						<strong>{f.name}</strong>: {verdicts[f.verdict]}. {onThePage(f.reason)}
					</li>
				))}
			</ul>
		</details>
	);
}
