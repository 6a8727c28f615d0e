/** Keeps the backup that a job makes before it writes: in this browser, and offered by the page as a file. What it holds is for `@linac/programmer`. */
import { portableDigests } from '@linac/core';
import { type BackupContents, type BackupRecord, encodeBackup, hasWholeApplication } from '@linac/programmer';
import { storedBackups } from './storage.js';

/** Keeps a backup under a new name. What is there from before is never overwritten. */
export async function keepBackup(contents: BackupContents): Promise<BackupRecord> {
	const made = new Date().toISOString();
	const stamp = made.replace(/[-:]|\.\d+/g, '');
	const { text, sha256 } = encodeBackup(contents, made, portableDigests);
	const { platform, deviceId } = contents;
	const all = await storedBackups.all();
	const stem = `${platform}-${deviceId ?? 'without-id'}-${stamp}`;
	const taken = new Set(all.map((b) => b.key));
	let key = `${stem}.json`;
	for (let n = 1; taken.has(key); n++) key = `${stem}-${n}.json`;
	const whole = hasWholeApplication(contents);
	await storedBackups.put({ key, platform, ...(deviceId === undefined ? {} : { deviceId }), made, text, sha256, whole });
	const own = all.filter((b) => b.whole && b.platform === platform && b.deviceId === deviceId);
	const earlier = whole ? undefined : own.sort((a, b) => b.made.localeCompare(a.made))[0]?.key;
	return { file: key, sha256, ...(earlier === undefined ? {} : { earlier }) };
}
