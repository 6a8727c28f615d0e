/** The strip at the lower edge of every page while there are virtual devices. What is in it is loaded when there are some. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { virtualCount } from './virtual-hint.js';

export function VirtualStrip() {
	const [loaded, setLoaded] = useState<{ Content: ComponentType }>();
	const some = virtualCount.value > 0;
	useEffect(() => {
		if (!some || loaded) return;
		// Without it everything else still works; the page of virtual devices tells what is wrong.
		import('../parts/virtual/bench-strip.js').then(({ BenchStrip }) => setLoaded({ Content: BenchStrip })).catch(() => {});
	}, [some, loaded]);
	return some && loaded ? <loaded.Content /> : null;
}
