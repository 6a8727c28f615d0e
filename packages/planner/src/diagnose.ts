/**
 * What is wrong with a device, in plain words: from a look at it (snapshot) alone, without a goal and without a file. It asks the same boot model as
 * the planner (boot.ts), so what is called wrong here is what a plan puts right. Not for deciding how to repair it (plan.ts).
 */
import { expectedModules, inRange, type Platform, releaseByModuleVersion, rulesOf } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { type ModuleDependency, ModuleFunction } from '@linac/firmware';
import { applicationsOf, boot, bootFacts, isMonolithic, keepsAssets, runningApplication, waitsForSetup } from './boot.js';
import { assetsMissing, type DeviceModel, find, isKnown, keyOf, type ModelModule, modelOf, slotName, unmet } from './model.js';
import { pendingFindings } from './pending-findings.js';
import { releaseFrom } from './release-needed.js';
import type { AssetRef, DeviceSnapshot, Finding, InstalledModule } from './types.js';

/**
 * Everything that is wrong with the device, the worst first; empty when it is sound and runs. Codes: docs/restore.md. `error`: it does not
 * run as it should. `warning`: it runs, or would, but not as somebody expects. A look that was only `reported` cannot see a half-written SoftDevice.
 */
export function diagnose(device: DeviceSnapshot, platform: Platform): Finding[] {
	const guarded = protectionFindings(device);
	if (device.modules === undefined) return guarded.length > 0 ? guarded : [unknownState(device)];
	const model = modelOf(platform, device);
	const broken = [...brokenModules(model, device), ...missingModules(model), ...strayModules(model, device)];
	const findings = [
		...broken,
		...dependencyFindings(model, broken),
		...mixedParts(model),
		...applicationFindings(model, broken),
		...pendingFindings(device, platform),
	];
	const start = startFinding(model, device, findings);
	const all = [...guarded, ...(start ? [start] : []), ...findings];
	const rank = { error: 0, warning: 1, info: 2 };
	return all
		.map((finding, at) => ({ finding, at }))
		.sort((a, b) => rank[a.finding.severity] - rank[b.finding.severity] || a.at - b.at)
		.map(({ finding }) => finding);
}

function make(
	severity: Problem['severity'],
	code: string,
	message: string,
	hint: string,
	more: Pick<Problem, 'field' | 'expected' | 'found'> = {},
): Finding {
	return { code, severity, message, hint, ...more };
}

const RESTORE = 'Run `linac restore`.';
const BUNDLE = 'Run `linac flash` with the bundle of this application: it stores what is missing. `linac assets` lists it.';

function protectionFindings(device: DeviceSnapshot): Finding[] {
	if (device.protection === 'protected') {
		const hint =
			'Its owner can put it into service mode with `particle device-protection disable`; nothing can be written before.';
		return [make('error', 'DEVICE_PROTECTED', 'Device protection is on: nothing can be read or written over USB.', hint)];
	}
	if (device.protection === 'service') {
		const hint = 'Nothing has to be done; protection comes back by itself after some restarts.';
		return [make('info', 'DEVICE_IN_SERVICE_MODE', 'The device has protection and is in service mode.', hint)];
	}
	return [];
}

function unknownState(device: DeviceSnapshot): Finding {
	const version = device.osVersion === undefined ? '' : ` (it says that it runs Device OS ${device.osVersion})`;
	return make(
		'error',
		'DEVICE_STATE_UNKNOWN',
		`What is on the device could not be read${version}: this Device OS does not tell it, or the reading failed.`,
		'In DFU mode its flash is read instead: `linac usb dfu`, or the buttons; `linac restore` does it by itself.',
	);
}

/** Device OS as people call it, by the number of its system parts. */
function deviceOs(platform: Platform, moduleVersion: number): string {
	const release = releaseByModuleVersion(platform, moduleVersion);
	return release ? `Device OS ${release.version}` : `a Device OS with module number ${moduleVersion}`;
}

/** The version alone, where the sentence has said "Device OS" already. */
function osNumber(platform: Platform, moduleVersion: number): string {
	return releaseByModuleVersion(platform, moduleVersion)?.version ?? `module ${moduleVersion}`;
}

/** Whole sentences about what a kind of module is, so that its name means something. */
function kindOf(model: DeviceModel, m: { function: number; index: number }): string {
	if (m.function === ModuleFunction.bootloader && m.index === 0) return 'The bootloader';
	if (m.function === ModuleFunction.radioStack) return 'The SoftDevice (the radio stack)';
	if (m.function === ModuleFunction.user) return 'The application';
	if (m.function === ModuleFunction.ncp) return 'The firmware of the network co-processor (NCP)';
	if (m.function === ModuleFunction.monolithic) return 'The firmware (system and application in one)';
	if (m.function === ModuleFunction.system) {
		const parts = model.platform.modules.filter((s) => s.function === ModuleFunction.system).length;
		return parts > 1 ? `System part ${m.index} of ${parts}` : 'The system part (Device OS)';
	}
	return slotName(model.platform, m);
}

function brokenModules(model: DeviceModel, device: DeviceSnapshot): Finding[] {
	const findings: Finding[] = [];
	for (const module of model.modules.values()) {
		if (module.state === 'valid') continue;
		const installed = device.modules?.find((m) => keyOf(m) === keyOf(module));
		findings.push(brokenModule(model, module, installed));
	}
	return findings;
}

function brokenModule(model: DeviceModel, module: ModelModule, installed: InstalledModule | undefined): Finding {
	const kind = kindOf(model, module);
	const more = { field: module.slot, found: module.version };
	if (installed?.platformId !== undefined) {
		const message = `${kind} is of another kind of device (platform ${installed.platformId}, not ${model.platform.id}): it does not run here.`;
		return make('error', 'MODULE_OF_OTHER_PLATFORM', message, RESTORE, { ...more, found: installed.platformId });
	}
	if (module.function === ModuleFunction.bootloader && module.index === 0) {
		const hint =
			'Keep it powered: it may not start again. `linac restore` puts a whole one there while something still runs; if nothing comes up any more, ' +
			'only a debugger on the SWD pins helps.';
		return make('error', 'BOOTLOADER_DAMAGED', `${kind} ${module.version} is damaged.`, hint, more);
	}
	if (module.function === ModuleFunction.radioStack) {
		const message = `${kind} ${module.version} is damaged or half-written. Nothing checks it before it is used, so Device OS crashes at every start.`;
		return make('error', 'SOFTDEVICE_DAMAGED', message, RESTORE, more);
	}
	if (module.function === ModuleFunction.user) {
		const hint =
			"`linac restore --app FILE` puts it there again; without a file the release's own application (Tinker) goes there.";
		return make('error', 'APPLICATION_DAMAGED', `${kind} is damaged or half-written.`, hint, more);
	}
	const version =
		module.function === ModuleFunction.system ? ` of ${deviceOs(model.platform, module.version)}` : ` ${module.version}`;
	return make('error', 'MODULE_DAMAGED', `${kind}${version} is damaged or half-written.`, RESTORE, more);
}

function missingModules(model: DeviceModel): Finding[] {
	const { platform } = model;
	const system = find(model, bootFacts(platform).startModule)?.version;
	const findings: Finding[] = [];
	for (const slot of platform.modules) {
		if (!slot.required || !isKnown(model, slot) || find(model, slot)) continue;
		if (system !== undefined && !inRange(slot.versions, system)) continue;
		const code = slot.function === ModuleFunction.bootloader ? 'BOOTLOADER_MISSING' : 'MODULE_MISSING';
		findings.push(make('error', code, `${kindOf(model, slot)} is missing.`, RESTORE, { field: slot.name }));
	}
	return findings;
}

/** Modules whose header says that they belong somewhere else. */
function strayModules(model: DeviceModel, device: DeviceSnapshot): Finding[] {
	const { platform } = model;
	return (device.strays ?? []).map((stray) => {
		const what = `${kindOf(model, stray)} ${stray.version}`;
		const at = `0x${stray.at.toString(16)}`;
		const foreign = stray.platformId !== platform.id;
		const message = foreign
			? `At ${at} stands a module of another kind of device (platform ${stray.platformId}, not ${platform.id}): it does not run here.`
			: `${what} stands at ${at}, but was made for 0x${stray.start.toString(16)}: it does not run there.`;
		const code = foreign ? 'MODULE_OF_OTHER_PLATFORM' : 'MODULE_IN_WRONG_PLACE';
		return make('error', code, message, RESTORE, { field: slotName(platform, stray), found: stray.at, expected: stray.start });
	});
}

/** A module that is already named as missing or damaged is not named again as a dependency. */
function dependencyFindings(model: DeviceModel, named: readonly Finding[]): Finding[] {
	const findings: Finding[] = [];
	const asked = new Map<string, { by: ModelModule; dependency: ModuleDependency }>();
	for (const module of model.modules.values()) {
		if (module.state !== 'valid' || module.function === ModuleFunction.user) continue;
		// A damaged module is too old as well as damaged: one sentence is enough.
		for (const dependency of unmet(model, module.dependencies)) {
			if (named.some((f) => f.field === slotName(model.platform, dependency))) continue;
			const other = asked.get(keyOf(dependency));
			if (!other || other.dependency.version < dependency.version) asked.set(keyOf(dependency), { by: module, dependency });
		}
	}
	for (const { by, dependency } of asked.values()) findings.push(tooOld(model, by, dependency));
	return findings;
}

function tooOld(model: DeviceModel, by: ModelModule, dependency: ModuleDependency): Finding {
	const { platform } = model;
	const there = find(model, dependency)?.version;
	const more = {
		field: slotName(platform, dependency),
		expected: dependency.version,
		...(there === undefined ? {} : { found: there }),
	};
	const asks = by.function === ModuleFunction.system ? deviceOs(platform, by.version) : `${kindOf(model, by)} ${by.version}`;
	const has = there === undefined ? 'the board has none' : `the board has ${there}`;
	switch (dependency.function) {
		case ModuleFunction.bootloader: {
			const message = `${asks} needs bootloader ${dependency.version}, ${has}. It runs in safe mode until then.`;
			return make('error', 'BOOTLOADER_TOO_OLD', message, RESTORE, more);
		}
		case ModuleFunction.radioStack: {
			const message = `${asks} needs SoftDevice ${dependency.version}, ${has}. It runs in safe mode, or crashes.`;
			return make('error', 'SOFTDEVICE_TOO_OLD', message, RESTORE, more);
		}
		case ModuleFunction.ncp:
			return make('error', 'NCP_TOO_OLD', `${asks} needs NCP firmware ${dependency.version}, ${has}.`, RESTORE, more);
		case ModuleFunction.system: {
			const message = `${asks} needs ${deviceOs(platform, dependency.version)}, ${there === undefined ? has : `the board has ${osNumber(platform, there)}`}.`;
			return make('error', 'SYSTEM_TOO_OLD', message, RESTORE, more);
		}
		default: {
			const message = `${asks} needs ${slotName(platform, dependency)} ${dependency.version}, ${has}.`;
			return make('error', 'MODULE_TOO_OLD', message, RESTORE, more);
		}
	}
}

/** System parts of one release carry one number; parts of two releases call each other's tables by luck. */
function mixedParts(model: DeviceModel): Finding[] {
	const parts = [...model.modules.values()].filter((m) => m.function === ModuleFunction.system && m.state === 'valid');
	const versions = [...new Set(parts.map((p) => p.version))];
	if (versions.length < 2 || oneRelease(model.platform, parts)) return [];
	const list = parts
		.sort((a, b) => a.index - b.index)
		.map((p) => `part ${p.index}: ${osNumber(model.platform, p.version)}`)
		.join(', ');
	const message = `The system parts are of different releases (${list}). They are built and tested together only.`;
	return [make('error', 'SYSTEM_PARTS_MIXED', message, RESTORE, { field: 'system-part' })];
}

/** Whether one release holds exactly these parts, although their numbers differ. */
function oneRelease(platform: Platform, parts: readonly ModelModule[]): boolean {
	const release = releaseByModuleVersion(platform, Math.max(...parts.map((p) => p.version)));
	if (!release) return false;
	const modules = expectedModules(platform, release.version);
	return parts.every((p) => modules.some((m) => keyOf(m) === keyOf(p) && m.version === p.version));
}

function applicationFindings(model: DeviceModel, named: readonly Finding[]): Finding[] {
	if (isMonolithic(model.platform)) return [];
	const application = runningApplication(model);
	const applications = applicationsOf(model);
	if (!application) {
		if (applications.some((a) => a.state === 'damaged')) return [];
		const outside = applications.find((a) => a.state === 'valid');
		if (outside) return [withoutSlot(model, outside)];
		const hint =
			"`linac restore --app FILE` installs one; without a file the release's own (Tinker) is installed, where its source has one.";
		const message = 'There is no application: Device OS waits in safe mode (breathing magenta).';
		return [make('warning', 'APPLICATION_MISSING', message, hint, { field: 'user-part' })];
	}
	const findings: Finding[] = [];
	const missing = unmet(model, application.dependencies)[0];
	if (missing && !named.some((f) => f.field === slotName(model.platform, missing)))
		findings.push(applicationTooNew(model, application, missing));
	const hidden = hiddenApplication(model, application);
	if (hidden) findings.push(hidden);
	const assets = assetsMissing(model, application);
	if (assets.length > 0 && keepsAssets(model)) findings.push(assetsNotStored(application, assets));
	if (waitsForSetup(model)) findings.push(setupNotDone(model));
	return findings;
}

function applicationTooNew(model: DeviceModel, application: ModelModule, missing: ModuleDependency): Finding {
	const { platform } = model;
	const there = find(model, missing)?.version;
	const isSystem = missing.function === ModuleFunction.system;
	const needs = isSystem ? deviceOs(platform, missing.version) : `${slotName(platform, missing)} ${missing.version}`;
	const has = there === undefined ? 'none' : isSystem ? osNumber(platform, there) : String(there);
	const target = isSystem ? releaseFrom(platform, missing.version) : undefined;
	const hint =
		target === undefined
			? 'No release for this device is so new: install another application with `linac restore --app FILE`.'
			: `\`linac restore --target ${target}\` installs a Device OS that is new enough, or \`linac restore --app FILE\` an application for the one that is there.`;
	return make(
		'error',
		'APPLICATION_TOO_NEW',
		`The application needs ${needs}, the board has ${has}. It runs in safe mode without it.`,
		hint,
		{
			field: application.slot,
			expected: missing.version,
			...(there === undefined ? {} : { found: there }),
		},
	);
}

function assetsNotStored(application: ModelModule, assets: readonly AssetRef[]): Finding {
	const names = assets.map((a) => `"${a.name}"`).join(', ');
	const message = `The application asks for ${assets.length === 1 ? 'an asset that is' : 'assets that are'} not stored (${names}). It runs in safe mode without ${assets.length === 1 ? 'it' : 'them'}.`;
	return make('error', 'ASSET_MISSING', message, BUNDLE, { field: application.slot });
}

/** An application in a slot that this Device OS does not know. */
function withoutSlot(model: DeviceModel, application: ModelModule): Finding {
	const slot = model.platform.modules.find((s) => keyOf(s) === keyOf(application));
	const from = slot?.versions?.from;
	const has = find(model, bootFacts(model.platform).startModule)?.version;
	const target = from === undefined ? undefined : releaseFrom(model.platform, from);
	const message = `The application stands in the ${slot?.name ?? application.slot} slot, which ${has === undefined ? 'this Device OS' : deviceOs(model.platform, has)} does not know: it is not started.`;
	const hint = target === undefined ? RESTORE : `\`linac restore --target ${target}\` installs a Device OS that knows it.`;
	return make('error', 'APPLICATION_TOO_NEW', message, hint, {
		field: application.slot,
		...(from === undefined ? {} : { expected: from }),
		...(has === undefined ? {} : { found: has }),
	});
}

/** Rule `former-application-slot`: a whole application in the old 128 KB slot is started in place of the one in the 256 KB slot. */
function hiddenApplication(model: DeviceModel, running: ModelModule): Finding | undefined {
	const rule = rulesOf('former-slot', model.platform).find((r) => keyOf(r.former) === keyOf(running));
	const system = find(model, bootFacts(model.platform).startModule);
	const hidden = rule && find(model, rule.application);
	if (!rule || hidden?.state !== 'valid' || (system && system.version < rule.systemFrom)) return undefined;
	const message =
		'There are two applications: an old one in the 128 KB slot, which is started, and one in the 256 KB slot, which is hidden by it.';
	const hint = '`linac restore --app FILE` with the application that you want: the other one is removed.';
	return make('warning', 'APPLICATION_HIDDEN', message, hint, { field: hidden.slot });
}

function setupNotDone(model: DeviceModel): Finding {
	const system = find(model, bootFacts(model.platform).startModule)!;
	const message = `Setup is not marked as done, so ${deviceOs(model.platform, system.version)} stays in listening mode (blinking dark blue) for ever.`;
	return make('warning', 'SETUP_NOT_DONE', message, '`linac restore` sets the mark.', { field: 'setup-done' });
}

/** What the device does with all that at its next start, and whether it is doing something else now. */
function startFinding(model: DeviceModel, device: DeviceSnapshot, causes: readonly Finding[]): Finding | undefined {
	const { boots, why } = boot(model);
	const errors = causes.filter((f) => f.severity === 'error');
	const serious = errors.length > 0;
	const forSafeMode = serious && errors.every((f) => f.code === 'ASSET_MISSING') ? BUNDLE : RESTORE;
	if (device.mode === 'dfu' || boots === 'dead' || boots === 'dfu') {
		if (boots === 'dead') return make('error', 'DOES_NOT_START', `It does not start. ${why}`, RESTORE);
		if (boots === 'dfu')
			return make('error', 'STAYS_IN_DFU', `It does not start: it waits in DFU mode (blinking yellow). ${why}`, RESTORE);
		if (boots === 'safe') {
			const noApplication = causes.some((f) => f.code === 'APPLICATION_MISSING') && !serious;
			return make(
				noApplication ? 'warning' : 'error',
				'STARTS_IN_SAFE_MODE',
				serious
					? 'It would start in safe mode (breathing magenta), without the application.'
					: `It would start in safe mode (breathing magenta). ${why}`,
				forSafeMode,
			);
		}
		if (causes.length > 0) return undefined;
		const hint =
			'Press RESET, or run `linac usb reset`: it starts as it should. `linac restore` does that too, after reading everything back.';
		const message =
			'It waits in DFU mode (blinking yellow), although everything that it needs is there: somebody asked for that.';
		return make('warning', 'IN_DFU_MODE', message, hint);
	}
	if (device.mode === 'safe') {
		if (boots === 'safe') {
			const message = serious
				? 'It runs in safe mode (breathing magenta), without the application.'
				: `It runs in safe mode (breathing magenta). ${why}`;
			const noApplication = causes.some((f) => f.code === 'APPLICATION_MISSING') && !serious;
			return make(noApplication ? 'warning' : 'error', 'SAFE_MODE', message, forSafeMode);
		}
		const message =
			'It runs in safe mode (breathing magenta), although everything that could be seen is there: somebody asked for it, or what it reports is not the whole truth.';
		return make(
			'warning',
			'SAFE_MODE',
			message,
			'Press RESET. If it comes back to safe mode, run `linac restore`: it reads everything back in DFU mode.',
		);
	}
	if (device.mode === 'listening' && boots !== 'listening') {
		const message =
			'It is in listening mode (blinking dark blue): it waits for settings, such as Wi-Fi credentials, or somebody asked for it.';
		return make(
			'info',
			'LISTENING_MODE',
			message,
			'Set it up, or press RESET. A board without Wi-Fi credentials always waits there.',
		);
	}
	return undefined;
}
