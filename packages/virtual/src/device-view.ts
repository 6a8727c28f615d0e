/**
 * A virtual device as a person sees it who has it on the desk and knows what is in its flash: LED, mode, modules, cable, faults. Plain JSON. What the
 * firmware would say to a host is not asked.
 */
import { slotLabel } from '@linac/catalog';
import type { VirtualDevice, VirtualMode } from './device.js';
import type { PendingFault } from './faults.js';

/**
 * What the status LED does, and what that means (docs.particle.io, "Status LED and device modes"). A virtual device reaches no network: a running one goes
 * on looking for it.
 */
export interface Led {
	colour: 'dark' | 'green' | 'blue' | 'magenta' | 'yellow' | 'red';
	pattern: 'off' | 'blinks' | 'breathes' | 'sos';
	/** As one would say it: `blinks yellow`. */
	words: string;
	meaning: string;
}

export interface ModuleView {
	name: string;
	version: number;
	valid: boolean;
}

export interface DeviceView {
	deviceId: string;
	platform: string;
	displayName: string;
	location: string;
	mode: VirtualMode;
	/** Why it is in this mode; a sentence. */
	why: string;
	/** The cable is in: it has power. */
	cable: boolean;
	/** A host sees it. */
	attached: boolean;
	led: Led;
	modules: ModuleView[];
	transfers: number;
	bytesProgrammed: number;
	sectorsErased: number;
	faults: PendingFault[];
	/** How many times slower than its datasheet the flash is. */
	slowness: number;
}

const leds = {
	off: { colour: 'dark', pattern: 'off', words: 'is dark', meaning: 'It has no power.' },
	starting: { colour: 'dark', pattern: 'off', words: 'is dark', meaning: 'It is starting.' },
	nothing: { colour: 'dark', pattern: 'off', words: 'is dark', meaning: 'Nothing runs on it, although it has power.' },
	crash: {
		colour: 'red',
		pattern: 'sos',
		words: 'blinks red: SOS',
		meaning: 'Device OS crashes whenever it starts. DFU mode by the buttons still works.',
	},
	normal: {
		colour: 'green',
		pattern: 'blinks',
		words: 'blinks green',
		meaning: 'The application runs, and looks for a network.',
	},
	listening: {
		colour: 'blue',
		pattern: 'blinks',
		words: 'blinks dark blue',
		meaning: 'Listening mode: it answers on its serial port.',
	},
	safe: {
		colour: 'magenta',
		pattern: 'breathes',
		words: 'breathes magenta',
		meaning: 'Safe mode: Device OS runs, the application does not.',
	},
	dfu: {
		colour: 'yellow',
		pattern: 'blinks',
		words: 'blinks yellow',
		meaning: 'DFU mode: the bootloader waits for a host to write.',
	},
} as const satisfies Record<string, Led>;

function ledOf(device: VirtualDevice): Led {
	if (!device.powered) return leds.off;
	if (device.mode === 'off') return leds.starting;
	if (device.mode === 'dead') return device.crashes ? leds.crash : leds.nothing;
	return leds[device.mode];
}

interface Remembered {
	writes: number;
	modules: ModuleView[];
}
const remembered = new WeakMap<VirtualDevice, Remembered>();

/** The modules by their headers in flash. Looking checks every byte of them: it is done anew only when something has been written. */
export function modulesOf(device: VirtualDevice): ModuleView[] {
	const writes = device.counters.flashWrites;
	const known = remembered.get(device);
	if (known?.writes === writes) return known.modules;
	const modules = device
		.installedModules()
		.map((m) => ({ name: slotLabel(device.platform, m), version: m.version, valid: m.valid }));
	remembered.set(device, { writes, modules });
	return modules;
}

/** `modules`: what is known of them from before, while they are being written. */
export function viewOf(device: VirtualDevice, modules: ModuleView[] = modulesOf(device)): DeviceView {
	const { platform, counters, faults } = device;
	return {
		deviceId: device.deviceId,
		platform: platform.name,
		displayName: platform.displayName,
		location: device.location,
		mode: device.mode,
		why: device.why,
		cable: device.powered,
		attached: device.attached,
		led: ledOf(device),
		modules,
		transfers: counters.transfers,
		bytesProgrammed: counters.bytesProgrammed,
		sectorsErased: counters.flashErases,
		faults: faults.pending,
		slowness: faults.slowness,
	};
}
