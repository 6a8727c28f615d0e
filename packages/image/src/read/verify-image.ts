/**
 * Whether a blank chip would start with an image, and why not: what a board of the factory has already (MBR, registers, bootloader) is not
 * there on a blank chip. What bootloader and system do with the modules is the planner's knowledge (`boot`); here is only what comes before.
 */
import { mbrFacts, type Platform, regionOf, rulesOf, uicrFacts } from '@linac/catalog';
import { address, type Problem, problem } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { boot, type DeviceSnapshot, type InstalledModule, isMonolithic, modelOf, type SimulatedState } from '@linac/planner';
import { type ImageReading, isError, type ReadPart, worstFirst } from './types.js';
import { bootloaderRegisters, neededRegisters } from './uicr.js';

export interface ImageVerdict {
	/** What a blank chip does with it after power on. `dead` also where it cannot be told what the image is. */
	boots: SimulatedState['boots'];
	/**
	 * It starts into its application, or (before 4.0.0 on Gen 3) into listening mode until it is marked as set up; everything in it is
	 * proved; and nothing in it is wrong.
	 */
	ok: boolean;
	/** Why, in whole sentences: what comes first at power on stands first. */
	reasons: string[];
	/** Names of what a blank chip needs and the image has not. */
	missing: string[];
	/** Those of the reading, and what was found here; worst first. */
	problems: Problem[];
}

/** Take for right what nobody can prove: an MBR or a SoftDevice that linac does not know. */
export type Allowed = 'unknown-mbr' | 'unknown-softdevice';

export interface VerifyOptions {
	allow?: readonly Allowed[];
}

/** Something that comes before bootloader and system, and stops the chip or leaves it in doubt. */
interface Stop {
	why: string;
	missing?: string;
	/** It cannot be proved, and may be right. */
	doubt?: boolean;
}

export function verifyImage(reading: ImageReading, options: VerifyOptions = {}): ImageVerdict {
	const { platform } = reading;
	if (!platform) {
		const why = 'It cannot be told which board it is for, so nobody can say that one would start with it.';
		return { boots: 'dead', ok: false, reasons: [why], missing: [], problems: reading.problems };
	}
	const allow = new Set(options.allow ?? []);
	const stops = [
		...mbrStops(reading, platform, allow),
		...registerStops(reading, platform),
		...bootloaderStops(reading, platform),
	];
	const softDevice = unprovenSoftDevice(reading, allow);
	const doubts = [...stops.filter((s) => s.doubt), ...softDevice];
	const deadly = stops.filter((s) => !s.doubt);
	const model = modelOf(platform, snapshotOf(reading, platform));
	const then = boot(model);
	const missing = [...deadly.flatMap((s) => (s.missing === undefined ? [] : [s.missing])), ...missingModules(reading, platform)];
	const application = reading.parts.some((p) => isUsable(p, platform) && p.prefix?.function === ModuleFunction.user);
	if (!application && !isMonolithic(platform)) missing.push('application');
	const boots = deadly.length > 0 ? 'dead' : then.boots;
	const own = notes(reading, platform, then.boots);
	const problems = worstFirst([
		...reading.problems,
		...deadly.map((s) => problem('BLANK_CHIP_STOPS', s.why, s.missing === undefined ? {} : { field: s.missing })),
		...own.map((p) => (reading.file === undefined ? p : { ...p, file: reading.file })),
	]);
	const wrong = reading.problems.filter(isError);
	const works = boots === 'normal' || boots === 'listening';
	const reasons = [...deadly.map((s) => s.why)];
	const besides = missing.filter((name) => !deadly.some((s) => s.missing === name));
	if (deadly.length > 0 && besides.length > 0) reasons.push(`Missing besides: ${besides.join(', ')}.`);
	// That everything is there would be said too early where something is in doubt.
	if (deadly.length === 0 && !(works && doubts.length + wrong.length > 0)) reasons.push(sentence(then, platform));
	reasons.push(...doubts.map((s) => s.why));
	if (works && wrong.length > 0) {
		reasons.push(
			wrong.length === 1
				? 'Something in the image is wrong, so it is not good for use.'
				: `${wrong.length} things in the image are wrong, so it is not good for use.`,
		);
	}
	return { boots, ok: works && doubts.length === 0 && wrong.length === 0, reasons, missing: [...new Set(missing)], problems };
}

function sentence(then: { boots: SimulatedState['boots']; why: string }, platform: Platform): string {
	if (then.boots !== 'listening') return then.why;
	const setup = rulesOf('setup-done', platform)[0];
	return `${then.why}${setup ? ' That is so with every Device OS before 4.0.0: mark each board as set up once it runs (linac usb setup-done).' : ''}`;
}

function mbrStops(reading: ImageReading, platform: Platform, allow: ReadonlySet<Allowed>): Stop[] {
	const facts = mbrFacts(platform);
	if (!facts) return [];
	const there = reading.parts.filter((p) => p.start < facts.start + facts.size);
	const part = there.find((p) => p.kind === 'mbr');
	if (!part) {
		const why =
			there.length === 0
				? `The MBR is missing (${address(facts.start)} to ${address(facts.start + facts.size)}): a blank ${platform.displayName} has nothing to start.`
				: `What stands at ${address(facts.start)} is not the MBR, so a blank ${platform.displayName} does not start.`;
		return [{ why, missing: 'mbr' }];
	}
	if (part.state === 'sound' || allow.has('unknown-mbr')) return [];
	return [
		{
			why: 'The MBR is none that linac knows. It may be another version, or damaged: nobody can say that it starts.',
			doubt: true,
		},
	];
}

function registerStops(reading: ImageReading, platform: Platform): Stop[] {
	if (!uicrFacts(platform)) return [];
	const set = registersOf(reading);
	return bootloaderRegisters(platform, reading.moduleVersion).flatMap((needed) => {
		const value = set.get(needed.address);
		if (value === needed.value) return [];
		const where = `${needed.name} (${address(needed.address)})`;
		const what = value === undefined ? 'is not set in the image' : `is ${address(value)}`;
		const why = `The UICR register ${where} ${what}; it has to be ${address(needed.value)}, the ${needed.meaning}. On a blank chip the MBR does not find the bootloader without it.`;
		return [{ why, ...(value === undefined ? { missing: 'uicr' } : {}) }];
	});
}

function registersOf(reading: ImageReading): Map<number, number> {
	return new Map(reading.parts.flatMap((p) => (p.registers ?? []).map((r) => [r.address, r.value] as const)));
}

/** Everything that runs before the bootloader's own judgement: bootloaders, which nothing judges on a blank chip. */
function bootloaderStops(reading: ImageReading, platform: Platform): Stop[] {
	const stops: Stop[] = [];
	const slots = platform.modules.filter((s) => s.required && !s.encrypted && s.function === ModuleFunction.bootloader);
	for (const slot of slots) {
		const region = slot.region === undefined ? undefined : regionOf(platform, slot.region, reading.moduleVersion);
		const part = reading.parts.find((p) => p.name === slot.name && p.prefix);
		const at = region ? ` (${address(region.start)})` : '';
		if (!part) {
			const embedded = rulesOf('embedded-bootloader', platform).length > 0;
			const why = embedded
				? `The ${slot.name}${at} is missing. A running ${platform.displayName} gets it from its system part, but a blank chip has nothing that could start that.`
				: `The ${slot.name}${at} is missing, and a blank chip has none.`;
			stops.push({ why, missing: slot.name });
		} else if (!isUsable(part, platform)) {
			stops.push({
				why: `The ${slot.name}${at} is damaged or not the one for this board, and nothing checks it before it is started.`,
			});
		}
	}
	// A chip whose bootloader is no module (Core).
	const region = regionOf(platform, 'bootloader', reading.moduleVersion);
	if (slots.length === 0 && region) {
		const there = reading.parts.some((p) => p.start <= region.start && p.end > region.start && p.kind === 'unknown');
		if (there) stops.push({ why: 'The bootloader has no module header, so nobody can tell whether it is whole.', doubt: true });
		else
			stops.push({
				why: `The bootloader (${address(region.start)}) is missing, and a blank chip has none.`,
				missing: 'bootloader',
			});
	}
	return stops;
}

function unprovenSoftDevice(reading: ImageReading, allow: ReadonlySet<Allowed>): Stop[] {
	const part = reading.parts.find((p) => p.kind === 'softdevice' && p.state === 'unproven');
	if (!part || allow.has('unknown-softdevice')) return [];
	return [
		{
			why: `The SoftDevice (firmware id ${part.version}) is none that linac knows: nobody can say that it is whole.`,
			doubt: true,
		},
	];
}

/** In its place, for this board, whole. */
function isUsable(part: ReadPart, platform: Platform): boolean {
	if (part.kind === 'softdevice') return part.state !== 'damaged';
	return part.kind === 'module' && part.state === 'sound' && platform.modules.some((s) => s.name === part.name);
}

/** What the bootloader and the system would find: modules in their places, whole or not. */
function snapshotOf(reading: ImageReading, platform: Platform): DeviceSnapshot {
	const modules: InstalledModule[] = [];
	for (const part of reading.parts) {
		const slot = platform.modules.find((s) => s.name === part.name);
		if (!slot || slot.region === undefined || slot.encrypted) continue;
		if (part.kind === 'softdevice' && part.version !== undefined) {
			const valid = isUsable(part, platform);
			modules.push({
				function: slot.function,
				index: slot.index,
				version: part.version,
				valid,
				start: part.start,
				dependencies: [],
			});
		} else if (part.prefix && inPlace(part)) {
			modules.push({
				function: slot.function,
				index: slot.index,
				version: part.prefix.version,
				valid: isUsable(part, platform),
				start: part.start,
				size: part.bytes.length,
				dependencies: [...(part.module?.dependencies ?? part.prefix.dependencies.filter((d) => d.function !== 0))],
			});
		}
	}
	return {
		platform: platform.name,
		mode: 'dfu',
		modules,
		depth: 'read',
		via: 'swd',
		// The settings of a blank chip are blank.
		...(platform.dct.setupDone === undefined ? {} : { setupDone: false }),
	};
}

/** The bootloader looks for a module in its place and with its board's number only: anything else is not there for it. */
function inPlace(part: ReadPart): boolean {
	const elsewhere = ['ADDRESS_OUTSIDE', 'MODULE_PLACE_MISSING', 'MODULE_OTHER_PLATFORM', 'SOFTDEVICE_WITH_HEADER'];
	return !part.problems.some((p) => elsewhere.includes(p.code));
}

function missingModules(reading: ImageReading, platform: Platform): string[] {
	const there = new Set(reading.parts.filter((p) => p.kind === 'module' || p.kind === 'softdevice').map((p) => p.name));
	return platform.modules
		.filter((s) => s.required && !s.encrypted && s.region !== undefined && !there.has(s.name))
		.filter((s) => regionOf(platform, s.region!, reading.moduleVersion) !== undefined)
		.map((s) => s.name);
}

/** What is worth knowing and stops nothing. */
function notes(reading: ImageReading, platform: Platform, boots: SimulatedState['boots']): Problem[] {
	const out: Problem[] = [];
	for (const slot of platform.modules.filter((s) => s.encrypted)) {
		const message = `The ${slot.name} is made for each single chip and cannot be in a file. The modules that Particle delivers have it; a bare chip never starts from an image.`;
		out.push(problem('MODULE_COMES_WITH_CHIP', message, { severity: 'info', field: slot.name }));
	}
	const set = registersOf(reading);
	const deadly = bootloaderRegisters(platform, reading.moduleVersion);
	for (const needed of neededRegisters(platform, reading.moduleVersion)) {
		// Without any of them, that there are none has been said.
		if (set.has(needed.address) || deadly.includes(needed) || set.size === 0) continue;
		const message = `The UICR register ${needed.name} (${address(needed.address)}: ${needed.meaning}) is not set in the image. The board starts without it, but not all of it works then.`;
		out.push(problem('UICR_REGISTER_MISSING', message, { severity: 'warning', field: needed.name, expected: needed.value }));
	}
	for (const rule of rulesOf('former-slot', platform)) {
		const of = (m: { function: number; index: number }) =>
			reading.parts.find((p) => p.prefix?.function === m.function && p.prefix.index === m.index && p.state === 'sound');
		const former = of(rule.former);
		const application = of(rule.application);
		if (former && application && (reading.moduleVersion ?? 0) >= rule.systemFrom) {
			const message = `There are two applications in it, and the one in the former slot (${address(former.start)}) is the one that runs. ${rule.statement}`;
			out.push(problem('FORMER_APPLICATION_WINS', message, { severity: 'warning', field: former.name }));
		}
	}
	if (boots === 'listening') {
		const message =
			'Before Device OS 4.0.0 no image can hold the mark of a set-up board: it is in a file on the external flash. Set it once the board runs: linac usb setup-done.';
		out.push(problem('SETUP_DONE_NEEDED', message, { severity: 'info' }));
	}
	return out;
}
