/** Long tables are drawn in steps, a few rows a frame, so that the page answers in between. */
import { useEffect, useState } from 'preact/hooks';

/** How many of `total` rows are to be drawn now; begins again when `key` changes. */
export function useRowsInSteps(total: number, step: number, key: string): number {
	const [drawn, setDrawn] = useState({ key, count: step });
	const count = drawn.key === key ? drawn.count : step;
	useEffect(() => {
		if (count >= total) return;
		// After this frame has been painted, not before it.
		let timer: ReturnType<typeof setTimeout> | undefined;
		const frame = requestAnimationFrame(() => {
			timer = setTimeout(() => setDrawn({ key, count: count + step }));
		});
		return () => {
			cancelAnimationFrame(frame);
			clearTimeout(timer);
		};
	}, [count, total, step, key]);
	return Math.min(count, total);
}
