/**
 * The backup that a job makes before it changes anything: once in a job, however often it is planned again, and not at all when there is
 * nothing to change. A running device is brought into DFU mode for it and let run again, when the job still needs it running.
 */
import { asLinacError, LinacError } from '@linac/core';
import type { DeviceSnapshot } from '@linac/planner';
import type { JobEvents } from '../job-events.js';
import { letRun, letRunAgain } from '../let-run.js';
import type { DeviceSession } from '../session.js';
import type { BackupContents, BackupHook, BackupRecord } from './contents.js';
import { readContents } from './read-contents.js';

export class FirstBackup {
	readonly #hook: BackupHook | undefined;
	#done = false;
	#record: BackupRecord | undefined;

	constructor(hook: BackupHook | undefined) {
		this.#hook = hook;
	}

	get record(): BackupRecord | undefined {
		return this.#record;
	}

	/**
	 * To be called before every change; all calls but the first do nothing. Throws what reading and keeping throw: then nothing may be
	 * changed. The device is in the mode in which it was.
	 */
	async before(session: DeviceSession, device: DeviceSnapshot, events: JobEvents): Promise<void> {
		if (!this.#hook || this.#done) return;
		const began = events.elapsedMs;
		events.emit({ type: 'backup-started' });
		const runs = session.found.mode === 'normal';
		let contents: BackupContents;
		try {
			if (runs) await session.enterDfu();
			contents = await readContents(session, device);
			await this.keep(contents);
		} catch (error) {
			await letRunAgain(session, runs);
			throw duringBackup(error);
		}
		if (runs) await letRun(session);
		events.emit({
			type: 'backup-finished',
			ms: events.elapsedMs - began,
			...(this.#record ? { file: this.#record.file } : {}),
			...(this.#record?.earlier === undefined ? {} : { earlier: this.#record.earlier }),
			notes: [...contents.notes, ...contents.missing.map((m) => m.message)],
		});
	}

	/** Hands over contents that have been read already. */
	async keep(contents: BackupContents): Promise<void> {
		if (!this.#hook || this.#done) return;
		const record = await this.#hook(contents);
		this.#record = record && { ...record, ...(contents.missing.length > 0 ? { missing: contents.missing } : {}) };
		this.#done = true;
	}
}

function duringBackup(error: unknown): LinacError {
	const e = asLinacError(error);
	if (e.code === 'CANCELLED' || e.code === 'INTERNAL') return e;
	return new LinacError(e.code, `While the backup was made, and before anything was written: ${e.message}`, {
		retry: e.retry,
		details: e.details,
		hint: e.hint ?? 'Run the same command again. --no-backup goes on without a backup.',
		cause: e,
	});
}
