/** Out of DFU mode: leaving it, and letting a device run again that was brought into it for something that has ended. Steps of a plan: modes.ts. */
import { asLinacError } from '@linac/core';
import { needsDfuButton } from './operator.js';
import type { DeviceSession } from './session.js';

/**
 * Leaves DFU. Throws `NEEDS_DFU_BUTTON` when the device does not come back: either it stays in the bootloader, or it restarts again and again, and both are
 * left by the same two buttons.
 */
export async function leaveDfuMode(session: DeviceSession): Promise<void> {
	try {
		await session.leaveDfu();
	} catch (error) {
		const e = asLinacError(error);
		if (e.code === 'DEVICE_NOT_BACK') throw needsDfuButton(session.platform, e);
		throw e;
	}
}

/** The same, to the end even when the job has been cancelled meanwhile. */
export async function letRun(session: DeviceSession): Promise<void> {
	await session.toTheEnd(async () => {
		await session.close();
		await leaveDfuMode(session);
		// Opened for work that may not be cancelled: what follows may be.
		await session.close();
	});
}

/** After a failure: a device that ran at first (`ran`) runs again, if it can. The failure is what is told, and not that this failed as well. */
export async function letRunAgain(session: DeviceSession, ran: boolean): Promise<void> {
	if (!ran || session.found.mode !== 'dfu') return;
	try {
		await letRun(session);
	} catch (error) {
		session.world.log.debug('the device could not be let run again', { code: asLinacError(error).code });
	}
}
