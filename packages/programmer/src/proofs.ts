/**
 * What has been proved of each module during a job, and the evidence that is made of it at the end. A proof is only worth something
 * for the bytes it was taken of: a step that touches a slot drops the proof of that slot. Not for reading devices.
 */
import { ModuleFunction } from '@linac/firmware';
import type { DeviceSnapshot, ExpectedModule, InstalledModule } from '@linac/planner';
import type { EvidenceRow } from './types.js';

export interface Proof {
	proof: Exclude<EvidenceRow['proof'], 'none'>;
	sha256?: string;
	version: number;
	/**
	 * They were compared with the module at hand and are the same, although the plan has no hash of them, or another one: it counted on the
	 * version alone, or the module was put there as its payload without the suffix (SoftDevice), which nothing runs or reads.
	 */
	exact?: boolean;
}

export class Proofs {
	readonly #bySlot = new Map<string, Proof>();

	set(slot: string, proof: Proof): void {
		this.#bySlot.set(slot, proof);
	}

	get(slot: string): Proof | undefined {
		return this.#bySlot.get(slot);
	}

	/** Whether the bytes of this slot were read back in their place, and nothing has touched it since. */
	isReadBack(slot: string | undefined): boolean {
		return slot !== undefined && this.get(slot)?.proof === 'read-back-sha256';
	}

	/** The module in this slot is about to be changed. */
	drop(slot: string | undefined): void {
		if (slot !== undefined) this.#bySlot.delete(slot);
	}
}

/** The installed module that an expected one is about, or `undefined`. */
export function installed(
	snapshot: DeviceSnapshot | undefined,
	expected: { function: number; index: number },
): InstalledModule | undefined {
	return snapshot?.modules?.find((m) => m.function === expected.function && m.index === expected.index);
}

/** Modules that a device lists whenever it has them: one that is not in its list is not there, whatever was read back before. */
const alwaysListed: ReadonlySet<number> = new Set([
	ModuleFunction.bootloader,
	ModuleFunction.monolithic,
	ModuleFunction.system,
	ModuleFunction.user,
]);

/**
 * One row a module: what was there, what is there, and how that was proved. A row is only `ok` when what the device says now does not
 * contradict the plan and there is a proof: SHA-256 of the bytes read back, the hash that the device tells, or, where nothing better
 * can be had (a module in another chip, Device OS before 5.6.0 outside of DFU), the version that the device tells together with its
 * own integrity check, if need be with the SHA-256 of the copy from which it has just been installed.
 */
export function evidenceRow(
	expected: ExpectedModule,
	before: DeviceSnapshot | undefined,
	after: DeviceSnapshot | undefined,
	proofs: Proofs,
): EvidenceRow {
	const was = installed(before, expected);
	const is = installed(after, expected);
	const read = proofs.get(expected.slot);
	const absent = is === undefined && after?.modules !== undefined && alwaysListed.has(expected.function);
	const contradicted = absent || (is !== undefined && (is.version !== expected.version || !is.valid));
	const row: EvidenceRow = {
		slot: expected.slot,
		function: expected.function,
		index: expected.index,
		...(was ? { before: { version: was.version, valid: was.valid } } : {}),
		...(is ? { after: { version: is.version, valid: is.valid } } : {}),
		expected: { version: expected.version },
		proof: 'none',
		ok: false,
		...(expected.stays === undefined ? {} : { note: expected.stays }),
	};
	if (contradicted) return row;
	if (read?.proof === 'read-back-sha256' && (read.exact || read.sha256 === expected.contentSha256)) {
		return { ...row, proof: 'read-back-sha256', sha256: read.sha256, ok: true };
	}
	if (is?.contentSha256 !== undefined && expected.contentSha256 !== undefined) {
		const proof = after?.depth === 'read' ? ('read-back-sha256' as const) : ('device-hash' as const);
		return { ...row, proof, sha256: is.contentSha256, ok: is.contentSha256 === expected.contentSha256 };
	}
	if (is && read?.proof === 'copy-read-back-sha256' && read.version === expected.version) {
		return { ...row, proof: 'copy-read-back-sha256', sha256: read.sha256, ok: true };
	}
	if (is) return { ...row, proof: 'reported-version', ok: true };
	return row;
}

/** The same row for a job that has looked at the device more than once: what was there before the first change. */
export function withBefore(row: EvidenceRow, before: DeviceSnapshot): EvidenceRow {
	const { before: _, ...rest } = row;
	if (row.asset !== undefined) {
		const stored = before.assets?.available.find((a) => a.name === row.asset);
		return stored ? { ...rest, before: { version: 0, valid: stored.sha256 === row.sha256 } } : rest;
	}
	const was = installed(before, row);
	return was ? { ...rest, before: { version: was.version, valid: was.valid } } : rest;
}
