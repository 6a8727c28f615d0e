/**
 * Several exchanges under way at once, begun and finished in order. So the way between host and device is spent while the device works, and not
 * between one exchange and the next. Not for exchanges that have to know how the one before has ended.
 */
import { throwIfCancelled } from '@linac/core';

/**
 * Begins `count` exchanges, at most `width` under way at once, and tells of each in order with `done`. After a failure nothing more is begun, what has
 * been begun is waited for, and the first failure is thrown. The same when the signal is raised: then it throws `CANCELLED`.
 */
export async function inOrder<T>(
	count: number,
	width: number,
	begin: (index: number) => Promise<T>,
	done: (index: number, result: T) => void,
	signal?: AbortSignal,
): Promise<void> {
	const underWay: Promise<T>[] = [];
	let begun = 0;
	try {
		for (let index = 0; index < count; index++) {
			while (begun < count && underWay.length < width) {
				throwIfCancelled(signal);
				const exchange = begin(begun++);
				// Whoever comes first is asked first: a failure behind it must not go unheard until then.
				exchange.catch(() => {});
				underWay.push(exchange);
			}
			const result = await underWay[0]!;
			underWay.shift();
			done(index, result);
		}
	} catch (error) {
		await Promise.allSettled(underWay);
		throw error;
	}
}
