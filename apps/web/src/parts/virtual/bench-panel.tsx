/** Every virtual board with its LED, its cable and its buttons, small enough to stand beside something else. */
import { address } from '../../shell/router.js';
import { Failure } from '../problems.js';
import { bench, benchFailure } from './bench-state.js';
import { DeviceControls } from './device-controls.js';
import { LedWords } from './led.js';
import { faultWords, modeWords } from './words.js';
import './virtual.css';

export function BenchPanel() {
	const devices = bench.value?.devices ?? [];
	return (
		<>
			{benchFailure.value !== undefined && <Failure error={benchFailure.value} title="That did not work" />}
			<ul class="virtual-rows">
				{devices.map((device) => (
					<li key={device.deviceId}>
						<span class="virtual-name">
							<strong>{device.name}</strong> <code>{device.deviceId.slice(-6)}</code>
						</span>
						<span>
							<LedWords led={device.led} /> ({modeWords(device)})
						</span>
						<DeviceControls device={device} compact />
						{device.faults.length > 0 && <span class="quiet virtual-pending">{device.faults.map(faultWords).join(' ')}</span>}
					</li>
				))}
			</ul>
			<p>
				<a href={address('try')}>All about the virtual boards</a>
			</p>
		</>
	);
}
