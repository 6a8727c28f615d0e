/**
 * The deep look that a repair begins with: what the running system says, if it runs, and then everything read back in DFU mode, because a system
 * that is asked can say neither what a half-written SoftDevice looks like nor what is in its own flash. Leaves the device in DFU mode.
 */
import { asLinacError, LinacError } from '@linac/core';
import type { DeviceSnapshot } from '@linac/planner';
import type { DiscoveredDevice } from '@linac/usb';
import { type DeviceSelector, findOrAsk } from './device-selector.js';
import type { World } from './environment.js';
import type { JobEvents } from './job-events.js';
import { buttonHint, needsDfuButton } from './operator.js';
import type { DeviceSession } from './session.js';
import { snapshotInDfu } from './snapshot-dfu.js';
import { snapshotReported } from './snapshot-reported.js';

/**
 * Finds the device, whatever state it is in. One that is not on the bus (it restarts again and again, or does not start) needs somebody's hand:
 * the event `waiting` says which buttons. Throws `DEVICE_NOT_FOUND` where nobody can be asked, `NOTHING_ANSWERS` when the buttons did not help.
 */
export async function findForRestore(world: World, events: JobEvents, selector: DeviceSelector = {}): Promise<DiscoveredDevice> {
	try {
		return await findOrAsk(world, events, selector, () => ({
			for: 'the device in DFU mode',
			hint: `See that the cable is in and carries data. ${buttons(world, selector)}`,
		}));
	} catch (error) {
		if (asLinacError(error).code !== 'DEVICE_NOT_BACK') throw error;
		throw nothingAnswers(world, selector, error);
	}
}

function buttons(world: World, selector: DeviceSelector): string {
	const platform = world.platforms.find((p) => p.name === selector.platform);
	if (platform) return buttonHint(platform);
	return (
		'Hold MODE (SETUP on Photon, P1 and Electron), tap RESET, and let go of MODE when the LED blinks yellow: that is DFU mode. ' +
		'The repair goes on by itself then.'
	);
}

/** Not even the bootloader has answered. Whether it is gone or the cable is bad, USB alone cannot tell; the LED can. */
function nothingAnswers(world: World, selector: DeviceSelector, cause: unknown): LinacError {
	const kind = selector.platform ?? 'PLATFORM';
	const seconds = Math.round(world.limits.operatorMs / 1000);
	return new LinacError('NOTHING_ANSWERS', `No device came up in DFU mode within ${seconds} s.`, {
		retry: 'operator',
		hint:
			'Try another cable and another USB port first. If the LED never blinks yellow while the buttons are pressed as described, the bootloader of ' +
			'the device is gone: nothing over USB can help then, only a debugger on the SWD pins. ' +
			`\`linac hex --platform ${kind} --target VERSION\` makes the image for it, \`linac matrix swd\` shows the pins.`,
		details: { swd: true },
		cause,
	});
}

/** Brings the device into DFU mode and reads it. `found` says how it was before. */
export async function lookDeep(session: DeviceSession, events: JobEvents): Promise<DeviceSnapshot> {
	let reported: DeviceSnapshot | undefined;
	if (session.found.mode === 'normal') {
		reported = await ask(session);
		await intoDfu(session, events);
	}
	const read = await snapshotInDfu(session);
	return reported ? merged(session, reported, read) : read;
}

/** These are no fault of the device, and pressing its buttons does not help. */
const notToBePassedOver: ReadonlySet<string> = new Set(['CANCELLED', 'USB_PERMISSION', 'USB_PERMISSION_NEEDED']);

/** What the running system says; `undefined` when it does not answer, which is a finding and no failure. */
async function ask(session: DeviceSession): Promise<DeviceSnapshot | undefined> {
	try {
		return await snapshotReported(session);
	} catch (error) {
		const e = asLinacError(error);
		if (e.code === 'USB_BUSY' || notToBePassedOver.has(e.code)) throw e;
		session.world.log.debug('the system does not answer', { code: e.code });
		return undefined;
	}
}

async function intoDfu(session: DeviceSession, events: JobEvents): Promise<void> {
	const { limits } = session.world;
	let failure: LinacError;
	try {
		await session.enterDfu();
		return;
	} catch (error) {
		failure = asLinacError(error);
		if (notToBePassedOver.has(failure.code)) throw failure;
	}
	// It restarts again and again, or its system does not know the request: then somebody's hand is needed.
	const hint = `It does not go into DFU mode by itself. ${buttonHint(session.platform)}`;
	if (limits.operatorMs > 0) events.emit({ type: 'waiting', step: 'job', for: 'the device in DFU mode', hint });
	if (!(await session.waitForDfu(Math.max(limits.operatorMs, limits.returnMs)))) throw needsDfuButton(session.platform, failure);
}

/** What was read counts; what DFU cannot read (a module in another chip, an encrypted one) is as reported. */
function merged(session: DeviceSession, reported: DeviceSnapshot, read: DeviceSnapshot): DeviceSnapshot {
	const { platform } = session;
	const unreadable = (reported.modules ?? []).filter((m) => {
		const slot = platform.modules.find((s) => s.function === m.function && s.index === m.index);
		return slot !== undefined && (slot.region === undefined || slot.encrypted === true);
	});
	if (read.modules === undefined) return { ...reported, ...(read.protection ? { protection: read.protection } : {}) };
	return {
		...read,
		...(reported.deviceId === undefined ? {} : { deviceId: reported.deviceId }),
		mode: reported.mode,
		modules: [...read.modules, ...unreadable],
		...(reported.osVersion === undefined ? {} : { osVersion: reported.osVersion }),
		...(read.protection === undefined && reported.protection !== undefined ? { protection: reported.protection } : {}),
	};
}
