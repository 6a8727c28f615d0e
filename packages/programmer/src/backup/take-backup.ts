/** Reads what a backup holds from a device in whatever mode it is, and leaves it in that mode. Writes nothing to it. */
import { type DeviceSelector, findDevice } from '../device-selector.js';
import { completeEnvironment, type Environment } from '../environment.js';
import { letRun, letRunAgain } from '../let-run.js';
import { DeviceSession } from '../session.js';
import { snapshotOf } from '../snapshot.js';
import type { BackupContents } from './contents.js';
import { readContents } from './read-contents.js';

export interface TakeBackupOptions extends Environment {
	selector?: DeviceSelector;
	/** Default: all. `settings`: without the application. */
	parts?: 'all' | 'settings';
}

/** Throws `BACKUP_NOT_READABLE`, and what talking to a device throws. */
export async function takeBackup(options: TakeBackupOptions): Promise<BackupContents> {
	const world = completeEnvironment(options);
	const session = new DeviceSession(world, await findDevice(world, options.selector), options.selector?.deviceId?.toLowerCase());
	const ran = session.found.mode === 'normal';
	try {
		const device = await snapshotOf(session);
		if (ran) await session.enterDfu();
		const contents = await readContents(session, device, options.parts);
		if (ran) await letRun(session);
		return contents;
	} catch (error) {
		await letRunAgain(session, ran);
		throw error;
	} finally {
		await session.close();
	}
}
