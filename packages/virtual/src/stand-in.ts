/**
 * Modules made by linac's own builder, for releases whose real modules cannot be had: real addresses, numbers, platform ids and dependencies from the
 * catalogue, and invented contents. They pass every check that a device makes, and no processor could run them. docs/virtual-devices.md says where
 * they stand in.
 */
import {
	asPlatform,
	expectedModules,
	type Platform,
	type ReleaseModule,
	type ReleaseSet,
	regionOf,
	releaseByVersion,
	type SourcedModule,
	slotByName,
} from '@linac/catalog';
import { assert, putU32le, seededRandom, sha256, toHex, unwrap } from '@linac/core';
import { createModule, ModuleFlag, ModuleFunction, type NewModule, type ParsedModule, parseModule } from '@linac/firmware';
import { vectorTableSize } from './flash-modules.js';

export interface StandInOptions {
	/** Bytes of invented contents by slot name; `default` for the others. Default 12 KB each. */
	sizes?: { [slot: string]: number };
}

const DEFAULT_SIZE = 12 * 1024;
/** MCU byte of ESP32 modules. */
const ESP32 = 33;

/** Every module of a release for a platform, without application. Empty where the release has nothing for the platform. */
export function standInRelease(platform: Platform | string, version: string, options: StandInOptions = {}): ReleaseSet {
	const facts = asPlatform(platform);
	const release = releaseByVersion(version);
	assert(release, `no release ${version} in the catalogue`);
	const modules = expectedModules(facts, version).map((expected) =>
		standInModule(facts, release.moduleVersion, expected, options),
	);
	return {
		platform: facts.name,
		version: release.version,
		moduleVersion: release.moduleVersion,
		modules,
		source: 'linac stand-ins',
	};
}

/** One module of a slot, with the numbers given. */
export function standInModule(
	platform: Platform,
	systemVersion: number,
	expected: Pick<ReleaseModule, 'slot' | 'function' | 'index' | 'version' | 'dependencies'>,
	options: StandInOptions = {},
): SourcedModule {
	const size = options.sizes?.[expected.slot] ?? options.sizes?.default ?? DEFAULT_SIZE;
	return sourced(expected.slot, `stand-in ${expected.slot} ${expected.version}`, build(platform, systemVersion, expected, size));
}

/** An application for a release: depends on its system part, as the compilers make it. On nRF52840 from 3.1.0 it is the 256 KB kind. */
export function standInApplication(
	platform: Platform | string,
	version: string,
	options: { version?: number; size?: number; seed?: number } = {},
): SourcedModule {
	const facts = asPlatform(platform);
	const release = releaseByVersion(version);
	assert(release, `no release ${version} in the catalogue`);
	const number = release.moduleVersion;
	const slots = facts.modules.filter((s) => s.function === ModuleFunction.user && inside(s.versions, number));
	const slot = slots.at(-1);
	assert(slot, `${facts.name} has no slot for an application`);
	const systems = facts.modules.filter((s) => s.function === ModuleFunction.system);
	// Applications declare the part that the device checks them against: 2 on STM32F2, 1 elsewhere (FORMATS of user parts).
	const index = facts.mcu === 'stm32f2' ? 2 : (systems[0]?.index ?? 1);
	const dependencies = systems.length > 0 ? [{ function: ModuleFunction.system, index, version: number }] : [];
	const expected = { slot: slot.name, function: slot.function, index: slot.index, version: options.version ?? 6, dependencies };
	const bytes = build(facts, number, expected, options.size ?? DEFAULT_SIZE, options.seed);
	return sourced(slot.name, `stand-in application for ${release.version}`, bytes);
}

function inside(range: { from?: number; before?: number } | undefined, version: number): boolean {
	return (range?.from === undefined || version >= range.from) && (range?.before === undefined || version < range.before);
}

function build(
	platform: Platform,
	systemVersion: number,
	expected: Pick<ReleaseModule, 'slot' | 'function' | 'index' | 'version' | 'dependencies'>,
	size: number,
	seed = 0,
): Uint8Array {
	const slot = slotByName(platform, expected.slot);
	const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, systemVersion);
	const random = seededRandom(
		(platform.id << 24) ^ (expected.function << 20) ^ (expected.index << 16) ^ expected.version ^ (seed << 8),
	);
	const body = random.bytes(size);
	const common: NewModule = {
		platformId: platform.id,
		function: expected.function,
		index: expected.index,
		version: expected.version,
		dependencies: expected.dependencies,
		body,
	};
	const rtl = platform.mcu === 'rtl872x';
	switch (expected.function) {
		case ModuleFunction.ncp:
			return createModule({ ...common, start: 0, reserved: ESP32, flags: ModuleFlag.dropModuleInfo, suffix: 'base' });
		case ModuleFunction.radioStack:
			return createModule({
				...common,
				body: softDevice(body, expected.version),
				start: 0x1000,
				flags: ModuleFlag.dropModuleInfo,
				suffix: 'base',
			});
		case ModuleFunction.user:
			assert(region, `no place for ${expected.slot} on ${platform.name}`);
			return rtl
				? createModule({ ...common, end: region.end - 4, align: 4096, suffix: 'dynamic' })
				: createModule({ ...common, start: region.start });
		default: {
			assert(region, `no place for ${expected.slot} on ${platform.name}`);
			const prefixOffset = vectorsOf(platform, expected);
			return createModule({
				...common,
				start: region.start,
				...(prefixOffset ? { prefixOffset } : {}),
				suffix: rtl ? 'dynamic' : 'product',
			});
		}
	}
}

/** Which modules own a vector table: docs/formats/module.md. Electron's third part has none. */
function vectorsOf(platform: Platform, module: { function: number; index: number }): number {
	const size = vectorTableSize[platform.mcu];
	if (platform.mcu === 'rtl872x') return module.function === ModuleFunction.bootloader && module.index === 0 ? size : 0;
	if (platform.mcu === 'stm32f2' && module.function === ModuleFunction.system && module.index > 2) return 0;
	return size;
}

/** A payload with the information structure by which a SoftDevice tells its version. */
function softDevice(body: Uint8Array, version: number): Uint8Array {
	const payload = new Uint8Array(Math.max(body.length, 0x3010));
	payload.set(body);
	putU32le(payload, 0x2000, 0x2c);
	putU32le(payload, 0x2004, 0x51b1e5db);
	// Real ones name the page behind the last one that they may use (S140 of 1.5.2, 2.2.0 and 4.0.1: 0x27000), not their own end.
	putU32le(payload, 0x2008, 0x27000);
	payload[0x200c] = version & 0xff;
	payload[0x200d] = version >>> 8;
	return payload;
}

function sourced(slot: string, origin: string, bytes: Uint8Array): SourcedModule {
	const module: ParsedModule = unwrap(parseModule(bytes));
	return { slot, origin, module, sha256: toHex(sha256(bytes)), standIn: true };
}
