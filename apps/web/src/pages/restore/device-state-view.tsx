/** What is on a device: findings in plain words, and every module with version and soundness. */
import type { Finding } from '@linac/planner';
import type { DeviceState } from '../../engine/device-state.js';
import { sizeText } from '../../parts/numbers.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { ShortHash } from '../../parts/short-hash.js';
import type { Card } from './device-cards.js';
import { modes, onThePage } from './words.js';

export function StateView({ state }: { state: DeviceState }) {
	return (
		<>
			<dl class="restore-facts">
				<div>
					<dt>Device OS</dt>
					<dd>{state.osVersion ?? 'not known'}</dd>
				</div>
				<div>
					<dt>Mode</dt>
					<dd>{modes[state.mode]}</dd>
				</div>
			</dl>
			<h3>What is wrong</h3>
			{state.findings.length === 0 ? (
				<p>
					<span class="tag good">✓ sound</span> Nothing that can be seen: everything that it needs is there
					{state.depth === 'read' ? ', and whole.' : ', as it says of itself.'}
				</p>
			) : (
				<Findings findings={state.findings} />
			)}
			<Modules state={state} />
		</>
	);
}

const signs = { error: '✗ Error', warning: '! Warning', info: 'i Note' } as const;

export function Findings({ findings }: { findings: readonly Finding[] }) {
	return (
		<ul class="problems" data-testid="findings">
			{findings.map((f, i) => (
				<li key={`${f.code} ${i}`} class={`problem ${f.severity}`}>
					<strong>{signs[f.severity]}: </strong>
					{onThePage(f.message)} <span class="quiet">{onThePage(f.hint)}</span> <code>{f.code}</code>
				</li>
			))}
		</ul>
	);
}

function Modules({ state }: { state: DeviceState }) {
	if (state.modules === undefined) {
		return <p>This Device OS does not tell its modules. They are read in DFU mode for the plan.</p>;
	}
	return (
		<details>
			<summary>
				Modules: {state.modules.map((m) => `${m.name} ${m.version}${m.valid ? '' : ' (damaged)'}`).join(', ') || 'none'}
			</summary>
			<ScrollArea label="Modules on the board">
				<table>
					<thead>
						<tr>
							<th scope="col">Module</th>
							<th scope="col">Version</th>
							<th scope="col">Sound</th>
							<th scope="col">Size</th>
							<th scope="col">SHA-256</th>
						</tr>
					</thead>
					<tbody>
						{state.modules.map((m) => (
							<tr key={m.name}>
								<th scope="row">{m.name}</th>
								<td>{m.version}</td>
								<td>{m.valid ? <span class="tag good">✓ whole</span> : <span class="tag bad">✗ damaged</span>}</td>
								<td>{m.size === undefined ? '' : sizeText(m.size)}</td>
								<td>
									<ShortHash value={m.sha256} />
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
		</details>
	);
}

/** What the look before the plan has found, and what the device is brought to. */
export function Diagnosis({ card }: { card: Card }) {
	const diagnosis = card.diagnosis.value;
	if (!diagnosis) return null;
	return (
		<>
			<StateView state={diagnosis.state} />
			<h3>What it is brought to</h3>
			<ul>
				<li>Device OS {diagnosis.target.version}.</li>
				<li>{onThePage(diagnosis.application.why)}</li>
			</ul>
		</>
	);
}
