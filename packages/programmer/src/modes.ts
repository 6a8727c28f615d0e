/**
 * Steps that change what the device is running: into DFU, into listening mode, out of them. A mode counts as reached when the same
 * device is back on the bus in it. Before DFU is left for the last time, everything that can be read is proved by reading it.
 */
import { asLinacError, LinacError, toHex } from '@linac/core';
import { dctNeedsSystem, type ExpectedModule, type PendingUpdate, type Step, type StepAction } from '@linac/planner';
import type { KnownModule } from './known-modules.js';
import { leaveDfuMode } from './let-run.js';
import { poll } from './operator.js';
import { installed } from './proofs.js';
import { expectedModules, type RunningJob, type StepResult, stepsAfter } from './running-job.js';
import { snapshotInDfu } from './snapshot-dfu.js';

export async function enterMode(job: RunningJob, step: Step, action: StepAction & { kind: 'enter-mode' }): Promise<StepResult> {
	const { session, world } = job;
	if (action.mode === 'dfu') {
		if (session.found.mode === 'dfu') return { skipped: 'The device is in DFU mode already.' };
		await session.enterDfu();
		await compareNumbered(job, step);
		return { evidence: { mode: 'dfu' } };
	}
	if (session.found.mode === 'dfu') await leaveDfu(job, step);
	const control = await session.answeringControl();
	const wanted = action.mode;
	const isIt = async () => {
		const mode = await (await session.answeringControl()).mode();
		return wanted === 'listening' ? mode === 'listening' : mode !== 'listening';
	};
	if (await isIt()) return { skipped: `The device is in ${wanted} mode already.` };
	await (wanted === 'listening' ? control.startListening() : control.stopListening());
	if (!(await poll(world.clock, world.limits.modeChangeMs, 250, isIt))) {
		throw new LinacError('MODE_NOT_REACHED', `The device was told to go to ${wanted} mode, but did not.`, {
			retry: 'step',
			hint: 'Press RESET on the device and run the command again.',
		});
	}
	return { evidence: { mode: wanted } };
}

export async function restart(job: RunningJob, step: Step): Promise<StepResult> {
	const { session, world } = job;
	if (session.found.mode === 'dfu') {
		await leaveDfu(job, step);
	} else {
		const control = await session.answeringControl();
		await session.change('normal', () => control.reset(), world.limits.modeChangeMs);
	}
	return { evidence: { mode: 'normal' } };
}

/** Leaves DFU for a device that runs; everything that can be read is proved by reading it before. */
export async function leaveDfu(job: RunningJob, step: Step): Promise<void> {
	const { session } = job;
	await proveByReading(job, step);
	await lookForOrders(job);
	await leaveDfuMode(session);
}

/**
 * Where the bootloader calls the system parts to read the DCT (Photon, P1), nobody could look for orders in it while they were damaged. Now they are whole: an
 * order that the next start would carry out unseen, such as a bootloader to be copied in place, makes the job be planned again with that known.
 */
async function lookForOrders(job: RunningJob): Promise<void> {
	const { session } = job;
	if (!dctNeedsSystem({ platform: session.platform }) || job.before.depth !== 'read' || job.before.pending !== undefined) return;
	const pending = await ordersIfReadable(job);
	if (pending.length === 0) return;
	throw new LinacError(
		'ORDERS_FOUND',
		`${pending.length} order(s) for the next start were found in the DCT, which could not be read before.`,
		{
			retry: 'reconnect',
			hint: 'The job is planned again with them known.',
		},
	);
}

/** A bootloader that has found its functions missing once does not look for them again before its next start: then nothing can be said. */
async function ordersIfReadable({ session, world }: RunningJob): Promise<PendingUpdate[]> {
	try {
		return (await snapshotInDfu(session)).pending ?? [];
	} catch (error) {
		const e = asLinacError(error);
		if (e.code !== 'DFU_STATUS' && e.code !== 'USB_STALL') throw e;
		world.log.debug('the DCT cannot be read before the next start', { code: e.code });
		await session.close();
		return [];
	}
}

/**
 * Reads back every expected module that no later step changes and that has not been proved in this job. A module that is not what the
 * plan says makes the job be planned again from what really is there: so a damaged module of the right version is found. `except`: slots
 * whose module is not in its place yet.
 */
export async function proveByReading(job: RunningJob, step: Step, except: ReadonlySet<string> = new Set()): Promise<void> {
	const later = new Set([...stepsAfter(job.plan, step).map((s) => s.module?.slot), ...except]);
	for (const expected of expectedModules(job.plan)) {
		if (later.has(expected.slot) || job.proofs.isReadBack(expected.slot)) continue;
		const place = placeOf(job, expected);
		if (place) await proveOne(job, step, expected, place);
	}
}

/**
 * Looks at once at what the plan takes for right because of its number, and that no step writes: if it is something else, the job is
 * planned again before anything is written. The proof itself is taken when DFU is left.
 */
async function compareNumbered(job: RunningJob, step: Step): Promise<void> {
	const later = new Set(stepsAfter(job.plan, step).map((s) => s.module?.slot));
	for (const expected of expectedModules(job.plan)) {
		if (later.has(expected.slot) || expected.contentSha256 !== undefined || job.proofs.get(expected.slot)) continue;
		const place = placeOf(job, expected);
		// A module without a header (SoftDevice) goes over DFU: when DFU is left is soon enough, and it is large.
		if (!place || place.known?.payload) continue;
		await proveOne(job, step, expected, place);
		job.proofs.drop(expected.slot);
	}
}

interface Place {
	known: KnownModule | undefined;
	contentSha256: string;
	alternate: number;
	address: number;
	length: number;
}

/** Where the bytes of an expected module stand: as the plan says, or, where it only counts on a version, as the module at hand says. */
function placeOf(job: RunningJob, expected: ExpectedModule): Place | undefined {
	const { session, world } = job;
	const known = world.known.find((k) =>
		expected.contentSha256 === undefined
			? k.function === expected.function && k.index === expected.index && k.version === expected.version
			: k.contentSha256 === expected.contentSha256,
	);
	const { contentSha256 = known?.contentSha256, length = known?.length } = expected;
	const slot = session.platform.modules.find((m) => m.function === expected.function && m.index === expected.index);
	const region = session.platform.memory.find((r) => r.name === slot?.region);
	const start = expected.address ?? known?.start;
	const alternate = session.platform.alternates.find((a) => a.storage === (expected.storage ?? region?.storage));
	if (contentSha256 === undefined || length === undefined || start === undefined || !region || !alternate) return undefined;
	return { known, contentSha256, alternate: alternate.number, address: start + alternate.addressOffset, length };
}

async function proveOne(job: RunningJob, step: Step, expected: ExpectedModule, place: Place): Promise<void> {
	const { session, world } = job;
	const { slot, version } = expected;
	const dfu = await session.dfu();
	let bytes: Uint8Array;
	try {
		bytes = await dfu.read(place.alternate, place.address, place.length, {
			signal: world.signal,
			onProgress: (done, total) => job.events.progress(step, 'read-back', done, total),
		});
	} catch (error) {
		const e = asLinacError(error);
		// A part of the map that this bootloader does not let be read: the version that is reported later has to do.
		if (e.code === 'DFU_OUT_OF_RANGE') return;
		throw e;
	}
	const sha256 = toHex(world.digests.sha256(bytes));
	if (sha256 === place.contentSha256) {
		job.proofs.set(slot, { proof: 'read-back-sha256', sha256, version, exact: true });
		return;
	}
	const payload = place.known?.payload;
	if (payload && toHex(world.digests.sha256(bytes.subarray(0, payload.length))) === payload.sha256) {
		job.proofs.set(slot, { proof: 'read-back-sha256', sha256: payload.sha256, version, exact: true });
		return;
	}
	// The plan counts on a version only, although it knew these bytes: it has said what becomes of them. Not so for a module without a
	// header in flash, which no device can check.
	const known = installed(job.before, expected)?.contentSha256 !== undefined;
	if (expected.contentSha256 === undefined && !payload && known) return;
	throw new LinacError('CONTENT_DIFFERS', `${slot} is reported as ${version}, but what stands in flash is something else.`, {
		retry: 'reconnect',
		details: { slot, expected: place.contentSha256, found: sha256 },
		hint: 'It is read as a whole and planned again from that.',
	});
}
