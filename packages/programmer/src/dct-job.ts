/**
 * Changes settings of one device (keys, server address, claim code ...) over DFU: looks at what is there, asks, keeps a backup, writes what
 * differs, reads it back. Values never get into an event, a message or the report. Running it again after an interruption finishes it: what is
 * there already is left alone. Which values are right is for the caller.
 */
import { asLinacError, bad, cancelled, equalBytes, good, LinacError, throwIfCancelled, type Verdict } from '@linac/core';
import type { DfuDevice } from '@linac/usb';
import type { BackupContents, BackupHook, BackupRecord } from './backup/contents.js';
import { FirstBackup } from './backup/first-backup.js';
import { readContents } from './backup/read-contents.js';
import { BLOCK, blocksOf, type DctChange, differing } from './dct-writes.js';
import { type DeviceSelector, findDevice } from './device-selector.js';
import { completeEnvironment, type Environment } from './environment.js';
import { JobEvents } from './job-events.js';
import { letRun, letRunAgain } from './let-run.js';
import { errorOf } from './run-job.js';
import { DeviceSession } from './session.js';
import { snapshotOf } from './snapshot.js';
import type { Report } from './types.js';
import { alternateFor } from './write-dct.js';

export type { DctChange };

export interface DctJobOptions extends Environment {
	selector?: DeviceSelector;
	/** What shall be there, once it is known what is. A refused verdict ends the job before anything is written. */
	want(contents: BackupContents): Verdict<DctChange[]> | Promise<Verdict<DctChange[]>>;
	/** Called before anything is written, with what will be. `false` cancels. Also called when nothing differs. */
	confirm?(fields: readonly DctReportField[], contents: BackupContents): boolean | Promise<boolean>;
	backup?: BackupHook;
	/** Look and compare, and write nothing. */
	dryRun?: boolean;
	/** Asked at the end: leave the device in DFU mode, because another job follows? Otherwise it ends in the mode in which it was found. */
	stayInDfu?: () => boolean;
}

export interface DctReportField {
	name: string;
	/** In bytes, from the start of the DCT (or of the Core's serial flash). */
	offset: number;
	size: number;
	/** Whether there was something before, and is something then; blank is 0xFF. Never the value. */
	before: 'set' | 'blank';
	after: 'set' | 'blank';
	result: 'there' | 'to-write' | 'written' | 'not-written';
}

/** `planned`: it was only looked at. */
export interface DctReport {
	format: 'linac-dct-report/1';
	outcome: 'verified' | 'already' | 'planned' | 'failed' | 'cancelled';
	platform: string;
	deviceId?: string;
	fields: DctReportField[];
	backup?: BackupRecord;
	error?: Report['error'];
	/** Milliseconds, and bytes that crossed the wire. */
	ms: number;
	bytesWritten: number;
	bytesRead: number;
}

/** Throws `LinacError` when it ends before the first write; afterwards the report says how it ended. */
export async function runDctJob(options: DctJobOptions): Promise<Verdict<DctReport>> {
	const world = completeEnvironment(options);
	const session = new DeviceSession(world, await findDevice(world, options.selector), options.selector?.deviceId?.toLowerCase());
	const events = new JobEvents(world.clock, world.onEvent);
	const ran = session.found.mode === 'normal';
	try {
		const verdict = await new DctJob(session, events, options).run();
		if (ran && !(verdict.ok && !verdict.value.error && options.stayInDfu?.()) && session.found.mode === 'dfu')
			await letRun(session);
		return verdict;
	} catch (error) {
		await letRunAgain(session, ran);
		throw error;
	} finally {
		await session.close();
	}
}

class DctJob {
	readonly #session: DeviceSession;
	readonly #events: JobEvents;
	readonly #options: DctJobOptions;
	readonly #backup: FirstBackup;

	constructor(session: DeviceSession, events: JobEvents, options: DctJobOptions) {
		this.#session = session;
		this.#events = events;
		this.#options = options;
		this.#backup = new FirstBackup(options.backup);
	}

	async run(): Promise<Verdict<DctReport>> {
		const session = this.#session;
		const { signal } = session.world;
		const { confirm, dryRun, want } = this.#options;
		const device = await snapshotOf(session);
		if (session.found.mode === 'normal') await session.enterDfu();
		const contents = await readContents(session, device);
		const wanted = await want(contents);
		if (!wanted.ok) return bad(...wanted.problems);
		const present = (c: DctChange) => presentBytes(contents, c);
		const changes = differing(wanted.value, present);
		const fields = wanted.value.map(
			(c): DctReportField => ({
				name: c.name,
				offset: c.offset,
				size: c.bytes.length,
				before: stateOf(present(c)),
				after: stateOf(c.bytes),
				result: changes.includes(c) ? 'to-write' : 'there',
			}),
		);
		if (changes.some((c) => c.storage === 'dct') && !contents.dctAccess) throw noAccess(session);
		if (dryRun) return good(this.#report(changes.length > 0 ? 'planned' : 'already', fields), wanted.problems);
		if (confirm && !(await confirm(fields, contents))) throw cancelled('not confirmed');
		if (changes.length === 0) return good(this.#report('already', fields), wanted.problems);
		throwIfCancelled(signal);
		this.#events.emit({ type: 'backup-started' });
		const began = this.#events.elapsedMs;
		await this.#backup.keep(contents);
		const { record } = this.#backup;
		const notes = [...contents.notes, ...contents.missing.map((m) => m.message)];
		this.#events.emit({
			type: 'backup-finished',
			ms: this.#events.elapsedMs - began,
			...(record ? { file: record.file } : {}),
			notes,
		});
		return good(await this.#write(changes, fields), wanted.problems);
	}

	async #write(changes: readonly DctChange[], fields: DctReportField[]): Promise<DctReport> {
		let error: LinacError | undefined;
		const by = (names: readonly string[], result: DctReportField['result']) => {
			for (const field of fields) if (field.result === 'to-write' && names.includes(field.name)) field.result = result;
		};
		try {
			const dct = changes.filter((c) => c.storage === 'dct');
			for (const { offset, bytes, names } of blocksOf(dct)) {
				await this.#tries(async () => {
					const alternate = alternateFor(this.#session, 'dct');
					const dfu = await this.#session.dfu();
					await dfu.write(alternate.number, offset + alternate.addressOffset, bytes, {
						erase: false,
						...this.#signal(),
					});
				});
				await this.#readBack('dct', offset, bytes, names);
				by(names, 'written');
			}
			const external = changes.filter((c) => c.storage === 'external');
			for (const sector of await this.#sectors(external)) {
				await this.#tries(async () => {
					const alternate = alternateFor(this.#session, 'external');
					const dfu = await this.#session.dfu();
					await dfu.write(alternate.number, sector.start + alternate.addressOffset, sector.bytes, this.#signal());
				});
				await this.#readBack('external', sector.start, sector.bytes, sector.names);
				by(sector.names, 'written');
			}
		} catch (thrown) {
			error = asLinacError(thrown);
			for (const field of fields) if (field.result === 'to-write') field.result = 'not-written';
		}
		const outcome = error ? (error.code === 'CANCELLED' ? 'cancelled' : 'failed') : 'verified';
		return this.#report(outcome, fields, error);
	}

	/** Whole sectors of the serial flash, with the changes in them: what else stands there is kept. */
	async #sectors(changes: readonly DctChange[]): Promise<{ start: number; bytes: Uint8Array; names: string[] }[]> {
		const out = new Map<number, { start: number; bytes: Uint8Array; names: string[] }>();
		const alternate = changes.length > 0 ? alternateFor(this.#session, 'external') : undefined;
		for (const { name, offset, bytes } of changes) {
			const start = offset - (offset % BLOCK);
			let sector = out.get(start);
			if (!sector) {
				const dfu: DfuDevice = await this.#session.dfu();
				const there = await dfu.read(alternate!.number, start + alternate!.addressOffset, BLOCK, this.#signal());
				sector = { start, bytes: there, names: [] };
				out.set(start, sector);
			}
			sector.bytes.set(bytes, offset - start);
			sector.names.push(name);
		}
		return [...out.values()];
	}

	async #readBack(storage: 'dct' | 'external', offset: number, wanted: Uint8Array, names: readonly string[]): Promise<void> {
		const alternate = alternateFor(this.#session, storage);
		const dfu = await this.#session.dfu();
		const back = await dfu.read(alternate.number, offset + alternate.addressOffset, wanted.length, this.#signal());
		if (equalBytes(back, wanted)) return;
		// What differs is not told: it may be part of a key.
		throw new LinacError('READ_BACK_DIFFERS', `What was read back of ${names.join(', ')} is not what was written.`, {
			retry: 'operator',
			details: { offset, fields: [...names] },
			hint: 'Run the command again. If it stays so, the flash of this device is worn out; the backup has what was there before.',
		});
	}

	/** A stalled transfer or an error status is worth another try; a block is written whole each time. */
	async #tries(act: () => Promise<void>): Promise<void> {
		const { stepTries } = this.#session.world.limits;
		for (let attempt = 1; ; attempt++) {
			try {
				return await act();
			} catch (error) {
				if (asLinacError(error).retry !== 'step' || attempt >= stepTries) throw error;
				await this.#session.close();
			}
		}
	}

	#signal(): { signal?: AbortSignal } {
		const { signal } = this.#session.world;
		return signal ? { signal } : {};
	}

	#report(outcome: DctReport['outcome'], fields: DctReportField[], error?: LinacError): DctReport {
		const session = this.#session;
		const { record } = this.#backup;
		return {
			format: 'linac-dct-report/1',
			outcome,
			platform: session.platform.name,
			...(session.deviceId === undefined ? {} : { deviceId: session.deviceId }),
			fields,
			...(record ? { backup: record } : {}),
			...(error ? { error: errorOf(error) } : {}),
			ms: this.#events.elapsedMs,
			bytesWritten: session.bytesWritten,
			bytesRead: session.bytesRead,
		};
	}
}

/** What stands at the place of a change now; 0xFF where nothing was read. */
function presentBytes(contents: BackupContents, change: DctChange): Uint8Array {
	const out = new Uint8Array(change.bytes.length).fill(0xff);
	for (const part of contents.parts) {
		if (part.storage !== change.storage || part.kind === 'dct-sectors') continue;
		const from = change.offset - part.address;
		if (from < 0 || from >= part.bytes.length) continue;
		out.set(part.bytes.subarray(from, from + out.length));
	}
	return out;
}

function stateOf(bytes: Uint8Array): 'set' | 'blank' {
	return bytes.every((b) => b === 0xff) ? 'blank' : 'set';
}

function noAccess(session: DeviceSession): LinacError {
	return new LinacError(
		'DCT_NOT_WRITABLE',
		`The bootloader of this ${session.platform.displayName} cannot reach the DCT: its system parts are damaged or missing.`,
		{
			retry: 'operator',
			hint: 'Install Device OS first ("linac update" or "linac flash --target VERSION"), then run this command again. Nothing was written.',
		},
	);
}
