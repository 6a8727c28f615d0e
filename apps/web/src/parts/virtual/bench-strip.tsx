/** What stands in the strip: how many virtual boards there are, and, opened, the panel to work them with. */
import { useEffect, useState } from 'preact/hooks';
import { route } from '../../shell/router.js';
import { virtualCount } from '../../shell/virtual-hint.js';
import { BenchPanel } from './bench-panel.js';
import { bench, watchBench } from './bench-state.js';

export function BenchStrip() {
	const [open, setOpen] = useState(false);
	useEffect(watchBench, []);
	const devices = bench.value?.devices;
	const count = devices?.length ?? virtualCount.value;
	const out = devices?.filter((d) => !d.cable).length ?? 0;
	// The page of virtual boards shows all of it anyway.
	if (route.value.page === 'try') return null;
	return (
		<aside class="virtual-strip" aria-label="Virtual boards">
			{open && (
				<div class="virtual-panel" id="virtual-panel">
					<BenchPanel />
				</div>
			)}
			<button type="button" aria-expanded={open} aria-controls="virtual-panel" onClick={() => setOpen(!open)}>
				<span aria-hidden="true">{open ? '▾' : '▴'}</span> {count === 1 ? '1 virtual board' : `${count} virtual boards`}
				{out > 0 && `, ${out === 1 ? '1 cable' : `${out} cables`} out`}: cables and buttons
			</button>
		</aside>
	);
}
