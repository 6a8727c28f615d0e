/** The boards that can be asked, and what came of the last question that was not answered. */
import { useEffect } from 'preact/hooks';
import type { Askable } from '../../engine/identify-methods.js';
import { Failure } from '../../parts/problems.js';
import { route } from '../../shell/router.js';
import { ask, askables, askFailure, asking, cancelAsking, loadPortFilters, nameOf } from './identify-state.js';
import { whatHelps } from './words.js';

export function AskableList() {
	const list = askables.value;
	const linked = route.value.query.get('device');
	useEffect(() => void loadPortFilters().catch(() => {}), []);
	if (list === undefined) return <p class="quiet">Looking for boards ...</p>;
	if (list.length === 0) {
		return (
			<p class="card" data-testid="no-ports">
				There is no board yet that this page may ask.
			</p>
		);
	}
	return (
		<>
			<h2>Boards</h2>
			<ul class="identify-list">
				{list.map((askable) => (
					<li key={askable.id} class="card">
						<Board askable={askable} linked={askable.id === linked} />
					</li>
				))}
			</ul>
		</>
	);
}

function Board({ askable, linked }: { askable: Askable; linked: boolean }) {
	const { id, way, deviceId, dfu } = askable;
	const busy = asking.value === id;
	const failed = askFailure.value?.askable.id === id ? askFailure.value.error : undefined;
	const name = nameOf(askable);
	return (
		<>
			<div class="row">
				<span class="identify-name">
					<strong>{name[0]!.toUpperCase() + name.slice(1)}</strong> {deviceId !== undefined && <code>{deviceId}</code>}{' '}
					<span class="quiet">
						{way === 'usb' ? 'by USB' : 'by its serial port'}
						{dfu && ', in DFU mode'}
					</span>
				</span>
				<button
					type="button"
					class={linked ? 'primary' : undefined}
					disabled={asking.value !== undefined}
					aria-label={`Identify: ${name}`}
					onClick={() => void ask(askable)}
				>
					{busy ? 'Asking ...' : 'Identify'}
				</button>
				{busy && (
					<button type="button" onClick={cancelAsking}>
						Stop
					</button>
				)}
			</div>
			{failed !== undefined && <Failure error={whatHelps(failed)} title="It did not answer" />}
		</>
	);
}
