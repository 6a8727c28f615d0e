/**
 * Work that a reload of the page would break off. While there is some, the page is not reloaded for a new version, and the browser asks before the tab is
 * closed.
 */
import { effect, signal } from '@preact/signals';

interface Hold {
	/** A sentence: `Boron e00fce68... is being programmed.` */
	why: string;
}

export const holds = signal<readonly Hold[]>([]);

/** Call what it returns when the work has ended. */
export function holdPage(why: string): () => void {
	const own: Hold = { why };
	holds.value = [...holds.value, own];
	return () => {
		holds.value = holds.value.filter((one) => one !== own);
	};
}

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

// Only while it is needed: a page that might ask is not kept for "Back".
effect(() => {
	if (holds.value.length > 0) addEventListener('beforeunload', ask);
	else removeEventListener('beforeunload', ask);
});
