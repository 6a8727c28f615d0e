/**
 * Gives a file to the running Device OS by control requests, and asks what became of it: what the steps for modules and for assets have in common, and
 * the question that is left where a module cannot be read back. The requests themselves stand in `@linac/usb`.
 */
import type { Step } from '@linac/planner';
import type { ControlDevice } from '@linac/usb';
import { poll } from './operator.js';
import type { Proof } from './proofs.js';
import { expectedModules, type RunningJob } from './running-job.js';
import { reportedModules } from './snapshot-reported.js';

/** How often the module list is asked for after an update, ms: the answer is cheap, a restart takes seconds. */
const ASK_EVERY_MS = 500;

/** Sends it, and waits until the device is back from the restart with which it takes it. */
export async function giveModule(job: RunningJob, step: Step, control: ControlDevice, bytes: Uint8Array): Promise<void> {
	const { session, events, world } = job;
	await session.change(
		'normal',
		() =>
			control.updateFirmware(bytes, {
				signal: world.signal,
				onProgress: (done, total) => events.progress(step, 'send', done, total),
			}),
		world.limits.applyMs,
	);
}

/** A module in the module format's numbers, and the name of its slot. */
interface Wanted {
	slot: string;
	function: number;
	index: number;
	version: number;
}

/** What the running device says of a module, as a proof; `undefined` where it does not report it whole, in this version, and with the hash of the plan. */
export async function reportedProof({ session, plan, world }: RunningJob, wanted: Wanted): Promise<Proof | undefined> {
	const expected = expectedModules(plan).find((m) => m.slot === wanted.slot)?.contentSha256;
	const reported = await reportedModules(await session.answeringControl(), world);
	const found = reported.find((m) => m.function === wanted.function && m.index === wanted.index);
	if (!found?.valid || found.version !== wanted.version) return undefined;
	if (found.contentSha256 === undefined || expected === undefined) return { proof: 'reported-version', version: wanted.version };
	return found.contentSha256 === expected ? { proof: 'device-hash', sha256: expected, version: wanted.version } : undefined;
}

/** The same, asked again and again until there is a proof, at most `limits.applyMs`. */
export async function awaitReported(job: RunningJob, wanted: Wanted): Promise<Proof | undefined> {
	const { clock, limits } = job.world;
	let proof: Proof | undefined;
	await poll(clock, limits.applyMs, ASK_EVERY_MS, async () => {
		proof = await reportedProof(job, wanted);
		return proof !== undefined;
	});
	return proof;
}
