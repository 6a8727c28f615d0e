/**
 * What a finished job would leave on a device, module by module: the release's or the file's own bytes, or, for a reason, what is there
 * already. For comparing a device with a goal without planning; it is the same judgement that a plan is made of (decisions.ts), so that
 * "verify" and "flash" cannot disagree.
 */
import type { Platform, ReleaseSet } from '@linac/catalog';
import { type Digests, portableDigests } from '@linac/core';
import { decide, type Need } from './decisions.js';
import { modelOf } from './model.js';
import type { DeviceSnapshot, Goal } from './types.js';
import { addRelease, judgeFiles } from './wanted.js';

export interface Standing {
	slot: string;
	function: number;
	index: number;
	/** Version and SHA-256 (of the file) of the module that the goal has for this slot. */
	version: number;
	sha256: string;
	need: Need;
	reason: string;
	/** With `keep` of something that is there: why it stays, in a few words. */
	stays?: string;
}

/** One entry for every module that the goal has a place for; what is never written (MBR, a release's application) is not among them. */
export function standings(
	device: DeviceSnapshot,
	goal: Goal,
	options: { platform: Platform; release?: ReleaseSet; digests?: Digests },
): Standing[] {
	const { platform, release, digests = portableDigests } = options;
	const judged = judgeFiles(platform, goal, digests);
	if (release) addRelease(platform, release, judged, digests);
	const { decisions } = decide(modelOf(platform, device), judged.wanted, { ...goal, allow: ['downgrade'] });
	return decisions.map(({ wanted, need, reason, stays }) => ({
		slot: wanted.slot.name,
		function: wanted.written.function,
		index: wanted.written.index,
		version: wanted.written.version,
		sha256: wanted.source.sha256,
		need,
		reason,
		...(stays === undefined ? {} : { stays }),
	}));
}
