/** Finds the one device that a job is about. More than one possible device is an error, never a guess. */
import { asLinacError, LinacError } from '@linac/core';
import { type DiscoveredDevice, listDevices, waitForDevice } from '@linac/usb';
import type { World } from './environment.js';
import type { JobEvents } from './job-events.js';

export interface DeviceSelector {
	/** 24 hex digits. */
	deviceId?: string;
	/** Bus and port path, e.g. `1-2.3`. */
	location?: string;
	/** Platform name of the catalogue. */
	platform?: string;
}

export async function findDevice(world: World, selector: DeviceSelector = {}): Promise<DiscoveredDevice> {
	const { host, usbPlatforms, signal } = world;
	const wantedId = selector.deviceId?.toLowerCase();
	const all = await listDevices(host, usbPlatforms, signal);
	const match = (d: DiscoveredDevice) =>
		(wantedId === undefined || d.deviceId === wantedId) &&
		(selector.location === undefined || d.location === selector.location) &&
		(selector.platform === undefined || d.platform.name === selector.platform);
	const found = all.filter(match);
	if (found.length === 1) return found[0]!;
	if (found.length > 1) {
		throw new LinacError('DEVICE_AMBIGUOUS', `${found.length} devices are connected: ${found.map(describe).join('; ')}.`, {
			hint: 'Say which one: --device with its device id or its port.',
			details: { devices: found.map(describe) },
		});
	}
	// A device that is just restarting (an interrupted job may have left it so) is given a moment.
	if (selector.platform === undefined) {
		const { clock, limits } = world;
		try {
			return await waitForDevice(host, usbPlatforms, {
				deviceId: wantedId,
				location: selector.location,
				timeoutMs: limits.returnMs,
				clock,
				signal,
			});
		} catch (error) {
			if (!(error instanceof LinacError) || error.code !== 'DEVICE_NOT_BACK') throw error;
		}
	}
	const wanted = [selector.platform, wantedId, selector.location].filter((v) => v !== undefined).join(' ');
	const others = all.length === 0 ? '' : ` These are: ${all.map(describe).join('; ')}.`;
	throw new LinacError(
		'DEVICE_NOT_FOUND',
		`${wanted === '' ? 'No Particle device is' : `The device ${wanted} is not`} connected.${others}`,
		{
			retry: 'operator',
			hint:
				'Check the cable (some carry power only). A device that does not start can be brought into DFU mode by hand: ' +
				'hold MODE (SETUP on generation 2), tap RESET, and let go when the LED blinks yellow.',
			details: { connected: all.map(describe) },
		},
	);
}

/**
 * The same, and a device that is not there (it may not start by itself) is waited for when there is somebody to ask, at most `limits.operatorMs`.
 * `asked`: what is said to that person, made of the failure. Throws `DEVICE_NOT_BACK` when it did not come.
 */
export async function findOrAsk(
	world: World,
	events: JobEvents,
	selector: DeviceSelector = {},
	asked: (missing: LinacError) => { for: string; hint: string },
): Promise<DiscoveredDevice> {
	const { host, usbPlatforms, clock, signal, limits } = world;
	try {
		return await findDevice(world, selector);
	} catch (error) {
		const e = asLinacError(error);
		if (e.code !== 'DEVICE_NOT_FOUND' || limits.operatorMs === 0) throw e;
		events.emit({ type: 'waiting', step: 'job', ...asked(e) });
		await waitForDevice(host, usbPlatforms, {
			deviceId: selector.deviceId,
			location: selector.location,
			timeoutMs: limits.operatorMs,
			clock,
			signal,
		});
		return findDevice(world, selector);
	}
}

function describe(d: DiscoveredDevice): string {
	const parts = [d.platform.name, d.deviceId ?? 'without id', d.mode === 'dfu' ? 'in DFU mode' : 'running'];
	return `${parts.join(' ')}${d.location === undefined ? '' : ` at ${d.location}`}`;
}
