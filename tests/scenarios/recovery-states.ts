/**
 * Devices in every sort of damaged state, by a seed: the same seed gives the same device. What is done to a device is done to the bytes of its flash,
 * with real modules of Device OS where there are any. No tests here: recovery-*.test.ts.
 */
import { platformByName, type ReleaseSet, regionOf } from '@linac/catalog';
import { type Clock, type Random, seededRandom, VirtualClock } from '@linac/core';
import { ModuleFlag, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { standInRelease, VirtualBus, VirtualDevice } from '@linac/virtual';
import { realTinker } from '../support/real-firmware.js';
import { application, parsed, realRelease } from './programming-setup.js';

export interface Kind {
	platform: string;
	/** Releases that a source has. */
	releases: string[];
	/** Kinds of devices whose modules somebody may have put there by mistake. */
	others: string[];
	/** Small modules made by linac's own builder, with the addresses, numbers and needs of the real ones: for sweeps over every flash write. */
	small?: boolean;
}

export const kinds: Record<string, Kind> = {
	boron: { platform: 'boron', releases: ['1.5.2', '2.2.0', '4.0.1'], others: ['argon', 'bsom', 'tracker'] },
	tracker: { platform: 'tracker', releases: ['2.2.0', '4.0.1'], others: ['boron', 'b5som'] },
	photon: { platform: 'photon', releases: ['1.5.2', '2.2.0', '2.3.1'], others: ['p1', 'electron'] },
	electron: { platform: 'electron', releases: ['1.5.2', '2.2.0', '2.3.1'], others: ['photon', 'p1'] },
};

/** All lines of Device OS, and a repair in a hundred writes. */
export const smallKinds: Record<string, Kind> = {
	boron: { ...kinds.boron!, small: true, releases: ['1.5.2', '2.3.1', '3.0.0', '3.3.1', '4.2.0', '5.9.0', '6.2.1'] },
	tracker: { ...kinds.tracker!, small: true, releases: ['2.3.1', '3.0.0', '4.2.0', '5.5.0', '6.2.1'] },
	photon: { ...kinds.photon!, small: true, releases: ['1.5.2', '2.3.1', '3.3.1'] },
	electron: { ...kinds.electron!, small: true, releases: ['1.5.2', '2.3.1', '3.3.1'] },
};

const opened = new Map<string, ReleaseSet>();

/** A release as the sources of this kind have it; one without modules where they have none. */
export function releaseOf(kind: Kind, version: string, platform = kind.platform): ReleaseSet {
	if (!kind.small) return realRelease(platform, version);
	const key = `${platform} ${version}`;
	const set = opened.get(key) ?? standInRelease(platform, version, { sizes: { default: 5000 } });
	opened.set(key, set);
	return set;
}

export interface State {
	seed: number;
	kind: Kind;
	/** What the device had before it was damaged. */
	release: string;
	/** What was done to it, in words. */
	damage: string[];
	/** It had a whole bootloader when it was found. */
	bootloader: boolean;
	device: VirtualDevice;
	bus: VirtualBus;
	clock: Clock;
}

interface Making {
	kind: Kind;
	release: ReleaseSet;
	device: VirtualDevice;
	random: Random;
	modules: ParsedModule[];
	/** What to do when it has been plugged in. */
	later: ((device: VirtualDevice) => void)[];
	unplugged: boolean;
}

type Damage = [weight: number, name: string, apply: (m: Making) => string | undefined];

const flashOf = (m: Making) => m.device.flash('internal');
const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)]!;

/** The bytes of a module as they stand in flash. */
function inFlash(module: ParsedModule): { address: number; bytes: Uint8Array } {
	const skip = module.prefix.flags & ModuleFlag.dropModuleInfo ? module.prefixOffset + 24 : 0;
	return { address: module.prefix.start, bytes: module.bytes.subarray(skip) };
}

function nameOf(module: ParsedModule): string {
	const names: Record<number, string> = { 2: 'bootloader', 3: 'firmware', 4: 'system part', 5: 'application', 8: 'SoftDevice' };
	return `${names[module.prefix.function]} ${module.prefix.index}`;
}

/** Modules that are not the bootloader: without one there is nothing for USB. */
function anyModule(m: Making): ParsedModule {
	return pick(
		m.random,
		m.modules.filter((x) => x.prefix.function !== ModuleFunction.bootloader),
	);
}

function bootloader(m: Making): ParsedModule | undefined {
	return m.modules.find((x) => x.prefix.function === ModuleFunction.bootloader);
}

/** Sectors are erased as a whole. */
function erase(m: Making, address: number, length: number): void {
	const flash = flashOf(m);
	for (let at = address; at < address + length; ) {
		const sector = flash.sectorAt(at);
		flash.put(sector.start, new Uint8Array(sector.size).fill(0xff));
		at = sector.start + sector.size;
	}
}

function put(m: Making, module: ParsedModule, bytes = inFlash(module).bytes): void {
	const { address } = inFlash(module);
	erase(m, address, bytes.length);
	flashOf(m).put(address, bytes);
}

/** A write that was cut short: erased, and only the beginning there; or everything but the beginning, as where the header comes last. */
function tear(m: Making, module: ParsedModule): string {
	const { address, bytes } = inFlash(module);
	erase(m, address, bytes.length);
	const at = 1 + m.random.int(bytes.length - 1);
	const headLast = m.random.int(4) === 0;
	if (headLast) flashOf(m).put(address + at, bytes.subarray(at));
	else flashOf(m).put(address, bytes.subarray(0, at));
	return `${nameOf(module)} half-written (${headLast ? 'from' : 'up to'} byte ${at} of ${bytes.length})`;
}

function otherRelease(m: Making): ReleaseSet | undefined {
	const others = m.kind.releases.filter((r) => r !== m.release.version);
	return others.length === 0 ? undefined : releaseOf(m.kind, pick(m.random, others));
}

function sameSlot(set: ReleaseSet | undefined, module: ParsedModule): ParsedModule | undefined {
	return set?.modules
		.map((s) => s.module)
		.find((x) => x.prefix.function === module.prefix.function && x.prefix.index === module.prefix.index);
}

function writeDct(m: Making, offset: number, bytes: Uint8Array): void {
	m.device.putDct(offset, bytes);
}

const damages: Damage[] = [
	[
		4,
		'missing',
		(m) => {
			const module = anyModule(m);
			const { address, bytes } = inFlash(module);
			const whole = m.random.int(2) === 0;
			erase(m, address, whole ? bytes.length : 1);
			return `${nameOf(module)} missing${whole ? '' : ' (header erased)'}`;
		},
	],
	[6, 'half-written', (m) => tear(m, anyModule(m))],
	[
		4,
		'other release',
		(m) => {
			const other = otherRelease(m);
			const module = sameSlot(other, anyModule(m));
			if (!module || module.prefix.function === ModuleFunction.user) return undefined;
			put(m, module);
			return `${nameOf(module)} of ${other!.version}`;
		},
	],
	[
		3,
		'other platform',
		(m) => {
			const platform = pick(m.random, m.kind.others);
			const own = anyModule(m);
			let foreign: ParsedModule | undefined;
			try {
				foreign =
					own.prefix.function === ModuleFunction.user
						? parsed(application(platform, { needs: 1, size: 9000, seed: m.random.int(1000) }))
						: sameSlot(releaseOf(m.kind, m.release.version, platform), own);
			} catch {
				return undefined;
			}
			// A SoftDevice is the same for every nRF52840: nothing is foreign in it.
			if (!foreign || foreign.prefix.function === ModuleFunction.radioStack) return undefined;
			// Where the own module stands, whatever the foreign one was made for.
			const { address } = inFlash(own);
			const room = flashOf(m).end - address;
			const { bytes } = inFlash(foreign);
			erase(m, address, Math.min(bytes.length, room));
			flashOf(m).put(address, bytes.subarray(0, room));
			return `${nameOf(own)} of a ${platform}`;
		},
	],
	[
		4,
		'bits flipped',
		(m) => {
			const module = anyModule(m);
			const { address, bytes } = inFlash(module);
			const count = 1 + m.random.int(20);
			for (let i = 0; i < count; i++) {
				const at = address + m.random.int(bytes.length);
				const old = flashOf(m).read(at, 1)[0]!;
				flashOf(m).put(at, Uint8Array.of(old ^ (1 << m.random.int(8))));
			}
			return `${nameOf(module)} with ${count} bits flipped`;
		},
	],
	[
		3,
		'application too new',
		(m) => {
			const newer = m.random.int(4) === 0 ? 9000 + m.random.int(500) : newestOf(m.kind);
			const bytes = application(m.kind.platform, { needs: newer, seed: m.random.int(1000) });
			put(m, parsed(bytes));
			return `application that needs module ${newer}`;
		},
	],
	[
		2,
		'two applications',
		(m) => {
			const facts = platformByName(m.kind.platform)!;
			if (!facts.modules.some((s) => s.function === ModuleFunction.user && s.index === 2)) return undefined;
			if (m.release.moduleVersion < 3102) return undefined;
			put(
				m,
				parsed(
					application(m.kind.platform, {
						needs: m.release.moduleVersion,
						index: 2,
						seed: m.random.int(1000),
						size: m.kind.small ? 5000 : 50_000,
					}),
				),
			);
			return 'a second application in the 256 KB slot';
		},
	],
	[
		3,
		'update flag',
		(m) => {
			const facts = platformByName(m.kind.platform)!;
			writeDct(m, facts.dct.otaFlag, Uint8Array.of(0xa5));
			const region = regionOf(facts, 'ota', m.release.moduleVersion)!;
			const slot = m.device.flash(region.storage === 'external' ? 'external' : 'internal');
			const what = m.random.int(3);
			if (what === 0) return 'update flag set, nothing in the slot';
			const module = what === 1 ? sameSlot(otherRelease(m), anyModule(m)) : bootloader(m);
			if (!module || module.bytes.length > region.end - region.start) return 'update flag set, nothing in the slot';
			const bytes = module.bytes.slice();
			const torn = m.random.int(2) === 0;
			if (torn) bytes.fill(0xff, m.random.int(bytes.length));
			slot.put(region.start, bytes);
			return `update flag set, ${torn ? 'a torn ' : ''}${nameOf(module)} ${module.prefix.version} in the slot`;
		},
	],
	[
		2,
		'module slot',
		(m) => {
			const facts = platformByName(m.kind.platform)!;
			const region = regionOf(facts, 'ota', m.release.moduleVersion)!;
			const bytes = new Uint8Array(20).fill(0xff);
			const view = new DataView(bytes.buffer);
			view.setUint16(0, 0xabcd, true);
			view.setUint8(2, region.storage === 'external' ? 1 : 0);
			view.setUint8(3, 0);
			view.setUint32(4, region.start, true);
			view.setUint32(8, facts.memory.find((r) => r.name === 'system-part-1')!.start, true);
			view.setUint32(12, m.random.int(2) === 0 ? 50_000 : 0xfffffff0, true);
			view.setUint8(16, 0x0e);
			view.setUint8(17, 4);
			writeDct(m, facts.dct.moduleSlots + 20 * (1 + m.random.int(4)), bytes);
			return 'a copy asked for in a module slot, with nothing in its source';
		},
	],
	[
		2,
		'flags',
		(m) => {
			const facts = platformByName(m.kind.platform)!;
			const odd = pick(m.random, [0x00, 0xff, 0x37, 0xaa]);
			if (facts.dct.setupDone !== undefined) {
				writeDct(m, facts.dct.setupDone, Uint8Array.of(odd));
				return `setup-done byte 0x${odd.toString(16)}`;
			}
			writeDct(m, 12, Uint8Array.of(0xaa, 0xaa));
			return 'factory reset flag set';
		},
	],
	[
		3,
		'old bootloader',
		(m) => {
			const other = otherRelease(m);
			const module = other?.modules.map((s) => s.module).find((x) => x.prefix.function === ModuleFunction.bootloader);
			if (!module) return undefined;
			put(m, module);
			return `bootloader ${module.prefix.version} of ${other!.version}`;
		},
	],
	[
		1,
		'no bootloader',
		(m) => {
			const module = bootloader(m);
			if (!module) return undefined;
			if (m.random.int(2) === 0) return tear(m, module);
			erase(m, inFlash(module).address, inFlash(module).bytes.length);
			return 'bootloader missing';
		},
	],
];

function newestOf(kind: Kind): number {
	return Math.max(...kind.releases.map((r) => releaseOf(kind, r).moduleVersion));
}

function choose(random: Random): Damage {
	const total = damages.reduce((sum, [weight]) => sum + weight, 0);
	let at = random.int(total);
	for (const damage of damages) {
		at -= damage[0];
		if (at < 0) return damage;
	}
	return damages[0]!;
}

/** How it is when it is found. */
const starts: [name: string, apply: (m: Making) => void][] = [
	['as it starts', () => {}],
	['as it starts', () => {}],
	['in DFU mode by the buttons', (m) => m.later.push((d) => d.pressModeAndReset())],
	['without its cable', (m) => (m.unplugged = true)],
];

/** A damaged device, plugged in (or not) on a bus and a virtual clock of its own. */
export function damaged(kind: Kind, seed: number, clock: Clock = new VirtualClock()): State {
	const random = seededRandom(seed * 7919 + kind.platform.length * 104_729 + kind.platform.charCodeAt(0));
	for (let i = 0; i < 8; i++) random.int(2);
	const release = releaseOf(kind, pick(random, kind.releases));
	const platform = platformByName(kind.platform)!;
	const app = ownApplication(kind, release, random);
	// Firmware of another chip (NCP) is not in this one's flash.
	const modules = [...release.modules.map((s) => s.module).filter((x) => x.prefix.function !== ModuleFunction.ncp), app];
	const device = new VirtualDevice({
		platform,
		clock,
		timing: 'none',
		setupDone: random.int(5) > 0,
		modules,
		seed: seed + 1,
		ncp: { version: 7 },
	});
	const m: Making = { kind, release, device, random, modules, later: [], unplugged: false };
	const damage: string[] = [];
	const count = 1 + random.int(3);
	for (let tries = 0; damage.length < count && tries < 20; tries++) {
		const done = choose(random)[2](m);
		if (done !== undefined) damage.push(done);
	}
	const [how, apply] = pick(random, starts);
	apply(m);
	damage.push(`found ${how}`);
	const whole = device.installedModules().some((t) => t.function === ModuleFunction.bootloader && t.index === 0 && t.valid);
	const bus = new VirtualBus();
	bus.add(device);
	if (!m.unplugged) device.plug();
	for (const later of m.later) later(device);
	return { seed, kind, release: release.version, damage, bootloader: whole, device, bus, clock };
}

/** A real one now and then, else one of random bytes; in the 256 KB slot where there is one, mostly. */
function ownApplication(kind: Kind, release: ReleaseSet, random: Random): ParsedModule {
	if (!kind.small && random.int(3) === 0) {
		const tinker = parsed(realTinker(kind.platform));
		const needs = tinker.dependencies.find((d) => d.function === ModuleFunction.system)?.version ?? 0;
		if (needs <= release.moduleVersion && tinker.prefix.index === 1) return tinker;
	}
	return parsed(
		application(kind.platform, {
			needs: release.moduleVersion,
			seed: random.int(1000),
			size: kind.small ? 3000 + random.int(6000) : 20_000 + random.int(60_000),
		}),
	);
}
