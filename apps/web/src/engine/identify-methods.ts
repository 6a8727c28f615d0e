/** What the page asks a device about itself: which can be asked, their answers, a table of many, and what a device says by itself. */
import { asPlatform, platforms, slotLabel } from '@linac/catalog';
import { asLinacError, csvLine, type Disposer, LinacError, systemClock } from '@linac/core';
import {
	type Identity,
	type IdentityField,
	type IdentityNote,
	identityColumns,
	identityOf,
	overSerial,
	PLAIN_RATE,
	type SerialDevice,
	serialDevices,
	usbIdsOf,
} from '@linac/programmer';
import { hasItsNeeds, isSound, type ListeningDevice } from '@linac/serial';
import { failureOf } from '../link/engine-link.js';
import type { CallContext, FailureMessage } from '../link/messages.js';
import { withDevice } from './device-locks.js';
import { noSerial, onlyPort, type PageSerial, realSerial, virtualSerial } from './serial-hosts.js';
import { hostFor, type PresentDevice, presentDevices, watchDevices } from './usb-host.js';

/** A device that can be asked, and over which way. */
export interface Askable {
	/** For `identify.ask`. */
	id: string;
	way: 'usb' | 'serial';
	virtual: boolean;
	/** `Boron`; undefined for a port of something that is no Particle device as far as its ids tell. */
	displayName: string | undefined;
	/** What the browser tells of it: Web Serial has no device id. */
	deviceId: string | undefined;
	/** A port's number of this visit: `serial:1`. */
	port: string | undefined;
	dfu: boolean;
}

export type IdentityValues = Partial<Record<IdentityField, string>>;

export interface ModuleTold {
	name: string;
	version: number;
	sound: boolean;
	hasItsNeeds: boolean;
}

export interface Answer {
	displayName: string | undefined;
	values: IdentityValues;
	/** What listening mode tells besides. */
	mac?: string;
	modules?: ModuleTold[];
	notes: IdentityNote[];
	error?: FailureMessage;
}

const ids = platforms.map(usbIdsOf);

interface Target {
	askable: Askable;
	usb?: PresentDevice;
	port?: SerialDevice & { from: PageSerial };
}

/** Devices by USB, in which a virtual one has its serial port too, and the browser's serial ports, which nothing ties to a USB device. */
async function targets(): Promise<Target[]> {
	const usb = (await presentDevices()).map((one): Target => {
		const { virtual, name, found } = one;
		return {
			usb: one,
			askable: {
				id: `${virtual ? 'virtual' : 'usb'}:${name}`,
				way: 'usb',
				virtual,
				displayName: asPlatform(found.platform.name).displayName,
				deviceId: found.deviceId,
				port: undefined,
				dfu: found.mode === 'dfu',
			},
		};
	});
	const ports = realSerial ? await serialDevices(realSerial.serial, ids, true) : [];
	const serial = ports.map((found): Target => {
		const { port, device } = found;
		return {
			port: { ...found, from: realSerial! },
			askable: {
				id: port.path,
				way: 'serial',
				virtual: false,
				displayName: device && asPlatform(device.platform.name).displayName,
				deviceId: port.deviceId,
				port: port.path,
				dfu: false,
			},
		};
	});
	return [...serial, ...usb];
}

async function targetNamed(id: string): Promise<Target> {
	const target = (await targets()).find((t) => t.askable.id === id);
	if (target) return target;
	throw new LinacError('DEVICE_NOT_FOUND', 'This board is not there any more.', {
		retry: 'operator',
		hint: 'Plug it in again. If it does not appear by itself, choose it in the list of the browser.',
	});
}

async function byUsb(present: PresentDevice, signal: AbortSignal): Promise<Answer> {
	const { clock, host } = hostFor(present);
	const serial = present.virtual ? virtualSerial.serial : noSerial;
	return withDevice(present, async () => {
		const identity = await identityOf({ serial, clock, platforms, signal }, { ...present.found, host });
		return answerOf(identity);
	});
}

/** A port alone: there is no USB to ask, so the device has to listen. */
async function bySerial({ port, device, from }: SerialDevice & { from: PageSerial }, signal: AbortSignal): Promise<Answer> {
	const way = { serial: onlyPort(from, port.path), clock: from.clock, signal };
	if (device) {
		const identity = await identityOf({ ...way, platforms }, { ...device, location: port.path });
		delete identity.values.location;
		const answer = answerOf(identity);
		if (identity.values.osVersion === undefined) {
			const [note] = identity.notes;
			// Of a device that says nothing only its kind is known: that is no answer.
			throw note?.code === 'NOT_LISTENING' ? notListening() : await whyNot(way, port.path);
		}
		await overSerial(way, port, (listening) => further(listening, device.platform.name, answer));
		return answer;
	}
	return overSerial(way, port, async (listening) => {
		const version = await listening.version();
		const { deviceSecret: _, ...told } = await listening.identity();
		const answer: Answer = { displayName: undefined, values: { ...told, osVersion: version, mode: 'listening' }, notes: [] };
		await further(listening, undefined, answer);
		return answer;
	});
}

function notListening(): LinacError {
	return new LinacError('NOT_LISTENING', 'Nothing answered at this port: the board is not in listening mode.', {
		retry: 'operator',
	});
}

/** What was wrong at the port, as an error of its own. */
async function whyNot(way: PageSerial & { signal: AbortSignal }, path: string): Promise<LinacError> {
	try {
		await overSerial(way, { path }, (listening) => listening.version());
		return notListening();
	} catch (error) {
		return asLinacError(error);
	}
}

/** Modules and MAC address. What a release cannot tell is left out. */
async function further(listening: ListeningDevice, platformName: string | undefined, answer: Answer): Promise<void> {
	try {
		const info = await listening.modules();
		const platform = platforms.find((p) => p.id === info.platformId);
		if (!platform) return;
		answer.displayName ??= platform.displayName;
		answer.values.platform ??= platformName ?? platform.name;
		answer.modules = info.modules
			.filter((m) => m.store === 'main')
			.map((m) => ({ name: slotLabel(platform, m), version: m.version, sound: isSound(m), hasItsNeeds: hasItsNeeds(m) }));
		const mac = platform.components.wifi ? await listening.mac() : undefined;
		if (mac !== undefined) answer.mac = mac;
	} catch (error) {
		const known = asLinacError(error);
		if (known.code === 'CANCELLED' || known.code === 'SERIAL_CLOSED') throw known;
		answer.notes.push({ code: known.code, message: `It did not tell everything: ${known.message}` });
	}
}

function answerOf({ device, values, notes, error }: Identity): Answer {
	// A browser knows no places; those of virtual devices would only puzzle.
	const { location: _, ...told } = values;
	return {
		displayName: asPlatform(device.platform.name).displayName,
		values: told,
		notes,
		...(error === undefined ? {} : { error: failureOf(error) }),
	};
}

function watchAskable(onChange: () => void): Disposer {
	const stops = [watchDevices(onChange), ...(realSerial ? [realSerial.serial.watch(onChange)] : [])];
	return () => {
		for (const stop of stops) stop();
	};
}

/** Ids that the browser's own list of ports is to show. */
const filters = () =>
	platforms
		.map(({ usb }) => ({ usbVendorId: usb.vendorId, usbProductId: usb.productId }))
		.filter(({ usbVendorId, usbProductId }, i, all) => {
			return all.findIndex((f) => f.usbVendorId === usbVendorId && f.usbProductId === usbProductId) === i;
		});

/** One read of the monitor waits so long before it is looked whether anybody still listens, ms. */
const READ_MS = 1_000;
/** Between two looks for a device that is restarting, ms. */
const LOOK_MS = 250;

export const identifyMethods = {
	/** For the page, which alone may ask for a port. */
	'identify.filters': async (): Promise<SerialPortFilter[]> => filters(),

	/** Tells which devices can be asked, now and whenever that changes, until it is cancelled. */
	async 'identify.watch'(_: undefined, { emit, signal }: CallContext<Askable[]>): Promise<void> {
		let last = '';
		for (;;) {
			let changed = () => {};
			const change = new Promise<void>((resolve) => {
				changed = resolve;
			});
			signal.addEventListener('abort', changed, { once: true });
			const stop = watchAskable(changed);
			const list = (await targets()).map((t) => t.askable);
			const text = JSON.stringify(list);
			if (text !== last && !signal.aborted) emit(list);
			last = text;
			if (!signal.aborted) await change;
			stop();
			signal.removeEventListener('abort', changed);
			if (signal.aborted) return;
		}
	},

	/** The port that was permitted last needs no event of the browser to be seen. */
	'identify.list': async (): Promise<Askable[]> => (await targets()).map((t) => t.askable),

	/** Who it is. Throws `DEVICE_NOT_FOUND`, `DEVICE_BUSY`, `NOT_LISTENING`, `SERIAL_...`, `CANCELLED`. */
	async 'identify.ask'({ id }: { id: string }, { signal }: CallContext): Promise<Answer> {
		const { usb, port } = await targetNamed(id);
		return usb ? byUsb(usb, signal) : bySerial(port!, signal);
	},

	/** A table of units as a file: header and lines end with CR LF, as RFC 4180 has it. */
	'identify.csv': async ({ rows }: { rows: readonly IdentityValues[] }): Promise<string> => {
		const columns = identityColumns.filter((column) => column !== 'location');
		return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]
			.map((cells) => `${csvLine(cells)}\r\n`)
			.join('');
	},

	/** Tells what a device prints on its serial port, until it is cancelled; goes on when the device restarts. Throws `SERIAL_...` at the beginning. */
	async 'identify.monitor'({ id }: { id: string }, { emit, signal }: CallContext<string>): Promise<void> {
		const { usb, port } = await targetNamed(id);
		const from = port?.from ?? virtualSerial;
		const same = async () =>
			(await from.serial.ports()).find((p) => (port ? p.path === port.port.path : p.deviceId === usb?.found.deviceId));
		let first = true;
		while (!signal.aborted) {
			const found = await same();
			if (!found && first)
				throw new LinacError('SERIAL_CLOSED', 'The board has no serial port in this mode.', { retry: 'reconnect' });
			if (!found) {
				await systemClock.sleep(LOOK_MS, signal).catch(() => {});
				continue;
			}
			try {
				await copy(from, found.path, emit, signal);
			} catch (error) {
				const { code } = asLinacError(error);
				if (code === 'CANCELLED') return;
				if (code !== 'SERIAL_CLOSED') throw error;
			}
			first = false;
		}
	},
};

async function copy({ serial }: PageSerial, path: string, emit: (text: string) => void, signal: AbortSignal): Promise<void> {
	const stream = await serial.open({ path }, PLAIN_RATE, signal);
	const decoder = new TextDecoder();
	try {
		for (;;) {
			try {
				emit(decoder.decode(await stream.read(READ_MS, signal), { stream: true }));
			} catch (error) {
				if (asLinacError(error).code !== 'SERIAL_TIMEOUT') throw error;
			}
		}
	} finally {
		await stream.close();
	}
}
