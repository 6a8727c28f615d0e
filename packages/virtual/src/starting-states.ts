/**
 * The states in which a virtual device can be found: as delivered, or with the things wrong with it that happen to boards. What is done is done to the
 * bytes of its flash, or with its buttons; what follows from it is the model's business. Faults that strike later: faults.ts.
 */
import { expectedModules, type Platform, regionOf, releaseByVersion, releasesFor } from '@linac/catalog';
import { assert } from '@linac/core';
import { ModuleFlag, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { type DeliveredParts, type PartSources, releaseOrStandIn } from './delivered-parts.js';
import type { VirtualDevice } from './device.js';
import { standInApplication } from './stand-in.js';

export type StartingStateName =
	| 'healthy'
	| 'half-written'
	| 'application-too-new'
	| 'application-missing'
	| 'application-damaged'
	| 'bootloader-old'
	| 'softdevice-damaged'
	| 'system-missing'
	| 'bootloader-damaged'
	| 'dfu'
	| 'listening'
	| 'safe';

export interface StartingState {
	name: StartingStateName;
	title: string;
	/** What is the matter, in a sentence. */
	help: string;
}

interface Preparing {
	platform: Platform;
	version: string;
	parts: DeliveredParts;
	sources: PartSources;
	signal: AbortSignal | undefined;
}

interface Arrangement extends StartingState {
	/** Whether a device of this release can be in it. `version` is undefined for a platform without releases. */
	fits(platform: Platform, version: string | undefined): boolean;
	/** Exchanges modules before the device is made. */
	parts?(making: Preparing): Promise<ParsedModule[]> | ParsedModule[];
	/** Spoils the flash of the finished device, while its cable is out. */
	spoil?(device: VirtualDevice, modules: readonly ParsedModule[], version: string): void;
	/** Works the buttons once it has started. */
	press?(device: VirtualDevice): void;
}

const always = () => true;
const hasReleases = (_: Platform, version: string | undefined) => version !== undefined;

const arrangements: readonly Arrangement[] = [
	{
		name: 'healthy',
		title: 'Healthy',
		help: 'Everything of the release is in place, with the application that devices are delivered with (Tinker).',
		fits: always,
	},
	{
		name: 'half-written',
		title: 'System part half written',
		help: 'An update was broken off: the second half of a system part is missing.',
		fits: hasReleases,
		spoil: (device, modules, version) => spoilHalf(device, last(modules, isSystem), version),
	},
	{
		name: 'application-too-new',
		title: 'Application needs a newer Device OS',
		help: 'The application was built for a later release than the one on the device.',
		fits: (platform, version) => newerRelease(platform, version) !== undefined,
		parts: ({ platform, version, parts }) => [
			...parts.modules.filter((m) => !isApplication(m)),
			standInApplication(platform, newerRelease(platform, version) ?? version).module,
		],
	},
	{
		name: 'application-missing',
		title: 'No application',
		help: 'Device OS is there, and nothing for it to run.',
		fits: hasReleases,
		parts: ({ parts }) => parts.modules.filter((m) => !isApplication(m)),
	},
	{
		name: 'application-damaged',
		title: 'Application damaged',
		help: 'The second half of the application is missing.',
		fits: hasReleases,
		spoil: (device, modules, version) => spoilHalf(device, last(modules, isApplication), version),
	},
	{
		name: 'bootloader-old',
		title: 'Bootloader too old',
		help: 'The bootloader is that of an earlier release, older than this Device OS needs.',
		fits: (platform, version) => releaseWithOldBootloader(platform, version) !== undefined,
		parts: async ({ platform, version, parts, sources, signal }) => {
			const older = releaseWithOldBootloader(platform, version);
			assert(older !== undefined, 'a release whose bootloader cannot be too old');
			const { release } = await releaseOrStandIn(platform, older, sources, signal);
			const bootloader = release.modules.map((m) => m.module).filter(isBootloader);
			return [...parts.modules.filter((m) => !isBootloader(m)), ...bootloader];
		},
	},
	{
		name: 'softdevice-damaged',
		title: 'SoftDevice half written',
		help: 'The radio stack is torn: Device OS crashes whenever it starts.',
		fits: (platform, version) => version !== undefined && has(platform, version, ModuleFunction.radioStack),
		spoil: (device, modules, version) =>
			spoilHalf(
				device,
				last(modules, (m) => m.prefix.function === ModuleFunction.radioStack),
				version,
			),
	},
	{
		name: 'system-missing',
		title: 'No Device OS',
		help: 'Only the bootloader is there, as after somebody has erased the rest.',
		fits: (platform, version) => version !== undefined && has(platform, version, ModuleFunction.bootloader),
		parts: ({ parts }) => parts.modules.filter((m) => !isSystem(m) && !isApplication(m)),
	},
	{
		name: 'bootloader-damaged',
		title: 'Bootloader destroyed',
		help: 'Nothing starts, not even DFU mode. USB cannot help such a device: this takes a debugger.',
		fits: (platform, version) => version !== undefined && has(platform, version, ModuleFunction.bootloader),
		// The main one, which has index 0; parts that start before it have others.
		spoil: (device, modules, version) => spoilHalf(device, last(modules, isMainBootloader), version),
	},
	{
		name: 'dfu',
		title: 'In DFU mode',
		help: 'Healthy, and somebody has held MODE and pressed RESET: it waits for a host to write to it.',
		fits: always,
		press: (device) => device.pressModeAndReset(),
	},
	{
		name: 'listening',
		title: 'In listening mode',
		help: 'Healthy, and somebody has held MODE for three seconds: it answers on its serial port.',
		fits: hasReleases,
		press: (device) => device.holdMode(),
	},
	{
		name: 'safe',
		title: 'In safe mode',
		help: 'Healthy, and somebody has asked for safe mode by the buttons: Device OS runs without the application.',
		fits: hasReleases,
		press: (device) => device.pressModeForSafeMode(),
	},
];

/** The states that a device of this release can be in; the first is the healthy one. */
export function startingStates(platform: Platform, version: string | undefined): StartingState[] {
	return arrangements.filter((a) => a.fits(platform, version)).map(({ name, title, help }) => ({ name, title, help }));
}

/** How a state is brought about, in three steps around the making of the device. */
export interface Arranged {
	parts: DeliveredParts;
	spoil(device: VirtualDevice): void;
	press(device: VirtualDevice): void;
}

/** The name must be one that `startingStates` gives for this release. */
export async function arrange(
	name: StartingStateName,
	delivered: { platform: Platform; version: string | undefined; parts: DeliveredParts },
	sources: PartSources,
	signal?: AbortSignal,
): Promise<Arranged> {
	const { platform, version, parts } = delivered;
	const state = arrangements.find((a) => a.name === name);
	const fits = state?.fits(platform, version);
	assert(state && fits, `no state ${name} of ${platform.name} ${version ?? ''}`);
	const modules =
		version === undefined
			? parts.modules
			: ((await state.parts?.({ platform, version, parts, sources, signal })) ?? parts.modules);
	return {
		parts: { ...parts, modules },
		spoil: (device) => state.spoil?.(device, modules, version ?? ''),
		press: (device) => state.press?.(device),
	};
}

const isBootloader = (m: ParsedModule) => m.prefix.function === ModuleFunction.bootloader;
const isMainBootloader = (m: ParsedModule) => isBootloader(m) && m.prefix.index === 0;
const isApplication = (m: ParsedModule) => m.prefix.function === ModuleFunction.user;
const isSystem = (m: ParsedModule) =>
	m.prefix.function === ModuleFunction.system || m.prefix.function === ModuleFunction.monolithic;

function last(modules: readonly ParsedModule[], is: (m: ParsedModule) => boolean): ParsedModule {
	const found = modules
		.filter(is)
		.sort((a, b) => a.prefix.index - b.prefix.index)
		.at(-1);
	assert(found, 'a state without the module that it is about');
	return found;
}

/** Blank behind the first half, as a write leaves it that was broken off. */
function spoilHalf(device: VirtualDevice, module: ParsedModule, version: string): void {
	const { platform } = device;
	const { prefix } = module;
	const number = releaseByVersion(version)?.moduleVersion;
	const slot = platform.modules.find((s) => s.function === prefix.function && s.index === prefix.index);
	const region = slot?.region === undefined ? undefined : regionOf(platform, slot.region, number);
	const skipped = prefix.flags & ModuleFlag.dropModuleInfo ? module.prefixOffset + 24 : 0;
	const length = module.bytes.length - skipped;
	const half = length >> 1;
	device.flash(region?.storage ?? 'internal').put(prefix.start + half, new Uint8Array(length - half).fill(0xff));
}

function has(platform: Platform, version: string, moduleFunction: number): boolean {
	return expectedModules(platform, version).some((m) => m.function === moduleFunction);
}

/** The newest final release for the platform, if it is newer. */
function newerRelease(platform: Platform, version: string | undefined): string | undefined {
	const number = version === undefined ? undefined : releaseByVersion(version)?.moduleVersion;
	if (number === undefined) return undefined;
	const newest = releasesFor(platform).find((r) => r.channel === 'release');
	return newest && newest.moduleVersion > number ? newest.version : undefined;
}

/** The newest earlier release with a bootloader that this one's system parts refuse. */
function releaseWithOldBootloader(platform: Platform, version: string | undefined): string | undefined {
	const own = version === undefined ? undefined : releaseByVersion(version);
	if (!own) return undefined;
	const needed = expectedModules(platform, own.version)
		.filter((m) => m.function === ModuleFunction.system)
		.flatMap((m) => m.dependencies)
		.filter((d) => d.function === ModuleFunction.bootloader);
	const tooOld = (r: { version: string }) =>
		expectedModules(platform, r.version).some(
			(m) => m.function === ModuleFunction.bootloader && needed.some((d) => d.index === m.index && m.version < d.version),
		);
	return releasesFor(platform).find((r) => r.channel === 'release' && r.moduleVersion < own.moduleVersion && tooOld(r))?.version;
}
