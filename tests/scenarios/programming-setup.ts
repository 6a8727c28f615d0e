/**
 * What the programming scenarios share: releases made of real modules (npm's particle-cli tarballs) or of stand-ins, applications of any
 * size, virtual devices on a virtual clock, and the one command that a user would type. No tests here.
 */
import {
	platformByName,
	platforms,
	type ReleaseSet,
	releaseByVersion,
	releases,
	type SourcedModule,
	slotOf,
} from '@linac/catalog';
import { type Clock, seededRandom, toHex, VirtualClock } from '@linac/core';
import { createModule, inspectInput, ModuleFunction, type ParsedModule, parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import type { Goal, GoalFile } from '@linac/planner';
import { type JobEvent, type ProgramOptions, program } from '@linac/programmer';
import { VirtualBus, VirtualDevice, type VirtualDeviceOptions, virtualUsbHost } from '@linac/virtual';
import { cliOfRelease, realFiles } from '../support/real-firmware.js';

export function parsed(bytes: Uint8Array, name = 'module'): ParsedModule {
	const verdict = parseModule(bytes, { file: name, digests: nodeDigests });
	if (!verdict.ok) throw new Error(`${name}: ${verdict.problems.map((p) => p.message).join(' ')}`);
	return verdict.value;
}

export function sourced(platform: string, bytes: Uint8Array, origin: string): SourcedModule {
	const module = parsed(bytes, origin);
	const slot = slotOf(platform, module.prefix);
	if (!slot) throw new Error(`${origin} has no place on ${platform}`);
	return { slot: slot.name, origin, module, sha256: toHex(nodeDigests.sha256(bytes)) };
}

const realReleases = new Map<string, ReleaseSet>();

/** The release as npm's tarballs hold it. */
export function realRelease(platform: string, version: string): ReleaseSet {
	const key = `${platform} ${version}`;
	let release = realReleases.get(key);
	if (!release) {
		const cli = cliOfRelease[version];
		const entry = releaseByVersion(version);
		if (!cli || !entry) throw new Error(`${version} is in no tarball`);
		const files = realFiles(cli).filter((f) => f.name.startsWith(`${platform}-`) && f.name.includes(`@${version}`));
		const modules = files.map((f) => sourced(platform, f.bytes, `particle-cli ${cli}: ${f.name}`));
		release = { platform, version, moduleVersion: entry.moduleVersion, modules, source: `particle-cli ${cli}` };
		realReleases.set(key, release);
	}
	return release;
}

export interface ApplicationOptions {
	/** Module version of the system part that it needs. */
	needs: number;
	/** Bytes of the whole module. */
	size?: number;
	seed?: number;
	/** 128 KB slot (1) or 256 KB slot (2) on nRF52840. */
	index?: number;
}

/** An application of random bytes, in the place that the platform's memory map gives it. */
export function application(platformName: string, options: ApplicationOptions): Uint8Array<ArrayBuffer> {
	const platform = platformByName(platformName);
	if (!platform) throw new Error(platformName);
	const index = options.index ?? 1;
	const slot = slotOf(platform, { function: ModuleFunction.user, index });
	const regions = platform.memory.filter((r) => r.name === slot?.region);
	const region = regions.at(-1);
	if (!region) throw new Error(`${platformName} has no place for applications`);
	const size = options.size ?? 20_000;
	const dynamic = platform.mcu === 'rtl872x';
	const system = platform.modules.filter((m) => m.function === ModuleFunction.system);
	// The last system part is the one that applications are linked against.
	const dependency = {
		function: ModuleFunction.system,
		index: Math.max(...system.map((m) => (m.index === 3 ? 2 : m.index))),
		version: options.needs,
	};
	return createModule(
		{
			platformId: platform.id,
			function: ModuleFunction.user,
			index,
			version: 6,
			...(dynamic ? { end: region.end - 4, align: 4096, suffix: 'dynamic' as const } : { start: region.start }),
			body: seededRandom(options.seed ?? 1).bytes(size - (dynamic ? 90 : 68)),
			dependencies: [dependency],
		},
		nodeDigests,
	);
}

/** A file as a user gives it: of whatever kind it is, it is looked into, never believed by its name. */
export function goalFile(platform: string, bytes: Uint8Array, name = 'application.bin'): GoalFile {
	const verdict = inspectInput(name, bytes, { digests: nodeDigests });
	if (!verdict.ok) return { name, problems: verdict.problems };
	const { module, problems } = verdict.value.modules[0]!;
	const slot = slotOf(platform, module.prefix);
	return {
		name,
		module: { slot: slot?.name ?? 'unknown', origin: name, module, sha256: toHex(nodeDigests.sha256(module.bytes)) },
		problems,
	};
}

export function goal(target: string | undefined, files: GoalFile[] = [], more: Partial<Goal> = {}): Goal {
	return { target, files, applicationOnly: false, allow: [], ...more };
}

export interface Bench {
	clock: Clock;
	bus: VirtualBus;
	device: VirtualDevice;
}

/** A virtual device, plugged in, on a bus and a virtual clock of its own, or on those given. */
export function bench(
	platform: string,
	options: Partial<VirtualDeviceOptions> & { release?: ReleaseSet; application?: Uint8Array } = {},
	shared: { clock?: Clock; bus?: VirtualBus } = {},
): Bench {
	const { release, application: app, ...rest } = options;
	const clock = shared.clock ?? new VirtualClock();
	const bus = shared.bus ?? new VirtualBus();
	const found = platformByName(platform);
	if (!found) throw new Error(platform);
	const device = new VirtualDevice({
		platform: found,
		clock,
		timing: 'none',
		setupDone: true,
		modules: [...(release?.modules.map((m) => m.module) ?? []), ...(app ? [parsed(app)] : [])],
		...rest,
	});
	bus.add(device);
	device.plug();
	return { clock, bus, device };
}

/** What `linac flash` does, on the bus of the bench. */
export function run(b: Pick<Bench, 'clock' | 'bus'>, options: Partial<ProgramOptions> & Pick<ProgramOptions, 'goal'>) {
	const events: JobEvent[] = [];
	return program({
		host: virtualUsbHost(b.bus),
		platforms,
		releases,
		clock: b.clock,
		digests: nodeDigests,
		onEvent: (event) => events.push(event),
		...options,
	}).then((verdict) => ({ verdict, events }));
}
