/**
 * Keeps the backup of a job: a new file for each job, with kind of device, device id and time in its name, readable by its owner only. What is
 * there from before is never overwritten or removed. What a backup holds and when it is made is for `@linac/programmer`.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { backupsFolder, nodeDigests, readWholeFile, writeNewSecret } from '@linac/host';
import {
	type Backup,
	type BackupContents,
	type BackupHook,
	type BackupRecord,
	encodeBackup,
	hasWholeApplication,
	LARGEST_BACKUP,
	readBackup,
} from '@linac/programmer';
import type { BackupOptions, Context } from './context.js';
import { ExitCode } from './exit-codes.js';
import { CommandFailure, refused } from './failure.js';

/** Earlier backups that are looked into for a whole application; they are named by time, the newest first. */
const MOST_LOOKED_INTO = 20;

/**
 * How the backup of this job is kept; undefined with --no-backup. Throws `FILE_EXISTS`, before any device is looked at, when --backup names
 * a file that is something else: a backup from an earlier try of the same job stays, and the new one goes beside it.
 */
export async function backupHook(context: Context, options: BackupOptions): Promise<BackupHook | undefined> {
	if (options.backup === false) return undefined;
	const named = typeof options.backup === 'string' ? resolve(context.cwd, options.backup) : undefined;
	if (named !== undefined && (await isThere(named))) await expectBackup(named, String(options.backup));
	return (contents) => keepBackup(contents, named ?? { folder: backupsFolder(context.env) });
}

/** Writes a backup to a file that is new: the one that is named, else one in the folder. `beside`: where it is there, one with the time in its name. */
export async function keepBackup(
	contents: BackupContents,
	where: string | { folder: string },
	{ beside = true }: { beside?: boolean } = {},
): Promise<BackupRecord> {
	const made = new Date().toISOString();
	const stamp = made.replace(/[-:]|\.\d+/g, '');
	const { text, sha256 } = encodeBackup(contents, made, nodeDigests);
	const { platform, deviceId } = contents;
	const own = `${platform}-${deviceId ?? 'without-id'}`;
	const first = typeof where === 'string' ? where : join(where.folder, `${own}-${stamp}.json`);
	const file = await writeBeside(first, stamp, text, beside);
	const earlier = hasWholeApplication(contents) ? undefined : await earlierWhole(dirname(file), own, basename(file));
	return { file, sha256, ...(earlier === undefined ? {} : { earlier }) };
}

async function writeBeside(first: string, stamp: string, text: string, beside: boolean): Promise<string> {
	const end = extname(first);
	const stem = first.slice(0, first.length - end.length);
	for (let n = 0; ; n++) {
		const path = n === 0 ? first : `${stem}-${stem.includes(stamp) ? '' : `${stamp}-`}${n}${end}`;
		try {
			await writeNewSecret(path, text);
			return path;
		} catch (error) {
			if ((error as { code?: string }).code !== 'FILE_EXISTS' || !beside || n >= 100) throw error;
		}
	}
}

/** The newest earlier backup of the same device whose application is whole. What cannot be read is passed over: it is only a help. */
async function earlierWhole(folder: string, own: string, except: string): Promise<string | undefined> {
	const names = await readdir(folder).catch(() => []);
	const earlier = names.filter((n) => n.startsWith(`${own}-`) && n.endsWith('.json') && n !== except).sort();
	for (const name of earlier.reverse().slice(0, MOST_LOOKED_INTO)) {
		const path = join(folder, name);
		const read = await readWholeFile(path, LARGEST_BACKUP).catch(() => undefined);
		const backup = read && readBackup(read, name, nodeDigests);
		if (backup?.ok && hasWholeApplication(backup.value)) return path;
	}
	return undefined;
}

/** A backup that the user named. Throws with exit code 3 when it is none, or is damaged. */
export async function openBackup(context: Context, name: string): Promise<Backup> {
	const bytes = await readWholeFile(resolve(context.cwd, name), LARGEST_BACKUP, name);
	const backup = readBackup(bytes, name, nodeDigests);
	if (!backup.ok) throw refused(ExitCode.inputRefused, backup.problems, 'Nothing was written.');
	return backup.value;
}

async function expectBackup(path: string, name: string): Promise<void> {
	const read = await readWholeFile(path, LARGEST_BACKUP, name).catch(() => undefined);
	if (read && readBackup(read, name, nodeDigests).ok) return;
	throw new CommandFailure(
		ExitCode.inputRefused,
		'FILE_EXISTS',
		`${name} is there already, and is no backup. Nothing was written.`,
		{
			hint: 'Choose another name for --backup.',
		},
	);
}

async function isThere(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		(error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
	);
}
