/**
 * What is on a running device, as its Device OS tells it by control requests: versions, its own checks, and from Device OS 5.6.0 on
 * the hash of each module's suffix. Not for a device in DFU mode (snapshot-dfu.ts).
 */
import { assetStore, firstSystemThatTellsAssets, type Platform } from '@linac/catalog';
import { asLinacError } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import type { DeviceSnapshot, InstalledModule } from '@linac/planner';
import type { ControlDevice, ReportedModule } from '@linac/usb';
import type { World } from './environment.js';
import { knownByHash } from './known-modules.js';
import type { DeviceSession } from './session.js';

export async function snapshotReported(session: DeviceSession): Promise<DeviceSnapshot> {
	const { platform, world } = session;
	const control = await session.control();
	const deviceId = session.deviceId ?? (await control.deviceId());
	const osVersion = await control.osVersion();
	const listed = await unlessUnsupported(() => control.modules());
	session.toldHashes = listed?.some((m) => m.sha256 !== undefined) ?? false;
	const mode = await control.mode(listed);
	const modules = listed && named(listed, world);
	if (modules) await askForNcp(platform, control, modules);
	const assets = tellsAssets(platform, modules) ? await unlessUnsupported(() => control.assets()) : undefined;
	const setupDone = platform.dct.setupDone === undefined ? undefined : await unlessUnsupported(() => control.setupDone());
	const protection = await unlessUnsupported(() => control.protection());
	return {
		platform: platform.name,
		deviceId,
		...(session.location === undefined ? {} : { location: session.location }),
		mode: mode === 'listening' || mode === 'safe' ? mode : 'normal',
		osVersion,
		...(modules === undefined ? {} : { modules }),
		depth: 'reported',
		...(assets === undefined ? {} : { assets }),
		...(setupDone === undefined ? {} : { setupDone }),
		...(protection === undefined ? {} : { protection }),
		via: 'usb',
	};
}

/** A device that could not ask its co-processor reports version 0, or leaves it out: then it is asked once more, by the request for that alone. */
async function askForNcp(platform: Platform, control: ControlDevice, modules: InstalledModule[]): Promise<void> {
	const slot = platform.modules.find((s) => s.function === ModuleFunction.ncp);
	if (!slot || modules.some((m) => m.function === slot.function && m.version > 0)) return;
	const version = await control.ncpModuleVersion();
	if (!version) return;
	const others = modules.filter((m) => m.function !== slot.function);
	modules.splice(0, modules.length, ...others, { function: slot.function, index: slot.index, version, valid: true });
}

/** Asked only of a system that has an answer: a refusal costs a request, and there are many looks in a job. */
function tellsAssets(platform: Platform, modules: readonly InstalledModule[] | undefined): boolean {
	const system = modules?.filter((m) => m.function === ModuleFunction.system).map((m) => m.version) ?? [];
	return assetStore(platform) !== undefined && Math.max(0, ...system) >= firstSystemThatTellsAssets();
}

/** Old Device OS does not know every request: what it cannot tell is unknown, and no failure. */
async function unlessUnsupported<T>(ask: () => Promise<T>): Promise<T | undefined> {
	try {
		return await ask();
	} catch (error) {
		const e = asLinacError(error);
		if (e.code === 'CONTROL_NOT_SUPPORTED') return undefined;
		throw e;
	}
}

/** The modules in their places. What lies in the OTA or factory slot is not installed. */
export async function reportedModules(control: ControlDevice, world: World): Promise<InstalledModule[]> {
	return named(await control.modules(), world);
}

function named(listed: readonly ReportedModule[], world: World): InstalledModule[] {
	const out: InstalledModule[] = [];
	for (const m of listed) {
		if (m.store !== 'main') continue;
		const known = knownByHash(world.known, { function: m.function, hash: m.sha256?.toLowerCase(), valid: m.valid });
		out.push({
			function: m.function,
			index: m.index,
			version: m.version,
			valid: m.valid,
			...(known ? { contentSha256: known.contentSha256 } : {}),
			dependencies: m.dependencies,
			...(m.assets === undefined ? {} : { assets: m.assets.map(({ name, sha256 }) => ({ name, sha256 })) }),
			...(m.dependenciesMet === undefined ? {} : { dependenciesMet: m.dependenciesMet }),
		});
	}
	return out;
}
