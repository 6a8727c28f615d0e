/** How fast time passes for all virtual boards. */
import type { BenchSettings } from '../../engine/virtual-store.js';
import { callEngine } from '../../link/page-link.js';
import { act } from '../../parts/virtual/bench-state.js';

const speeds = [1, 2, 5, 10, 30, 100];

export function Pace({ settings: { speed, timing } }: { settings: BenchSettings }) {
	const set = (settings: BenchSettings) => void act(() => callEngine('virtual.pace', settings));
	return (
		<div class="row try-pace">
			<label for="try-speed">Time passes</label>
			<select id="try-speed" value={speed} onChange={(e) => set({ speed: Number(e.currentTarget.value), timing })}>
				{speeds.map((s) => (
					<option key={s} value={s}>
						{s === 1 ? 'as with real boards' : `${s} times as fast`}
					</option>
				))}
			</select>
			<label>
				<input
					type="checkbox"
					checked={timing === 'none'}
					onChange={(e) => set({ speed, timing: e.currentTarget.checked ? 'none' : 'datasheet' })}
				/>{' '}
				Flash and restarts take no time
			</label>
		</div>
	);
}
