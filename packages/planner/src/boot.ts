/**
 * What a device starts into: the boot decision of Particle's bootloaders and of the system that they start, as one pure function.
 * Who checks what, per MCU, stands in data/rules.json under `boot`, with the Device OS sources; docs/plans.md tells it in words.
 */

import { type BootFacts, firstSystemWithAssets, inRange, type Platform, rules, rulesOf } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { assetsMissing, type DeviceModel, find, isKnown, keyOf, type ModelModule, slotName, unmet } from './model.js';
import type { Recovery, SimulatedState } from './types.js';

export interface Boot {
	boots: SimulatedState['boots'];
	why: string;
	/** How it can be reached again from there. */
	recovery: Recovery['way'];
}

export function bootFacts(platform: Platform): BootFacts {
	return rules().boot[platform.mcu];
}

/** System and application are one module, which depends on nothing. */
export function isMonolithic(platform: Platform): boolean {
	return bootFacts(platform).startModule.function === ModuleFunction.monolithic;
}

const BOOTLOADER = { function: ModuleFunction.bootloader, index: 0 };

/** What the device would start into if it were reset or powered up now. */
export function boot(model: DeviceModel): Boot {
	const { platform } = model;
	const facts = bootFacts(platform);
	const start = find(model, facts.startModule);
	if (isKnown(model, facts.startModule)) {
		if (!start)
			return { boots: 'dfu', why: 'There is no system part, so the bootloader stays in DFU.', recovery: 'same-command' };
		if (start.state === 'damaged') {
			if (facts.judgedBy === 'crc') {
				return {
					boots: 'dfu',
					why: `The CRC of ${start.slot} is wrong, so the bootloader stays in DFU.`,
					recovery: 'same-command',
				};
			}
			return hangs(
				`The bootloader looks only at the header of ${start.slot}, starts it, and it hangs because the rest is damaged.`,
			);
		}
	}
	const bootloader = find(model, BOOTLOADER);
	const older = facts.olderBootloaders;
	if (older && start && bootloader && bootloader.version < older.before && !startsAt(start, older.startAt)) {
		const why = `Bootloader ${bootloader.version} looks for ${start.slot} at 0x${older.startAt.toString(16)} only, so it stays in DFU.`;
		return { boots: 'dfu', why, recovery: 'same-command' };
	}
	for (const rule of rulesOf('bootloader-first', platform)) {
		if (bootloader && start && inRange(rule.bootloader, bootloader.version) && inRange(rule.system, start.version)) {
			return { boots: 'dead', why: rule.statement, recovery: 'none' };
		}
	}
	for (const slot of platform.modules) {
		if (!slot.required || !isKnown(model, slot)) continue;
		const module = find(model, slot);
		if (module?.state === 'valid') continue;
		const what = module ? 'damaged' : 'missing';
		if (slot.function === ModuleFunction.radioStack) {
			// Nobody checks it: device-os v4.0.1 hal/src/nRF52840/platform_radio_stack.cpp ("assuming that all checks passed").
			return hangs(`The system starts, but its ${slot.name} is ${what}.`);
		}
		if (slot.function === ModuleFunction.system) return hangs(`${slot.name} is ${what}, and the system part beside it calls it.`);
	}
	return started(model, bootloader);
}

/** What was published can be started by older bootloaders, so that is assumed of a module whose bytes are not at hand. */
function startsAt(module: ModelModule, address: number): boolean {
	return (
		module.start === undefined || module.start === address || module.secondStart === undefined || module.secondStart === address
	);
}

function hangs(why: string): Boot {
	return { boots: 'dead', why: `${why} Holding MODE at reset reaches DFU.`, recovery: 'same-command-after-button' };
}

/** The system runs. Does it run the application, too? */
function started(model: DeviceModel, bootloader: ModelModule | undefined): Boot {
	const { platform } = model;
	const facts = bootFacts(platform);
	if (isMonolithic(platform)) {
		return {
			boots: 'normal',
			why: 'System and application are one image, and it is there.',
			recovery: 'same-command-after-button',
		};
	}
	if (rulesOf('embedded-bootloader', platform).length === 0) {
		if (bootloader?.state === 'damaged') return safe('The bootloader fails its check.');
		const checked = [bootloader, ...facts.checkedDependencies.map((d) => find(model, d))];
		for (const module of checked) {
			const missing = module ? unmet(model, module.dependencies)[0] : undefined;
			if (module && missing)
				return safe(`${module.slot} ${module.version} needs ${slotName(platform, missing)} ${missing.version}.`);
		}
	}
	const application = runningApplication(model);
	if (!application) return safe('There is no valid application.');
	const missing = unmet(model, application.dependencies)[0];
	if (missing) return safe(`The application needs ${slotName(platform, missing)} ${missing.version}.`);
	const asset = assetsMissing(model, application)[0];
	if (asset && keepsAssets(model)) return safe(`The application asks for the asset "${asset.name}", which is not stored.`);
	if (waitsForSetup(model)) {
		return {
			boots: 'listening',
			why: 'The setup-done flag is not set, so it stays in listening mode.',
			recovery: 'same-command',
		};
	}
	return { boots: 'normal', why: 'Everything that it needs is there.', recovery: 'same-command' };
}

/** Systems before 5.5.0 do not look for assets. */
export function keepsAssets(model: DeviceModel): boolean {
	const system = find(model, bootFacts(model.platform).startModule);
	return system === undefined || system.version >= firstSystemWithAssets();
}

function safe(why: string): Boot {
	return { boots: 'safe', why: `${why} The system runs without the application (safe mode).`, recovery: 'same-command' };
}

/** Applications in the order in which the system asks for them: the former slot wins (rule `former-application-slot`). */
export function applicationsOf(model: DeviceModel): ModelModule[] {
	const former = new Set(rulesOf('former-slot', model.platform).map((r) => keyOf(r.former)));
	return [...model.modules.values()]
		.filter((m) => m.function === ModuleFunction.user)
		.sort((a, b) => Number(former.has(keyOf(b))) - Number(former.has(keyOf(a))) || a.index - b.index);
}

/** The application that would be run: the first that is whole, has its dependencies, and for which the running system has a slot. */
export function runningApplication(model: DeviceModel): ModelModule | undefined {
	const system = find(model, bootFacts(model.platform).startModule);
	const usable = applicationsOf(model).filter((m) => {
		const slot = model.platform.modules.find((s) => keyOf(s) === keyOf(m));
		return m.state === 'valid' && slot !== undefined && (!system || inRange(slot.versions, system.version));
	});
	return usable.find((m) => unmet(model, m.dependencies).length === 0) ?? usable[0];
}

/** Systems before 4.0.0 with the flag in their DCT wait in listening mode until it is set (rule `setup-done`). */
export function waitsForSetup(model: DeviceModel): boolean {
	const rule = rulesOf('setup-done', model.platform)[0];
	const system = find(model, bootFacts(model.platform).startModule);
	return (
		rule !== undefined &&
		model.platform.dct.setupDone !== undefined &&
		system !== undefined &&
		system.version < rule.systemBefore &&
		model.setupDone === false
	);
}
