/** Ranges of addresses with pieces cut out of them. */
import type { Region } from '@linac/firmware';

/** What is left of a range when everything that `taken` covers is cut out, in order. */
export function freeOf(range: Region, taken: readonly Region[]): Region[] {
	let free: Region[] = [{ start: range.start, end: range.end }];
	for (const t of taken) {
		free = free.flatMap((f) => {
			if (t.end <= f.start || t.start >= f.end) return [f];
			return [
				{ start: f.start, end: t.start },
				{ start: t.end, end: f.end },
			].filter((r) => r.start < r.end);
		});
	}
	return free;
}
