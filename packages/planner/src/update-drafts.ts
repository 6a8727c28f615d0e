/**
 * Drafts of the steps with which DFU leaves a module for somebody else to install: stage it, request it, let it be applied. And the drafts that take orders
 * out of the DCT that are not a part of the job. Which module goes before and which after the rest is tried by order.ts; what the orders do, by requests.ts.
 */
import { type Platform, regionOf, rules } from '@linac/catalog';
import { address as hex } from '@linac/core';
import { FIRST_MODULE_SLOT, MODULE_SLOT_COUNT, MODULE_SLOT_SIZE, ModuleFunction } from '@linac/firmware';
import { boot, bootFacts } from './boot.js';
import type { Decision } from './decisions.js';
import { type DeviceModel, keyOf, slotName } from './model.js';
import { dctNeedsSystem, moduleSlotBytes, moduleSlotFacts, slotForUpdates } from './requests.js';
import { afterAction } from './transitions.js';
import type { BootloaderWay, PendingUpdate } from './types.js';
import { aboutOf, type Draft, type Work } from './work.js';

const PAGE = 4096;

/** Drafts that order.ts has for all ways. */
export interface DraftMakers {
	restart(why: string): Draft;
	enterDfu(why?: string): Draft;
	control(platform: Platform, decision: Decision, when: 'before' | 'after'): Draft;
}

type Assembled = { ok: true; drafts: Draft[] } | { ok: false; why: string[] };
type Staged = Exclude<BootloaderWay, 'control'>;

/** NCP firmware lies in another chip: whether it is needed can only be asked of a running device, so it goes by control requests, whatever the way. */
const isStaged = (d: Decision) => d.wanted.written.function === ModuleFunction.bootloader;

/**
 * The same work as by control requests, with bootloaders staged over DFU. By OTA slot one module a start; by module slot all that come together,
 * in the session that writes the rest.
 */
export function assembleStaged(
	work: Work,
	first: readonly Decision[],
	dfu: readonly Draft[],
	second: readonly Decision[],
	make: DraftMakers,
): Assembled {
	const line = new Line(work, make);
	const way = work.way as Staged;
	const before = first.filter(isStaged);
	const after = second.filter(isStaged);
	const controlled = [...first, ...second].filter((d) => !isStaged(d));
	const facts = bootFacts(work.model.platform);
	let main = dfu;
	for (const group of groups(way, before)) {
		line.intoDfu();
		// A system that starts and hangs would take the device away: its header is blanked now, and not only before the rest.
		const blank = main.find((d) => d.action.kind === 'invalidate' && keyOf(d.action.module) === keyOf(facts.startModule));
		if (way === 'module-slot' && line.starts() === 'dead' && blank) {
			line.push(blank);
			main = main.filter((d) => d !== blank);
		}
		if (!line.stage(way, group)) return line.tooSmall(group);
		line.apply(way, group, main.length > 0 || after.length > 0);
	}
	const [next, ...rest] = groups(way, after);
	// The parts that have just been written have other addresses than those that the bootloader looked up for the DCT.
	const apart = dctNeedsSystem(work.model) && main.length > 0;
	if (main.length > 0) {
		line.intoDfu();
		line.push(...main);
		if (!next || apart) line.push(make.restart('Everything that goes over DFU is in place.'));
	}
	for (const group of next ? [next, ...rest] : []) {
		line.intoDfu();
		if (!line.stage(way, group)) return line.tooSmall(group);
		line.apply(way, group, false);
	}
	if (line.model.mode === 'dfu') line.push(make.restart('Nothing is left to write in DFU.'));
	for (const d of controlled) line.push(make.control(work.model.platform, d, 'after'));
	return { ok: true, drafts: line.drafts };
}

function groups(way: Staged, decisions: readonly Decision[]): Decision[][] {
	if (decisions.length === 0) return [];
	return way === 'module-slot' ? [[...decisions]] : decisions.map((d) => [d]);
}

/** Drafts one after the other, with the model as they leave it. */
class Line {
	readonly #work: Work;
	readonly #make: DraftMakers;
	readonly drafts: Draft[] = [];
	model: DeviceModel;

	constructor(work: Work, make: DraftMakers) {
		this.#work = work;
		this.#make = make;
		this.model = work.model;
	}

	push(...drafts: readonly Draft[]): void {
		for (const draft of drafts) {
			this.drafts.push(draft);
			this.model = afterAction(this.model, draft.action, draft.wanted?.written);
		}
	}

	intoDfu(): void {
		if (this.model.mode !== 'dfu')
			this.push(this.#make.enterDfu('What is to be installed is left in flash by the bootloader, and read back there.'));
	}

	/** `false`: there is no room. */
	stage(way: Staged, group: readonly Decision[]): boolean {
		const slot = slotForUpdates(this.model);
		const alternate = this.model.platform.alternates.find((a) => a.storage === slot?.storage);
		const dct = this.model.platform.alternates.find((a) => a.storage === 'dct');
		if (!slot || !alternate || !dct) return false;
		let at = slot.start;
		const free = freeSlots(this.#work);
		for (const d of group) {
			const { written, source, slot: moduleSlot } = d.wanted;
			const length = source.module.bytes.length;
			const number = free.shift();
			if (at + length > slot.end || (way === 'module-slot' && number === undefined)) return false;
			const staged = { alternate: alternate.number, address: at + alternate.addressOffset, length };
			const order = way === 'ota-slot' ? otaOrder(this.model) : slotOrder(this.model, number!, written, at);
			const name = `${moduleSlot.name} ${written.version}`;
			const common = aboutOf(d);
			this.push(
				{
					...common,
					action: { kind: 'stage-update', sha256: source.sha256, ...staged },
					title: `Leave ${name} at ${hex(at)}`,
					because: [
						d.reason,
						way === 'ota-slot'
							? 'Device OS looks there for an update when it starts.'
							: 'The bootloader finds it there by the module slot that comes next.',
					],
					needs: [],
				},
				{
					...common,
					action: { kind: 'request-update', way, sha256: source.sha256, staged, ...order },
					title:
						way === 'ota-slot'
							? `Ask Device OS to install ${name}`
							: `Ask the bootloader to install ${name} (module slot ${number})`,
					because: ['It is asked for only after what was left has been read back.'],
					needs: written.dependencies.map((x) => `${slotName(this.model.platform, x)} >= ${x.version}`),
				},
			);
			at += Math.ceil(length / PAGE) * PAGE;
		}
		return true;
	}

	/** What a restart would lead to now. */
	starts(): ReturnType<typeof boot>['boots'] {
		return boot(afterAction(this.model, { kind: 'restart' })).boots;
	}

	/** `more`: there is work left in DFU. */
	apply(way: Staged, group: readonly Decision[], more: boolean): void {
		const modules = group.map(({ wanted: { slot, written, source } }) => ({
			slot: slot.name,
			function: written.function,
			index: written.index,
			version: written.version,
			sha256: source.sha256,
		}));
		const names = modules.map((m) => `${m.slot} ${m.version}`).join(' and ');
		// A bootloader that finds no whole system stays in DFU after it has installed what was asked for; that is where the work goes on.
		const then = way === 'module-slot' && this.starts() === 'dfu' && more ? 'dfu' : 'run';
		this.push({
			action: { kind: 'apply-update', way, modules, then },
			title: `Restart, and see ${names} installed`,
			because: [
				way === 'ota-slot'
					? 'The Device OS that starts now installs it, and restarts.'
					: `The bootloader installs it before it looks for a system.${then === 'dfu' ? ' It finds none that is whole, and stays in DFU.' : ''}`,
			],
			...(group.length === 1 && way === 'ota-slot' ? aboutOf(group[0]!) : {}),
			needs: [],
		});
	}

	tooSmall(group: readonly Decision[]): Assembled {
		const slot = slotForUpdates(this.model);
		const names = group.map((d) => `${d.wanted.slot.name} ${d.wanted.written.version}`).join(' and ');
		const room = slot ? `it has ${slot.end - slot.start} bytes at ${hex(slot.start)}` : 'it is not known where it is';
		return { ok: false, why: [`${names} cannot be left in the slot for updates: ${room}.`] };
	}
}

function otaOrder(model: DeviceModel): { offset: number; bytes: string } {
	return { offset: model.platform.dct.otaFlag, bytes: byte(rules().overDfu.otaFlag.set) };
}

function slotOrder(
	model: DeviceModel,
	number: number,
	written: { function: number; start: number; size: number },
	at: number,
): { offset: number; bytes: string } {
	return { offset: model.platform.dct.moduleSlots + number * MODULE_SLOT_SIZE, bytes: moduleSlotBytes(model, written, at) };
}

function byte(value: number): string {
	return value.toString(16).padStart(2, '0');
}

/** Slots 1 to 4 without those that hold an order that stays. */
function freeSlots(work: Work): number[] {
	const taken = new Set(work.pending.filter((p) => putsBack(work, p)).map((p) => p.slot));
	return Array.from({ length: MODULE_SLOT_COUNT - FIRST_MODULE_SLOT }, (_, i) => FIRST_MODULE_SLOT + i).filter(
		(n) => !taken.has(n),
	);
}

/**
 * The bootloader's own order to put back what it had to move aside for its successor (function 0, to the place that the successor went through). It stays, unless
 * the job writes an application over that place.
 */
export function putsBack(work: Pick<Work, 'model' | 'decisions'>, pending: PendingUpdate): boolean {
	const through = moduleSlotFacts(work.model)?.through;
	const region = through === undefined ? undefined : regionOf(work.model.platform, through);
	if (pending.way !== 'module-slot' || !region || pending.destination !== region.start || pending.module) return false;
	const end = pending.destination + (pending.length ?? 0);
	return !work.decisions.some(
		({ wanted: { written } }) =>
			written.start < end && written.start + written.size > region.start && written.function === ModuleFunction.user,
	);
}

/** Orders that stand in the DCT and that the job does not ask for itself. They come first: the next start would carry them out. */
export function clearDrafts(work: Work, drafts: readonly Draft[]): Draft[] {
	const asked = drafts.flatMap((d) => (d.action.kind === 'request-update' ? [d.action] : []));
	return work.pending
		.filter((p) => !putsBack(work, p) && !asked.some((a) => a.offset === p.offset && a.bytes === p.bytes))
		.map((p) => ({
			action: {
				kind: 'clear-request',
				way: p.way,
				offset: p.offset,
				found: p.bytes,
				// Of a module slot the magic number alone, as the bootloader frees it.
				bytes: p.way === 'ota-slot' ? byte(rules().overDfu.otaFlag.clear) : 'ffff',
			},
			title: p.way === 'ota-slot' ? 'Clear the OTA flag' : `Free module slot ${p.slot}`,
			because: [`${describePending(work.model.platform, p)}. It is no part of this job, and the next start would carry it out.`],
			needs: [],
		}));
}

/** In words, e.g. `Module slot 2 asks the bootloader to install bootloader 1101 at 0xf4000`. */
export function describePending(platform: Platform, p: PendingUpdate): string {
	const what = p.module ? `${slotName(platform, p.module)} ${p.module.version}` : 'something without a module header';
	if (p.way === 'ota-slot') return `The OTA flag asks Device OS to install what lies in its slot for updates (${what})`;
	return `Module slot ${p.slot} asks the bootloader to copy ${what} to ${hex(p.destination ?? 0)}`;
}
