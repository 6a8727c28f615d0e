/** The answer of the board that was asked last, whole. */
import { Copyable } from '../../parts/copyable.js';
import { Failure } from '../../parts/problems.js';
import type { Unit } from './identify-state.js';
import { fields, labels, modeWords, noteWords, whatHelps } from './words.js';

export function AnswerView({ unit: { answer } }: { unit: Unit }) {
	const { values, notes, modules, mac, error, displayName } = answer;
	const shown = fields.flatMap((field) => {
		const value = values[field];
		if (value === undefined) return [];
		return [{ field, value: field === 'mode' ? modeWords(value) : field === 'platform' ? (displayName ?? value) : value }];
	});
	return (
		<article class="card" aria-labelledby="identify-answer" data-testid="answer">
			<h2 id="identify-answer">{displayName ?? 'Board'}</h2>
			<dl class="identify-facts">
				{shown.map(({ field, value }) => (
					<div key={field}>
						<dt>{labels[field]}</dt>
						<dd>{field === 'mode' || field === 'platform' ? value : <Copyable value={value} name={labels[field]} />}</dd>
					</div>
				))}
				{mac !== undefined && (
					<div>
						<dt>MAC address</dt>
						<dd>
							<Copyable value={mac} name="MAC address" />
						</dd>
					</div>
				)}
			</dl>
			{modules && (
				<p>
					On it:{' '}
					{modules
						.map((m) => `${m.name} ${m.version}${m.sound ? (m.hasItsNeeds ? '' : ' (lacks something)') : ' (damaged)'}`)
						.join(', ')}
					.
				</p>
			)}
			{notes.map((note) => (
				<p key={note.message} class="problem">
					{noteWords(note)}
				</p>
			))}
			{error && <Failure error={whatHelps(error)} title="It could not be asked everything" />}
		</article>
	);
}
