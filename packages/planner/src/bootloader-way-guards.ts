/** What forbids, or tells of, another way for bootloaders than control requests: permission, protection, a bootloader that is too old, orders that are pending. */
import type { Platform } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import type { Decision } from './decisions.js';
import { type DeviceModel, find, keyOf } from './model.js';
import { order } from './order.js';
import { refusal } from './refusal.js';
import { moduleSlotFacts, systemUnderMbrPage } from './requests.js';
import type { BootloaderWay, DeviceSnapshot, Goal, Refusal } from './types.js';
import { describePending } from './update-drafts.js';
import { warning } from './wanted.js';
import type { Draft, Work } from './work.js';

export function bootloaderWayProblem(device: DeviceSnapshot, goal: Goal): Refusal | undefined {
	const way = goal.bootloaderWay ?? 'control';
	if (way === 'control') return undefined;
	// A device that is locked altogether has a refusal of its own.
	if (device.protection === 'service') {
		return refusal(
			'BOOTLOADER_WAY_PROTECTED',
			`A device with device protection, also in service mode, does not let DFU write its slot for updates, so its bootloader cannot be installed by ${way}. Leave the way out, or choose control.`,
			{ field: 'bootloaderWay', found: way, expected: 'control' },
		);
	}
	return way === 'module-slot' ? notAllowed(goal) : undefined;
}

function notAllowed(goal: Goal): Refusal | undefined {
	if (goal.allow.includes('experimental')) return undefined;
	return refusal(
		'EXPERIMENTAL_NOT_ALLOWED',
		'Installing a bootloader by module slot was read in the source of the bootloaders and never tried on a board. If you want it all the same, allow it by name: --experimental.',
		{ rule: 'experimental-by-name', field: 'bootloaderWay' },
	);
}

/** Whether the bootloader that is there can carry out a module slot for its own place. */
export function moduleSlotProblem(model: DeviceModel, goal: Goal, decisions: readonly Decision[]): Refusal | undefined {
	if (goal.bootloaderWay !== 'module-slot') return undefined;
	const asked = decisions.find((d) => d.need === 'write' && d.wanted.written.function === ModuleFunction.bootloader);
	if (!asked) return undefined;
	const facts = moduleSlotFacts(model);
	const name = `${asked.wanted.slot.name} ${asked.wanted.written.version}`;
	if (!facts?.possible) {
		return refusal(
			'MODULE_SLOT_IMPOSSIBLE',
			`${name} cannot be installed by module slot on a ${model.platform.displayName}. ${facts?.statement ?? 'Its bootloader knows no module slots.'} Use --bootloader-by ota-slot or control.`,
			{ ...(facts ? { rule: facts.id } : {}), field: 'bootloaderWay' },
		);
	}
	const there = find(model, { function: ModuleFunction.bootloader, index: 0 })?.version;
	const needs = facts.bootloaderFrom ?? 0;
	if (needs === 0 || (there !== undefined && there >= needs)) return undefined;
	return refusal(
		'MODULE_SLOT_NEEDS_BOOTLOADER',
		`The bootloader on the device is ${there ?? 'not known'}. ${facts.statement} Use --bootloader-by ota-slot, for which the Device OS that is written has to start, or control.`,
		{ rule: facts.id, expected: needs, ...(there === undefined ? {} : { found: there }) },
	);
}

/** Another way that would hold where the chosen one does not, in a sentence. */
export function otherWay(work: Work): string | undefined {
	const staged = work.decisions.filter((d) => d.wanted.written.function === ModuleFunction.bootloader);
	if (staged.length === 0) return undefined;
	for (const way of ['ota-slot', 'module-slot'] as const satisfies BootloaderWay[]) {
		if (way === work.way) continue;
		const goal: Goal = { files: [], applicationOnly: false, allow: ['experimental'], bootloaderWay: way };
		if (moduleSlotProblem(work.model, goal, staged) || !order({ ...work, way }).ok) continue;
		const experiment = way === 'module-slot' ? ' --experimental (read in the source, never tried on a board)' : '';
		return `It could be done with --bootloader-by ${way}${experiment}.`;
	}
	return undefined;
}

/** Orders that stand in the DCT: each is named. */
export function pendingNotes(platform: Platform, device: DeviceSnapshot): Problem[] {
	return (device.pending ?? []).map((p) => warning('UPDATE_PENDING', `${describePending(platform, p)}.`));
}

export function experimentNotes(drafts: readonly Draft[]): Problem[] {
	const used = drafts.some((d) => d.action.kind === 'request-update' && d.action.way === 'module-slot');
	return used
		? [
				warning(
					'EXPERIMENTAL_WAY',
					'Module slots were read in the source of the bootloaders and tried on virtual devices, never on a board. Have a debugger at hand.',
				),
			]
		: [];
}

/**
 * The system part, where an older bootloader is replaced through the MBR under one of 6.2.0 or newer: it may lose a page to the MBR's order (requests.ts), so it
 * is written again. The order of the steps then puts the bootloader first.
 */
export function struckAgain(model: DeviceModel, goal: Goal, decisions: readonly Decision[]): Decision[] {
	const replaced = decisions.some((d) => d.need === 'write' && d.wanted.written.function === ModuleFunction.bootloader);
	const system = goal.bootloaderWay === 'module-slot' && replaced ? systemUnderMbrPage(model) : undefined;
	if (!system) return [...decisions];
	return decisions.map((d) =>
		keyOf(d.wanted.written) !== keyOf(system)
			? d
			: {
					...d,
					need: 'write',
					code: 'WRITTEN_AGAIN',
					reason: `It lies over 0x2f000, the page in which the MBR may note the order for the new bootloader, so it is written after that.`,
				},
	);
}
