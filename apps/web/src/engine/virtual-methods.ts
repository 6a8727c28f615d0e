/** What the page does with virtual devices: which there may be, making, handling and watching them. */
import { asPlatform, platforms, type ReleaseChannel, releasesFor } from '@linac/catalog';
import { systemClock } from '@linac/core';
import { type StartingState, type StartingStateName, startingStates } from '@linac/virtual';
import type { CallContext } from '../link/messages.js';
import { listReleases } from './sources.js';
import { type BenchCommand, type BenchShown, virtualBench } from './virtual-bench.js';
import type { BenchSettings } from './virtual-store.js';

export interface VirtualRelease {
	version: string;
	channel: ReleaseChannel;
	lts: boolean;
	latestInLine: boolean;
	/** Its real modules can be had here; else linac's own stand in. */
	here: boolean;
}

export interface VirtualPlatform {
	name: string;
	displayName: string;
	/** Newest first; empty for a platform without Device OS releases. */
	releases: VirtualRelease[];
}

/** Between two looks at devices that are doing something, ms: nobody reads faster. */
const TELL_MS = 300;

export const virtualMethods = {
	/** Everything that a virtual device can be made of. */
	async 'virtual.choices'(_: undefined, { signal }: CallContext): Promise<VirtualPlatform[]> {
		const here = new Set((await listReleases(signal)).map((r) => `${r.platform} ${r.version}`));
		return platforms.map((platform) => ({
			name: platform.name,
			displayName: platform.displayName,
			releases: releasesFor(platform).map(({ version, channel, line, latestInLine }) => ({
				version,
				channel,
				lts: line === 'lts',
				latestInLine,
				here: here.has(`${platform.name} ${version}`),
			})),
		}));
	},

	/** The states that a device of this release can be in; the first is the healthy one. */
	'virtual.states': async ({ platform, version }: { platform: string; version?: string | undefined }): Promise<StartingState[]> =>
		startingStates(asPlatform(platform), version),

	/** Plugs in new virtual devices, one after the other. Returns their device ids. */
	async 'virtual.add'(
		params: { platform: string; version?: string | undefined; start?: StartingStateName; count?: number },
		{ signal }: CallContext,
	): Promise<string[]> {
		const { platform, version, start, count = 1 } = params;
		const made: string[] = [];
		for (let i = 0; i < count; i++) made.push((await virtualBench.add(platform, version, start, signal)).device.deviceId);
		return made;
	},

	/** Works cable, buttons and faults of a device. */
	'virtual.command': ({ deviceId, command }: { deviceId: string; command: BenchCommand }): Promise<void> =>
		virtualBench.command(deviceId, command),

	'virtual.remove': ({ deviceId }: { deviceId: string }): Promise<void> => virtualBench.remove(deviceId),

	/** How fast time passes for all of them. */
	'virtual.pace': (settings: BenchSettings): Promise<void> => virtualBench.setPace(settings),

	/** Keeps what has changed: before the page goes. */
	'virtual.save': (): Promise<void> => virtualBench.save(),

	/** Tells the state of all devices, now and whenever it changes, until it is cancelled. */
	async 'virtual.watch'(_: undefined, { emit, signal }: CallContext<BenchShown>): Promise<void> {
		let last = '';
		let wake = () => {};
		const stop = virtualBench.watch(() => wake());
		const end = () => wake();
		signal.addEventListener('abort', end, { once: true });
		try {
			while (!signal.aborted) {
				const shown = await virtualBench.shown();
				const text = JSON.stringify(shown);
				if (text !== last) emit(shown);
				last = text;
				await systemClock.sleep(TELL_MS, signal).catch(() => {});
				// Counters grow without a word: devices are looked at as long as there are any.
				if (shown.devices.length > 0 || signal.aborted) continue;
				const change = new Promise<void>((resolve) => {
					wake = resolve;
				});
				if (!(await virtualBench.shown()).devices.length) await change;
			}
		} finally {
			signal.removeEventListener('abort', end);
			stop();
		}
	},
};
