/** How many virtual devices there are, as far as the frame knows without loading the engine: from the last visit, then from the engine. */
import { signal } from '@preact/signals';

const KEY = 'linac-virtual-devices';

function stored(): number {
	try {
		return Number(localStorage.getItem(KEY)) || 0;
	} catch {
		// Storage may be forbidden; nothing is kept then either.
		return 0;
	}
}

export const virtualCount = signal(stored());

export function tellVirtualCount(count: number): void {
	virtualCount.value = count;
	try {
		if (count === 0) localStorage.removeItem(KEY);
		else localStorage.setItem(KEY, String(count));
	} catch {
		// As above.
	}
}
