/**
 * Steps that change flash over DFU: writing a module, blanking the head of one. Each looks first whether its
 * effect is already there, and reads back what it wrote. Nothing here knows why a step is in the plan.
 */

import type { SourcedModule } from '@linac/catalog';
import { equalBytes, LinacError, toHex } from '@linac/core';
import { PREFIX_SIZE, plausiblePrefix, prefixOffsets, readPrefix } from '@linac/firmware';
import type { Step, StepAction } from '@linac/planner';
import { type DfuDevice, sectorsOf } from '@linac/usb';
import { knownModule } from './known-modules.js';
import { expectedModules, type RunningJob, type StepResult } from './running-job.js';

/** One DFU block of all Particle bootloaders (wTransferSize 4096): the head of a module is looked at in one transfer. */
const HEAD = 4096;

export function inputModule(job: RunningJob, sha256: string): SourcedModule {
	const input = job.inputs.modules.get(sha256);
	if (input) return input;
	throw new LinacError(
		'PLAN_INPUT_MISSING',
		`The plan names a file with SHA-256 ${sha256}, but it is not among the files given.`,
		{
			details: { sha256 },
			hint: 'Give the same files and the same release as when the plan was made.',
		},
	);
}

export async function writeModule(job: RunningJob, step: Step, action: StepAction & { kind: 'write-dfu' }): Promise<StepResult> {
	const { session, world } = job;
	const input = inputModule(job, action.sha256);
	const wanted = input.module.bytes.subarray(action.skipBytes, action.skipBytes + action.length);
	const sha256 = toHex(world.digests.sha256(wanted));
	const slot = step.module?.slot ?? input.slot;
	const version = input.module.prefix.version;
	const dfu = await session.dfu();
	const prove = (): StepResult => {
		job.proofs.set(slot, { proof: 'read-back-sha256', sha256, version });
		return { evidence: { sha256, bytes: wanted.length, proof: 'read-back-sha256' } };
	};

	if (await isThere(job, step, dfu, action.alternate, action.address, wanted)) {
		return { ...prove(), skipped: `What stands in flash has the same SHA-256 already: ${sha256}.` };
	}
	const { payload } = knownModule(input.module, world.digests);
	if (payload && (await isThere(job, step, dfu, action.alternate, action.address, wanted.subarray(0, payload.length)))) {
		job.proofs.set(slot, { proof: 'read-back-sha256', sha256: payload.sha256, version, exact: true });
		return {
			skipped: `Its payload stands in flash already (SHA-256 ${payload.sha256}), put there without the suffix that nothing uses.`,
			evidence: { sha256: payload.sha256, bytes: payload.length, proof: 'read-back-sha256' },
		};
	}

	job.proofs.drop(slot);
	await writeProved(job, step, dfu, action, wanted, () =>
		writeBytes(job, step, dfu, action, wanted, input.module.prefixOffset - action.skipBytes),
	);
	return prove();
}

/** Writes, and reads back: again where that differs, `limits.stepTries` times in all. Throws `READ_BACK_DIFFERS`. */
export async function writeProved(
	job: RunningJob,
	step: Step,
	dfu: DfuDevice,
	place: { alternate: number; address: number },
	wanted: Uint8Array,
	write: () => Promise<void>,
): Promise<void> {
	const { events, world } = job;
	for (let attempt = 1; ; attempt++) {
		await job.changes();
		await write();
		const back = await dfu.read(place.alternate, place.address, wanted.length, {
			signal: world.signal,
			onProgress: (done, total) => events.progress(step, 'read-back', done, total),
		});
		if (equalBytes(back, wanted)) return;
		const error = differs(step, back, wanted, place.address);
		if (attempt >= world.limits.stepTries) throw error;
		events.emit({
			type: 'retry',
			step: step.id,
			code: error.code,
			message: error.message,
			attempt: attempt + 1,
			of: world.limits.stepTries,
		});
	}
}

/**
 * Erases and programs. With `headLast` the beginning stays blank until everything else is there: a bootloader that judges a module by
 * its header alone (STM32F2) must not find one on a module that is half written. Of the beginning, the prefix itself comes last of all:
 * the moment when its last byte is programmed is the moment when the module is whole.
 */
async function writeBytes(
	job: RunningJob,
	step: Step,
	dfu: DfuDevice,
	action: StepAction & { kind: 'write-dfu' },
	wanted: Uint8Array,
	prefixAt: number,
): Promise<void> {
	const { alternate, address } = action;
	const { signal } = job.world;
	const head = Math.min(action.headLast ?? 0, wanted.length);
	const report = (done: number) => job.events.progress(step, 'write', done, wanted.length);
	if (head > 0) {
		// Where the rest begins in a sector of its own, writing the rest would not erase the head.
		const segments = dfu.alternates.find((a) => a.number === alternate)?.segments ?? [];
		const [first] = sectorsOf(segments, address, head).slice(-1);
		if (head === wanted.length || first?.end === address + head) await dfu.erase(alternate, address, head, { signal });
	}
	if (head < wanted.length) await dfu.write(alternate, address + head, wanted.subarray(head), { signal, onProgress: report });
	let done = wanted.length - head;
	for (const [from, to] of headPieces(head, prefixAt)) {
		if (from >= to) continue;
		await dfu.write(alternate, address + from, wanted.subarray(from, to), { erase: false, signal });
		done += to - from;
		report(done);
	}
}

/** The head without the prefix, from its end on, and then the prefix. A prefix outside of the head cannot be kept for last. */
function headPieces(head: number, prefixAt: number): [number, number][] {
	const prefixEnd = prefixAt + PREFIX_SIZE;
	if (prefixAt < 0 || prefixEnd > head) return [[0, head]];
	return [
		[prefixEnd, head],
		[0, prefixAt],
		[prefixAt, prefixEnd],
	];
}

/** Compares the head in one transfer, and the rest only when the head is equal. */
export async function isThere(
	job: RunningJob,
	step: Step,
	dfu: DfuDevice,
	alternate: number,
	address: number,
	wanted: Uint8Array,
): Promise<boolean> {
	const { signal } = job.world;
	const head = Math.min(HEAD, wanted.length);
	if (!equalBytes(await dfu.read(alternate, address, head, { signal }), wanted.subarray(0, head))) return false;
	const rest = wanted.subarray(head);
	if (rest.length === 0) return true;
	// A copy that was cut in the middle has a right head too. Its end is looked at next: it is written last.
	const tail = Math.min(HEAD, rest.length);
	const end = await dfu.read(alternate, address + wanted.length - tail, tail, { signal });
	if (!equalBytes(end, wanted.subarray(wanted.length - tail))) return false;
	const middle = rest.length - tail;
	if (middle === 0) return true;
	const bytes = await dfu.read(alternate, address + head, middle, {
		signal,
		onProgress: (done, total) => job.events.progress(step, 'read-back', done, total),
	});
	return equalBytes(bytes, rest.subarray(0, middle));
}

export function differs(step: Step, back: Uint8Array, wanted: Uint8Array, address: number): LinacError {
	let at = 0;
	while (at < wanted.length && back[at] === wanted[at]) at++;
	return new LinacError(
		'READ_BACK_DIFFERS',
		`${step.title}: what was read back differs from what was written, first at 0x${(address + at).toString(16)} ` +
			`(read 0x${hex(back[at])}, wrote 0x${hex(wanted[at])}).`,
		{
			retry: 'operator',
			details: { address: address + at, read: back[at] ?? null, wrote: wanted[at] ?? null },
			hint: 'The flash of this device may be worn out or protected. Run the command again; if it happens at the same address, replace the device.',
		},
	);
}

function hex(value: number | undefined): string {
	return (value ?? 0).toString(16).padStart(2, '0');
}

/** Erases the sectors of the range, so that nothing there is taken for a module. */
export async function invalidate(job: RunningJob, step: Step, action: StepAction & { kind: 'invalidate' }): Promise<StepResult> {
	const { session, world } = job;
	const dfu = await session.dfu();
	const read = () => dfu.read(action.alternate, action.address, action.length, { signal: world.signal });
	const blank = (bytes: Uint8Array) => bytes.every((b) => b === 0xff);
	const there = await read();
	if (blank(there)) return { skipped: 'It is blank already.' };
	// Something else may lie there by now: the new application reaches over the place of the former one.
	if (!holdsPrefixOf(there, action.module)) return { skipped: 'There is no header of such a module any more.' };
	const gone = expectedModules(job.plan).find((m) => m.function === action.module.function && m.index === action.module.index);
	job.proofs.drop(gone?.slot);
	await job.changes();
	await dfu.erase(action.alternate, action.address, action.length, { signal: world.signal });
	const back = await read();
	if (!blank(back)) throw differs(step, back, new Uint8Array(action.length).fill(0xff), action.address);
	return { evidence: { blank: true, bytes: action.length } };
}

function holdsPrefixOf(bytes: Uint8Array, module: { function: number; index: number }): boolean {
	return prefixOffsets.some((offset) => {
		if (offset + PREFIX_SIZE > bytes.length) return false;
		const prefix = readPrefix(bytes, offset);
		return prefix.function === module.function && prefix.index === module.index && plausiblePrefix(bytes, offset) !== 0;
	});
}
