/** What the page does to bring a device to a release: run a restore, continue one that was interrupted, and fetch its backups. */
import { asPlatform } from '@linac/catalog';
import { LinacError } from '@linac/core';
import type { RestoreReport } from '@linac/programmer';
import type { CallContext } from '../link/messages.js';
import { type DeviceRef, keyOf } from './device-ref.js';
import { answerPlan, type RestoreEvent, runRestore } from './restore-job.js';
import { type RestoreGoal, storedBackups, storedJobs } from './storage.js';

/** A job that was begun and is not finished. */
export interface UnfinishedJob extends DeviceRef {
	key: string;
	platform: string;
	displayName: string;
	target: string;
	application: string;
	/** ISO 8601. */
	began: string;
}

export interface BackupShown {
	file: string;
	platform: string;
	deviceId?: string;
	/** ISO 8601. */
	made: string;
	/** Bytes. */
	size: number;
}

const applications = { keep: 'kept', default: 'Tinker', file: '' } as const;

export const restoreMethods = {
	/**
	 * Looks at everything, tells the plan, waits for `restore.confirm`, runs it and reports. Throws where nothing has been written. Cancelling acts at the
	 * next safe point.
	 */
	'restore.run': (
		{ ref, goal }: { ref: DeviceRef; goal: RestoreGoal },
		{ emit, signal }: CallContext<RestoreEvent>,
	): Promise<RestoreReport> => runRestore(ref, { goal, resumed: false, emit, signal }),

	/** Goes on with a job that was agreed to before an interruption. */
	async 'restore.continue'(ref: DeviceRef, { emit, signal }: CallContext<RestoreEvent>): Promise<RestoreReport> {
		const job = await storedJobs.get(keyOf(ref));
		if (!job) throw new LinacError('JOB_NOT_FOUND', 'There is no unfinished job for this device in this browser.');
		return runRestore(ref, { goal: job.goal, resumed: true, emit, signal });
	},

	/** The answer to a plan. */
	'restore.confirm': async ({ ref, yes }: { ref: DeviceRef; yes: boolean }): Promise<boolean> => answerPlan(ref, yes),

	'restore.unfinished': async (): Promise<UnfinishedJob[]> =>
		(await storedJobs.all()).map(({ key, virtual, name, platform, goal, began }) => ({
			key,
			virtual,
			name,
			platform,
			displayName: asPlatform(platform).displayName,
			target: goal.target,
			application: goal.application.kind === 'file' ? goal.application.name : applications[goal.application.kind],
			began,
		})),

	/** Forgets an unfinished job. What is on the device stays as it is. */
	'restore.forget': ({ key }: { key: string }): Promise<void> => storedJobs.remove(key),

	'backups.list': async (): Promise<BackupShown[]> =>
		(await storedBackups.all())
			.sort((a, b) => b.made.localeCompare(a.made))
			.map(({ key, platform, deviceId, made, text }) => ({
				file: key,
				platform,
				...(deviceId === undefined ? {} : { deviceId }),
				made,
				size: text.length,
			})),

	/** The text of a backup file. */
	async 'backups.read'({ file }: { file: string }): Promise<string> {
		const backup = await storedBackups.get(file);
		if (backup) return backup.text;
		throw new LinacError('BACKUP_NOT_FOUND', `The backup ${file} is not in this browser any more.`);
	},

	'backups.remove': ({ file }: { file: string }): Promise<void> => storedBackups.remove(file),
};
