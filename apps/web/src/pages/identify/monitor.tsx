/** What a board prints on its serial port, until somebody stops. Writes nothing to it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { callEngine } from '../../link/page-link.js';
import { Failure } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { askables, monitorRuns, nameOf } from './identify-state.js';
import { whatHelps } from './words.js';

/** More than anybody reads; a page that listens for a day shall not grow. */
const MOST_CHARACTERS = 50_000;

export function Monitor() {
	const [running, setRunning] = useState<AbortController>();
	const [text, setText] = useState('');
	const [failure, setFailure] = useState<unknown>();
	const [chosen, setChosen] = useState<string>();
	const stop = useRef<AbortController>(undefined);
	useEffect(() => () => stop.current?.abort(), []);
	// By USB alone a browser has no serial port of a real board.
	const list = (askables.value ?? []).filter((a) => !a.dfu && (a.way === 'serial' || a.virtual));
	if (list.length === 0 && !running) return null;
	const id = list.find((a) => a.id === chosen)?.id ?? list[0]?.id;
	const listen = () => {
		if (id === undefined) return;
		const control = new AbortController();
		stop.current = control;
		setRunning(control);
		monitorRuns(() => control.abort());
		setFailure(undefined);
		setText('');
		let waiting = '';
		const show = () => {
			const more = waiting;
			waiting = '';
			setText((before) => (before + more).slice(-MOST_CHARACTERS));
		};
		callEngine(
			'identify.monitor',
			{ id },
			{
				signal: control.signal,
				onEvent: (said) => {
					if (waiting === '') requestAnimationFrame(show);
					waiting += said;
				},
			},
		)
			.catch((error: unknown) => {
				if (!control.signal.aborted) setFailure(error);
			})
			.finally(() => setRunning(undefined));
	};
	return (
		<>
			<h2>What a board says</h2>
			<p class="row">
				<label for="monitor-board">Board</label>
				<select id="monitor-board" value={id} disabled={running !== undefined} onChange={(e) => setChosen(e.currentTarget.value)}>
					{list.map((a) => (
						<option key={a.id} value={a.id}>
							{nameOf(a)} {a.deviceId?.slice(-6)}
						</option>
					))}
				</select>
				{running ? (
					<button type="button" onClick={() => running.abort()}>
						Stop listening
					</button>
				) : (
					<button type="button" onClick={listen}>
						Listen
					</button>
				)}
			</p>
			{failure !== undefined && <Failure error={whatHelps(failure)} title="It cannot be listened to" />}
			{(running !== undefined || text !== '') && (
				<ScrollArea label="What the board says">
					<pre class="identify-said" data-testid="said">
						{text || 'Nothing yet.'}
					</pre>
				</ScrollArea>
			)}
		</>
	);
}
