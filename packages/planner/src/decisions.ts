/**
 * Compares what is wanted with what is there, slot by slot: write it, prove that it is there, or leave what is there. When and how it
 * is written is for order.ts.
 */

import { rulesOf } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { bootloaderUpdateWay } from './bootloader-way.js';
import { type DeviceModel, find, isKnown, keyOf, slotName, unmet, withModule } from './model.js';
import { compareNcp } from './ncp.js';
import { refusal } from './refusal.js';
import type { Goal, Refusal } from './types.js';
import { info, type Wanted, warning } from './wanted.js';

/**
 * `write`: it differs. `prove`: the same version is reported, but not its content, so it is read back and written only if it differs.
 * `compare`: the same too, but it cannot be written in DFU: if it differs, the job is planned again with that known. `there`: the content
 * is known to be equal, or cannot be read. `keep`: what is there stays, although it is another version or has other bytes.
 */
export type Need = 'write' | 'prove' | 'compare' | 'there' | 'keep';

export interface Decision {
	wanted: Wanted;
	need: Need;
	code: string;
	/** For a file's verdict and for notes. */
	reason: string;
	/** Version that is there now. */
	from?: number;
	/** Nothing is known of what is there; the running device skips it when it has this or a newer version. */
	enoughFrom?: number;
	/** With `keep` of something that is there: why, in a few words for the row of evidence. */
	stays?: string;
}

export interface Decisions {
	decisions: Decision[];
	problems: Refusal[];
	notes: Problem[];
}

/** `target` is the model with every wanted module in place: what the kept ones have to get on with. */
export function decide(model: DeviceModel, wanted: ReadonlyMap<string, Wanted>, goal: Goal): Decisions {
	const result: Decisions = { decisions: [], problems: [], notes: [] };
	const target = [...wanted.values()].reduce((m, w) => withModule(m, { ...w.written, slot: w.slot.name, state: 'valid' }), model);
	for (const key of [...wanted.keys()].sort()) {
		const decision = decideOne(model, target, wanted.get(key)!, goal, result);
		if (decision) result.decisions.push(decision);
	}
	return result;
}

function decideOne(model: DeviceModel, target: DeviceModel, w: Wanted, goal: Goal, result: Decisions): Decision | undefined {
	const there = find(model, w.written);
	const from = there?.version;
	const name = `${w.slot.name} ${w.written.version}`;
	const make = (need: Need, code: string, reason: string): Decision => ({
		wanted: w,
		need,
		code,
		reason,
		...(from === undefined ? {} : { from }),
	});

	if (w.written.function === ModuleFunction.ncp) return decideNcp(model, target, w, make);
	if (!there) {
		// A bootloader of which nothing is known is replaced only when somebody asks for that bootloader by name.
		const blind = !isKnown(model, w.written) && w.files.length === 0;
		if (blind) {
			const asked = dependenciesOn(target, w.written);
			if (asked === 0)
				return make('keep', 'UNKNOWN_LEFT', `The ${w.slot.name} of the device could not be read, and nothing asks for another.`);
			return { ...make('write', 'WRITTEN', `${name} is asked for, and what is there could not be read.`), enoughFrom: asked };
		}
		return make('write', 'WRITTEN', `${name} is not there.`);
	}
	if (there.state === 'damaged') return make('write', 'WRITTEN', `The ${w.slot.name} on the device is damaged.`);

	if (there.version > w.written.version) return decideOlder(model, target, w, goal, there.version, make, result);
	if (there.version < w.written.version) return decideNewer(model, target, w, goal, there.version, make, result);

	if (there.contentSha256 === w.written.contentSha256)
		return make('there', 'ALREADY_THERE', `${name} is there already, byte for byte.`);
	if (w.written.function === ModuleFunction.bootloader) {
		const inPlace = copiesOver(model, goal) || copiesOver(target, goal);
		if (there.contentSha256 === undefined) {
			if (!isReadable(w)) return make('there', 'SAME_VERSION_THERE', `${name} is there already: the device reports it as whole.`);
			if (inPlace && w.files.length > 0) {
				const text =
					`${w.files[0]} is compared with the ${w.slot.name} on the device. If its bytes differ it is copied over the old one, and only SWD ` +
					`could help if power failed just then. Keep the device powered.`;
				result.notes.push(warning('BOOTLOADER_IN_PLACE', text));
			}
			return make('compare', 'COMPARED', `${name} is reported; its bytes are read back and compared.`);
		}
		if (w.files.length === 0 && inPlace) {
			const reason =
				`The device keeps its ${name}, although its bytes are not those of the release: replacing it could not be undone without a ` +
				`debugger if power failed meanwhile. Give the bootloader as a file to have it written all the same.`;
			result.notes.push(warning('BOOTLOADER_OTHER_BYTES_KEPT', reason));
			return {
				...make('keep', 'OTHER_BYTES_KEPT', reason),
				stays: 'same number, other bytes; kept, because replacing it risks a device that only SWD brings back',
			};
		}
		return make('write', 'WRITTEN', `A ${name} with other bytes is there.`);
	}
	if (w.written.function === ModuleFunction.radioStack && there.contentSha256 === undefined && startIsWhole(model)) {
		return make('there', 'SAME_VERSION_THERE', `${name} is there already, as its own version field says.`);
	}
	if (there.contentSha256 === undefined)
		return make('prove', 'PROVED', `${name} is reported; its bytes are read back and compared.`);
	return make('write', 'WRITTEN', `A ${name} with other bytes is there.`);
}

/** Whether a bootloader would be copied over the old one. A module slot is carried out by something that survives a power cut, or not at all. */
function copiesOver(model: DeviceModel, goal: Goal): boolean {
	return goal.bootloaderWay !== 'module-slot' && bootloaderUpdateWay(model).inPlace;
}

/** Whether DFU can read it: it stands in a region of the memory map, and in clear. */
export function isReadable(w: Wanted): boolean {
	return w.slot.region !== undefined && w.slot.encrypted !== true;
}

/** While the system is whole, no write of the SoftDevice was cut short: the system is made invalid before it (see order.ts). */
function startIsWhole(model: DeviceModel): boolean {
	const facts = bootFacts(model.platform);
	return !isKnown(model, facts.startModule) || find(model, facts.startModule)?.state === 'valid';
}

type Make = (need: Need, code: string, reason: string) => Decision;

/** The wanted module is older than what is there. */
function decideOlder(
	model: DeviceModel,
	target: DeviceModel,
	w: Wanted,
	goal: Goal,
	there: number,
	make: Make,
	result: Decisions,
): Decision | undefined {
	const { platform } = model;
	const what = w.slot.name;
	const keep = rulesOf('keep-newer', platform).find((r) => r.functions.includes(w.written.function));
	if (keep) {
		const kept = find(model, w.written)!;
		const missing = unmet(target, kept.dependencies);
		if (missing.length === 0) {
			const reason = `The device keeps its ${what} ${there}, which is newer than ${w.written.version}. ${keep.statement}`;
			return { ...make('keep', 'NEWER_STAYS', reason), stays: newerStays(w) };
		}
		result.notes.push(
			info(
				'BOOTLOADER_MADE_OLDER',
				`${what} ${there} needs ${slotName(platform, missing[0]!)} ${missing[0]!.version}, which the target does not have: it is made older too.`,
			),
		);
	}
	// An image of system and application is somebody's program: its number says nothing of which is wanted.
	if (w.written.function === ModuleFunction.user || w.written.function === ModuleFunction.monolithic)
		return make('write', 'WRITTEN', `The device has ${what} ${there}.`);
	if (!goal.allow.includes('downgrade')) {
		const rule = rulesOf('permission', platform).find((r) => r.permission === 'downgrade');
		result.problems.push(
			refusal(
				'DOWNGRADE_NOT_ALLOWED',
				`${what} would be made older (${there} to ${w.written.version}). ${rule?.statement ?? ''}`.trim(),
				{ rule: rule?.id ?? 'downgrade', found: there, expected: w.written.version, ...(w.files[0] ? { file: w.files[0] } : {}) },
			),
		);
		return undefined;
	}
	return make('write', 'WRITTEN', `The device has ${what} ${there}; going back to ${w.written.version} was allowed.`);
}

function newerStays(w: Wanted): string {
	return `newer than ${w.files[0] ?? "the release's"} ${w.written.version}; it stays`;
}

/** The wanted module is newer than what is there. */
function decideNewer(
	model: DeviceModel,
	target: DeviceModel,
	w: Wanted,
	goal: Goal,
	there: number,
	make: Make,
	result: Decisions,
): Decision {
	const what = w.slot.name;
	const change = make('write', 'WRITTEN', `The device has ${what} ${there}.`);
	if (w.written.function !== ModuleFunction.bootloader || w.files.length > 0) return change;
	if (dependenciesOn(target, w.written) > there) return change;
	if (rulesOf('embedded-bootloader', model.platform).length > 0) return change;
	if (!copiesOver(model, goal)) return change;
	const reason =
		`The device keeps its ${what} ${there}: the target accepts it, and replacing it by ${w.written.version} could not be undone without a ` +
		`debugger if power failed meanwhile. Give the bootloader as a file to have it written all the same.`;
	result.notes.push(info('BOOTLOADER_LEFT_ALONE', reason));
	return {
		...make('keep', 'LEFT_ALONE', reason),
		stays: `older than the release's ${w.written.version}, which accepts it; kept, because replacing it risks a device that only SWD brings back`,
	};
}

function decideNcp(model: DeviceModel, target: DeviceModel, w: Wanted, make: Make): Decision {
	const { platform } = model;
	const there = find(model, w.written);
	const asked = dependenciesOn(target, w.written);
	const enough = there?.state === 'valid' ? compareNcp(platform, w.written.version, there.version) : undefined;
	if (enough) {
		return enough.verdict === 'already-there'
			? make('there', enough.code, enough.reason)
			: { ...make('keep', enough.code, enough.reason), stays: newerStays(w) };
	}
	const stays = `the release has ${w.written.version}, but nothing in it asks for that; it stays`;
	if (asked === 0 && w.files.length === 0) {
		return { ...make('keep', 'NOT_ASKED_FOR', 'Nothing in this Device OS asks for another NCP firmware.'), stays };
	}
	if (there && there.version >= asked && w.files.length === 0) {
		return { ...make('keep', 'NOT_ASKED_FOR', `The NCP firmware ${there.version} is new enough.`), stays };
	}
	const decision = make(
		'write',
		'WRITTEN',
		there ? `NCP firmware ${there.version} is there.` : 'The NCP firmware can only be asked from a running device.',
	);
	return there ? decision : { ...decision, enoughFrom: w.written.version };
}

/** The highest version of a module that anything in the target asks for; 0: nothing does. */
export function dependenciesOn(target: DeviceModel, module: { function: number; index: number }): number {
	const versions = [...target.modules.values()]
		.filter((m) => m.function !== ModuleFunction.radioStack)
		.flatMap((m) => m.dependencies)
		.filter((d) => keyOf(d) === keyOf(module))
		.map((d) => d.version);
	return Math.max(0, ...versions);
}
