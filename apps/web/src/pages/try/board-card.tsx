/** One virtual board: drawn, told in words, with everything that can be done to it. */
import type { VirtualShown } from '../../engine/virtual-bench.js';
import { callEngine } from '../../link/page-link.js';
import { act } from '../../parts/virtual/bench-state.js';
import { DeviceControls } from '../../parts/virtual/device-controls.js';
import { LedWords } from '../../parts/virtual/led.js';
import { activityWords, modeWords } from '../../parts/virtual/words.js';
import { address } from '../../shell/router.js';
import { BoardDrawing } from './board-drawing.js';
import { Faults } from './faults.js';

export function BoardCard({ device }: { device: VirtualShown }) {
	const { name, displayName, deviceId, led, cable, version, standIn } = device;
	const remove = () => void act(() => callEngine('virtual.remove', { deviceId }), `${name} was removed.`);
	return (
		<article class="card try-board" aria-labelledby={`board-${deviceId}`} data-testid={`board-${name}`}>
			<h3 id={`board-${deviceId}`}>
				{displayName} <span class="quiet">{name}</span>
			</h3>
			<div class="try-look">
				<BoardDrawing device={device} />
				<dl>
					<dt>LED</dt>
					<dd>
						<LedWords led={led} />. {led.meaning}
					</dd>
					<dt>Mode</dt>
					<dd data-testid="mode">
						<strong>{modeWords(device)}</strong>
						{cable && `: ${device.why}`}
					</dd>
					<dt>Cable</dt>
					<dd>{cable ? `In. ${activityWords[device.activity]}` : 'Out: it has no power.'}</dd>
					<dt>Device id</dt>
					<dd>
						<code>{deviceId}</code>
					</dd>
					<dt>On it</dt>
					<dd>
						<Modules device={device} />
					</dd>
				</dl>
			</div>
			<DeviceControls device={device} />
			<Faults device={device} />
			<details class="try-numbers">
				<summary>Numbers</summary>
				<p>
					Made {version === undefined ? 'with its one firmware' : `with Device OS ${version}`}
					{standIn && ', from modules of linac that stand in'}. USB transfers so far: {device.transfers}. Bytes programmed:{' '}
					{device.bytesProgrammed}. Sectors erased: {device.sectorsErased}.
				</p>
			</details>
			<p class="row">
				<a class="button" href={address('restore', { device: `virtual:${deviceId}` })}>
					Restore it
				</a>
				<a class="button" href={address('identify', { device: `virtual:${deviceId}` })}>
					Identify it
				</a>
				<button type="button" onClick={remove} aria-label={`Remove ${name}`}>
					Remove
				</button>
			</p>
		</article>
	);
}

function Modules({ device }: { device: VirtualShown }) {
	if (device.modules.length === 0) return <>Nothing.</>;
	return (
		<ul class="try-modules">
			{device.modules.map((m, i) => (
				<li key={`${m.name} ${i}`}>
					{m.name} {m.version === 0xffff ? '' : m.version}{' '}
					{m.valid ? <span class="tag good">whole</span> : <span class="tag bad">damaged</span>}
				</li>
			))}
		</ul>
	);
}
