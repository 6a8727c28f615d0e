/** The virtual devices as the engine tells them, and what the page does to them. One watch as long as the page lives. Not for showing them. */
import { signal } from '@preact/signals';
import type { BenchCommand, BenchShown, VirtualShown } from '../../engine/virtual-bench.js';
import { callEngine } from '../../link/page-link.js';
import { tellVirtualCount } from '../../shell/virtual-hint.js';
import { announce } from '../announcer.js';

/** Undefined until the engine has told. */
export const bench = signal<BenchShown | undefined>(undefined);
/** What went wrong last. */
export const benchFailure = signal<unknown>(undefined);

let watching = false;

/** Begins to watch, once. */
export function watchBench(): void {
	if (watching) return;
	watching = true;
	callEngine('virtual.watch', undefined, {
		onEvent: (shown) => {
			bench.value = shown;
			tellVirtualCount(shown.devices.length);
		},
	}).catch((error: unknown) => {
		watching = false;
		benchFailure.value = error;
	});
	const keep = () => {
		if (document.visibilityState === 'hidden' && (bench.value?.devices.length ?? 0) > 0) {
			callEngine('virtual.save', undefined).catch(() => {});
		}
	};
	document.addEventListener('visibilitychange', keep);
}

/** Does something to the bench; what goes wrong is shown where the devices are. */
export async function act(run: () => Promise<unknown>, said?: string): Promise<boolean> {
	benchFailure.value = undefined;
	try {
		await run();
		if (said !== undefined) announce(said);
		return true;
	} catch (error) {
		benchFailure.value = error;
		return false;
	}
}

export function command({ deviceId, name }: VirtualShown, what: BenchCommand, said: string): Promise<boolean> {
	return act(() => callEngine('virtual.command', { deviceId, command: what }), `${name}: ${said}`);
}
