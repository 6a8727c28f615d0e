/**
 * Watches the bus while somebody plugs a board in, and says what the computer saw. A cable without data lines cannot be seen by anybody: it
 * shows as nothing at all, like a dead port or a board that does not start, and that is what is said. The judgement is pure.
 */
import { type Clock, throwIfCancelled } from '@linac/core';
import type { UsbIds } from '@linac/usb';
import { usbTrouble } from './kernel-log.js';
import type { HostFinding, SeenUsbDevice } from './observations.js';

/** How the bus is looked at. */
export interface UsbWatcher {
	devices(): Promise<SeenUsbDevice[]>;
	/** The kernel's lines about USB since the last call; `undefined`: they cannot be read. */
	kernelLog?(): string[] | undefined;
	close?(): void;
}

export interface WatchedUsb {
	arrived: SeenUsbDevice[];
	left: SeenUsbDevice[];
	/** Ports at which a device came at least three times. */
	restless: string[];
	/** Lines of the kernel's log since the beginning; `undefined`: they cannot be read. */
	log?: string[];
	/** How long was watched, ms. */
	ms: number;
}

export interface WatchOptions {
	ids: readonly UsbIds[];
	clock: Clock;
	signal?: AbortSignal;
	/** Give up after this long, ms. */
	timeoutMs: number;
	/** What was there when the person was asked to plug the board in: a quick hand is faster than another look. Default: what is there now. */
	before?: readonly SeenUsbDevice[];
	/** Told of each device that comes or goes. */
	onChange?: (what: 'arrived' | 'left', device: SeenUsbDevice) => void;
}

const LOOK_EVERY_MS = 200;
/** After something has come, this long is waited for more: a hub brings devices, a board may fall back out. */
const SETTLE_MS = 2_500;
/** What comes so often has a bad contact, or restarts again and again. A board that is brought into DFU mode meanwhile comes twice. */
const RESTLESS = 3;

const keyOf = (d: SeenUsbDevice) => `${d.port ?? ''} ${d.vendorId}:${d.productId} ${d.serialNumber ?? ''}`;

/** Watches until a device has come and the bus is quiet, or time is up. Throws `CANCELLED`, and what the watcher throws. */
export async function watchUsb(watcher: UsbWatcher, options: WatchOptions): Promise<WatchedUsb> {
	const { clock, signal, timeoutMs } = options;
	const began = clock.now();
	// What was said before is not about what is plugged in now.
	watcher.kernelLog?.();
	let present = options.before ? byKey(options.before) : await look(watcher);
	const seen: WatchedUsb = { arrived: [], left: [], restless: [], ms: 0 };
	const comings = new Map<string, number>();
	let changed: number | undefined;
	while (clock.now() - began < timeoutMs && (changed === undefined || clock.now() - changed < SETTLE_MS)) {
		throwIfCancelled(signal);
		await clock.sleep(LOOK_EVERY_MS, signal);
		const now = await look(watcher);
		for (const [key, device] of now) {
			if (present.has(key)) continue;
			seen.arrived.push(device);
			const place = device.port ?? key;
			comings.set(place, (comings.get(place) ?? 0) + 1);
			options.onChange?.('arrived', device);
			// A hub alone is not what is waited for.
			if (!device.hub) changed = clock.now();
		}
		for (const [key, device] of present) {
			if (now.has(key)) continue;
			seen.left.push(device);
			options.onChange?.('left', device);
			if (changed !== undefined) changed = clock.now();
		}
		present = now;
		const log = watcher.kernelLog?.();
		if (log !== undefined) {
			seen.log = [...(seen.log ?? []), ...log];
			// The kernel has given up on a device: nothing more comes of it.
			if (log.some((l) => l.includes('unable to enumerate'))) changed ??= clock.now();
		}
	}
	seen.restless = [...comings].filter(([, n]) => n >= RESTLESS).map(([place]) => place);
	seen.ms = clock.now() - began;
	return seen;
}

async function look(watcher: UsbWatcher): Promise<Map<string, SeenUsbDevice>> {
	return byKey(await watcher.devices());
}

function byKey(devices: readonly SeenUsbDevice[]): Map<string, SeenUsbDevice> {
	return new Map(devices.map((d) => [keyOf(d), d]));
}

const otherCable =
	'Try another cable of which you know that it carries data (one that works with a phone or a disk), another port of the computer itself, and no hub in between.';

/** What was seen, in words. One finding; `ok` when a Particle device came and stayed. */
export function judgeWatch(seen: WatchedUsb, ids: readonly UsbIds[]): HostFinding {
	const ours = seen.arrived.filter((d) => ids.some((i) => i.vendorId === d.vendorId && i.productIds.includes(d.productId)));
	const last = ours.at(-1);
	if (last && seen.restless.includes(last.port ?? keyOf(last))) {
		return {
			code: 'WATCH_RESTLESS',
			severity: 'warning',
			message: `${named(last)} came and went again ${seen.left.length} times in ${seconds(seen.ms)}.`,
			hint: `That is a bad contact, a cable or hub that gives too little current, or a board that restarts again and again. ${otherCable} If it stays, hold MODE (SETUP on older boards), tap RESET, let go when the LED blinks yellow: in DFU mode a board does not restart by itself.`,
			...(last.port === undefined ? {} : { port: last.port }),
		};
	}
	if (last) {
		return {
			code: 'WATCH_FOUND',
			severity: 'ok',
			message: `The computer sees it: ${named(last)}. Cable and port carry data.`,
			...(last.port === undefined ? {} : { port: last.port }),
		};
	}
	const foreign = seen.arrived.filter((d) => !d.hub).at(-1);
	if (foreign) return judgeForeign(foreign, ids);
	const trouble = usbTrouble(seen.log ?? []).at(-1);
	if (trouble) {
		return {
			code: 'WATCH_DESCRIPTOR_ERRORS',
			severity: 'error',
			port: trouble.port,
			message: `The computer noticed a device at USB port ${trouble.port}, but could not read it. The kernel says: "${trouble.text}"`,
			hint: `So the data lines are there, and do not work well: a damaged cable, a bad port or hub, or the board. ${otherCable}`,
		};
	}
	if (seen.arrived.length > 0) {
		return {
			code: 'WATCH_HUB_ONLY',
			severity: 'error',
			message: 'A hub appeared, and nothing behind it.',
			hint: `Plug the board into a port of the computer itself. ${otherCable}`,
		};
	}
	return {
		code: 'WATCH_NOTHING',
		severity: 'error',
		message: `In ${seconds(seen.ms)} nothing new appeared on USB${seen.log === undefined ? '' : ', and the kernel noticed nothing'}.${seen.left.length > 0 ? ` ${seen.left.map(named).join(' and ')} left.` : ''}`,
		hint:
			`A cable that only charges looks exactly like this; so does a dead port, and a board without power or whose firmware does not start USB. Nobody can tell these apart from here. ${otherCable} ` +
			'If the LED of the board is lit, hold MODE (SETUP on older boards), tap RESET, and let go when the LED blinks yellow: then the board itself is ready, and what is left is cable or port.',
	};
}

function judgeForeign(device: SeenUsbDevice, ids: readonly UsbIds[]): HostFinding {
	const vendor = ids.some((i) => i.vendorId === device.vendorId);
	return {
		code: vendor ? 'WATCH_UNKNOWN_PARTICLE' : 'WATCH_OTHER_DEVICE',
		severity: 'error',
		...(device.port === undefined ? {} : { port: device.port }),
		message: vendor
			? `A device of Particle's appeared that linac does not know: ${named(device)}.`
			: `Something appeared, and it is no Particle device: ${named(device)}.`,
		hint: vendor
			? 'A newer linac may know it.'
			: 'If that is your board, it runs something else (a debugger or a serial adapter may be all that is visible of it). Cable and port carry data. If it is another device, plug the board in and watch again.',
	};
}

function named(d: SeenUsbDevice): string {
	const ids = `${hex(d.vendorId)}:${hex(d.productId)}`;
	return `${d.product ?? 'a device'} (${ids}${d.serialNumber === undefined ? '' : `, serial number ${d.serialNumber}`})${d.port === undefined ? '' : ` at USB port ${d.port}`}`;
}

const hex = (n: number) => n.toString(16).padStart(4, '0');
const seconds = (ms: number) => `${Math.max(1, Math.round(ms / 1000))} s`;
