/**
 * Puts the work in an order in which the device can be brought back at every point. Modules for DFU are written together, between one
 * entry into DFU and one restart; modules for the running system go before or after that. All ways to split them are tried in an order of
 * preference, and the first whose simulation holds is taken. The rules behind it: docs/plans.md.
 */
import { inRange, type Platform, rulesOf } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import type { AssetDecision } from './assets.js';
import { type Boot, boot, bootFacts } from './boot.js';
import { type Decision, isReadable } from './decisions.js';
import { type DeviceModel, find, isKnown, keyOf, unmet } from './model.js';
import { notUpdated } from './ncp.js';
import { inOneSession } from './one-session.js';
import { refusedBySystem } from './requests.js';
import { afterAction, type WrittenModule } from './transitions.js';
import type { StepAction } from './types.js';
import { assembleStaged, clearDrafts } from './update-drafts.js';
import type { Wanted } from './wanted.js';
import { aboutOf, type Draft, type Work } from './work.js';

export type Ordered = { ok: true; drafts: Draft[]; final: DeviceModel } | { ok: false; why: string[] };

const isUser = (d: Decision) => d.wanted.written.function === ModuleFunction.user;
const isSystem = (d: Decision) => d.wanted.written.function === ModuleFunction.system;
const isRadio = (d: Decision) => d.wanted.written.function === ModuleFunction.radioStack;

/** Whether a module travels over DFU: where both ways are open, DFU, because its bytes can be read back. */
export function overDfu(w: Wanted): boolean {
	return w.slot.transports.includes('dfu');
}

export function order(work: Work): Ordered {
	const dfu = dfuDrafts(work);
	const control = work.decisions.filter((d) => !overDfu(d.wanted));
	if (dfu.length === 0 && control.length === 0 && work.assets.length === 0 && !work.compare && work.model.mode !== 'dfu')
		return { ok: true, drafts: [], final: work.model };
	if (inOneSession(work, dfu, control)) {
		const result = attempt({ ...work, way: 'ota-slot' }, [], dfu, sorted(control));
		if (result.ok) return result;
	}
	const why: string[] = [];
	// One session is enough for module slots, and needs no system that runs: as little as possible before the rest.
	for (const first of splits(control, work.model.mode === 'dfu' || work.way === 'module-slot')) {
		const second = control.filter((d) => !first.includes(d));
		const result = attempt(work, sorted(first), dfu, sorted(second));
		if (result.ok) return result;
		for (const reason of result.why) if (!why.includes(reason)) why.push(reason);
	}
	return { ok: false, why };
}

function attempt(work: Work, first: Decision[], dfu: Draft[], second: Decision[]): Ordered {
	const made =
		(work.way ?? 'control') === 'control'
			? { ok: true as const, drafts: assemble(work, first, dfu, second) }
			: assembleStaged(work, first, dfu, second, { restart: restartDraft, enterDfu: enterDfuDraft, control: controlDraft });
	if (!made.ok) return made;
	return holds(work, [...clearDrafts(work, made.drafts), ...made.drafts]);
}

/**
 * Which of the modules for the running system go before DFU. On a running device: as many as possible, so that the bootloader is there
 * before the system that needs it. On a device in DFU: none, because the system there may not run; then with more and more.
 */
function splits(control: Decision[], inDfu: boolean): Decision[][] {
	const all: Decision[][] = [];
	for (let mask = 0; mask < 1 << control.length; mask++) all.push(control.filter((_, i) => mask & (1 << i)));
	return all.sort((a, b) => (inDfu ? a.length - b.length : b.length - a.length));
}

/** A module goes behind those in the same list that it depends on; otherwise by index, highest first (pre-bootloader before bootloader). */
function sorted(decisions: Decision[]): Decision[] {
	const rest = [...decisions].sort(
		(a, b) => a.wanted.written.function - b.wanted.written.function || b.wanted.written.index - a.wanted.written.index,
	);
	const result: Decision[] = [];
	while (rest.length > 0) {
		const at = rest.findIndex(
			(d) => !rest.some((o) => o !== d && d.wanted.written.dependencies.some((x) => keyOf(x) === keyOf(o.wanted.written))),
		);
		result.push(...rest.splice(Math.max(at, 0), 1));
	}
	return result;
}

function assemble(work: Work, first: Decision[], dfu: Draft[], second: Decision[]): Draft[] {
	const drafts: Draft[] = [];
	const startsInDfu = work.model.mode === 'dfu';
	if (startsInDfu && first.length > 0)
		drafts.push(restartDraft('The running system has to take a module before the rest is written.'));
	drafts.push(...first.map((d) => controlDraft(work.model.platform, d, 'before')));
	if (dfu.length > 0) {
		if (!startsInDfu || first.length > 0) drafts.push(enterDfuDraft());
		drafts.push(...dfu);
		drafts.push(restartDraft('Everything that goes over DFU is in place.'));
	} else if (startsInDfu && first.length === 0) {
		drafts.push(
			restartDraft(second.length > 0 ? 'The running system has to take a module.' : 'Nothing is left to write in DFU.'),
		);
	}
	drafts.push(...second.map((d) => controlDraft(work.model.platform, d, 'after')));
	// Of a module that was replaced by another of the same number, the number proves nothing.
	const unproved = (dfu.length > 0 ? second : [...first, ...second]).some(sameNumber);
	if (unproved || (work.compare && dfu.length === 0 && !startsInDfu)) {
		drafts.push(
			enterDfuDraft('The number of a module says nothing of its bytes: they are read back and compared before DFU is left.'),
		);
		drafts.push(restartDraft('Nothing is left to compare in DFU.'));
	}
	drafts.push(...work.assets.map(assetDraft));
	return drafts;
}

function sameNumber(d: Decision): boolean {
	return isReadable(d.wanted) && d.from === d.wanted.written.version;
}

function restartDraft(why: string): Draft {
	return { action: { kind: 'restart' }, title: 'Restart the device', because: [why], needs: [] };
}

function enterDfuDraft(
	why = 'System parts, SoftDevice and application are written by the bootloader, and can be read back there.',
): Draft {
	return {
		action: { kind: 'enter-mode', mode: 'dfu' },
		title: 'Enter DFU mode',
		because: [why],
		needs: [],
	};
}

function controlDraft(platform: Platform, d: Decision, when: 'before' | 'after'): Draft {
	const { written, slot, source } = d.wanted;
	const because = [d.reason];
	if (when === 'before')
		because.push('The running system installs it now, so that it is there before anything that needs it is started.');
	else
		because.push(
			'The system that has just been written installs it; until then it may run in safe mode, where it takes modules as well.',
		);
	if (written.function === ModuleFunction.bootloader) because.push('DFU cannot put a bootloader in its place.');
	return {
		action: {
			kind: 'update-control',
			sha256: source.sha256,
			length: source.module.bytes.length,
			...(d.enoughFrom === undefined ? {} : { enoughFrom: d.enoughFrom }),
		},
		title: `Give ${slot.name} ${written.version} to the running system`,
		because,
		...aboutOf(d),
		needs: needsOf(platform, written),
	};
}

function assetDraft({ asset, reason }: AssetDecision): Draft {
	return {
		action: {
			kind: 'update-control',
			sha256: asset.source.sha256,
			length: asset.length,
			asset: { name: asset.name, sha256: asset.sha256 },
		},
		title: `Store the asset "${asset.name}"`,
		because: [
			reason,
			'The application asks for it. It comes last, because Device OS keeps only what the application that is running asks for; until all are ' +
				'there, the device waits in safe mode, where it takes them.',
		],
		needs: [],
	};
}

function needsOf(platform: Platform, written: WrittenModule): string[] {
	return written.dependencies.map((d) => {
		const slot = platform.modules.find((s) => keyOf(s) === keyOf(d));
		return `${slot?.name ?? keyOf(d)} >= ${d.version}`;
	});
}

/** Everything that is done between entering DFU and leaving it, in order. */
function dfuDrafts(work: Work): Draft[] {
	const { model } = work;
	const facts = bootFacts(model.platform);
	const decisions = work.decisions.filter((d) => overDfu(d.wanted));
	const isStart = (d: Decision) => keyOf(d.wanted.written) === keyOf(facts.startModule);
	const radio = decisions.filter(isRadio);
	const siblings = decisions.filter((d) => isSystem(d) && !isStart(d));
	const applications = decisions.filter((d) => isUser(d) && !isStart(d));
	const others = decisions.filter((d) => !isRadio(d) && !isSystem(d) && !isUser(d) && !isStart(d));

	const drafts: Draft[] = [];
	const beforeStart = [...radio, ...siblings].filter((d) => d.need === 'write');
	// A damaged start module that is started all the same (header judged alone) hangs until it is blanked or replaced.
	const hangsNow = find(model, facts.startModule)?.state === 'damaged' && radio.length + siblings.length > 0;
	const blank = (beforeStart.length > 0 || hangsNow) && startsNow(model);
	const start = decisions.find(isStart) ?? (blank ? writtenAgain(work, beforeStart) : undefined);
	if (start && blank) drafts.push(invalidateStartDraft(work, start, [...radio, ...siblings]));
	const byIndex = (a: Decision, b: Decision) => a.wanted.written.index - b.wanted.written.index;
	for (const d of [...radio, ...siblings.sort(byIndex)])
		drafts.push(writeDraft(work, d, 'The system part that is started comes after it.'));
	if (start)
		drafts.push(
			writeDraft(
				work,
				start,
				siblings.length + radio.length > 0 ? 'It comes last of the system: only then does the bootloader start it.' : undefined,
			),
		);
	for (const d of others) drafts.push(writeDraft(work, d, undefined));
	drafts.push(...formerSlotDrafts(work));
	for (const d of applications)
		drafts.push(writeDraft(work, d, start ? 'It comes after the system that it runs on.' : undefined));
	if (work.setupDone) drafts.push(setupDraft(work.setupDone));
	return drafts;
}

/** A start module that could stay, but must not be started while what it calls is half written: blanked, and written again. */
function writtenAgain(work: Work, changing: Decision[]): Decision | undefined {
	const wanted = work.wanted.get(keyOf(bootFacts(work.model.platform).startModule));
	if (!wanted) return undefined;
	const names = changing.map((d) => d.wanted.slot.name).join(' and ');
	return {
		wanted,
		need: 'write',
		code: 'WRITTEN_AGAIN',
		reason: `It is blanked while ${names} is written, and put back.`,
		from: wanted.written.version,
	};
}

/** Whether the bootloader would start what is there (so that it must be stopped from doing so while its parts change). */
function startsNow(model: DeviceModel): boolean {
	const facts = bootFacts(model.platform);
	if (!isKnown(model, facts.startModule)) return true;
	const start = find(model, facts.startModule);
	return start !== undefined && (facts.judgedBy === 'header' || start.state === 'valid');
}

function invalidateStartDraft(work: Work, start: Decision, changing: Decision[]): Draft {
	const facts = bootFacts(work.model.platform);
	const { written, slot } = start.wanted;
	const names = changing.map((d) => d.wanted.slot.name).join(' and ');
	return {
		action: {
			kind: 'invalidate',
			alternate: internalAlternate(work.model.platform).number,
			...facts.invalidate,
			module: { function: written.function, index: written.index },
		},
		title: `Blank the header of ${slot.name}`,
		because: [
			`${names} will be half written for a while, and ${slot.name} must not be started with it: without its header the bootloader stays in DFU by itself.`,
		],
		...(start.from === undefined ? {} : { from: start.from }),
		needs: [],
	};
}

function internalAlternate(platform: Platform): { number: number; addressOffset: number } {
	return platform.alternates.find((a) => a.storage === 'internal') ?? { number: 0, addressOffset: 0 };
}

function writeDraft(work: Work, d: Decision, place: string | undefined): Draft {
	const { platform } = work.model;
	const facts = bootFacts(platform);
	const { written, slot, source, skip, length } = d.wanted;
	const alternate = internalAlternate(platform);
	const headLast = facts.judgedBy === 'header' && keyOf(written) === keyOf(facts.startModule);
	const because = [d.reason];
	if (skip > 0) because.push(`Its ${skip}-byte header is not written: the payload starts at its address.`);
	if (headLast)
		because.push(`Its first ${facts.headBytes} bytes are written last, because the bootloader looks at nothing but the header.`);
	if (place !== undefined) because.push(place);
	return {
		action: {
			kind: 'write-dfu',
			sha256: source.sha256,
			alternate: alternate.number,
			address: written.start + alternate.addressOffset,
			skipBytes: skip,
			length,
			...(headLast ? { headLast: Math.min(facts.headBytes, length) } : {}),
		},
		title:
			d.need === 'prove'
				? `Compare ${slot.name} ${written.version}, and write it if it differs`
				: `Write ${slot.name} ${written.version}`,
		because,
		...aboutOf(d),
		needs: needsOf(platform, written),
	};
}

/** Rule `former-slot`: what is left of an application in the older slot would be started instead of the new one. */
function formerSlotDrafts(work: Work): Draft[] {
	const { model } = work;
	return rulesOf('former-slot', model.platform)
		.filter((rule) => work.wanted.has(keyOf(rule.application)))
		.filter(
			(rule) => find(model, rule.former)?.state === 'valid' || (!isKnown(model, rule.former) && !find(model, rule.application)),
		)
		.filter((rule) => work.systemVersion === undefined || inRange({ from: rule.systemFrom }, work.systemVersion))
		.map((rule) => ({
			action: {
				kind: 'invalidate',
				alternate: internalAlternate(model.platform).number,
				address: rule.address,
				length: rule.length,
				module: rule.former,
			} satisfies StepAction,
			title: 'Blank the former application slot',
			because: [rule.statement],
			needs: [],
		}));
}

function setupDraft(setup: NonNullable<Work['setupDone']>): Draft {
	return {
		action: { kind: 'write-dct', offset: setup.offset, value: setup.value, meaning: 'setup done' },
		title: 'Mark the setup as done',
		because: [setup.why],
		needs: [],
	};
}

/** Runs the drafts through the simulation: every state in between must be one from which this tool can go on. */
function holds(work: Work, drafts: Draft[]): Ordered {
	let model = work.model;
	for (const draft of drafts) {
		const { action } = draft;
		if (action.kind === 'update-control') {
			const refused = draft.wanted ? refusedByDevice(model, draft.wanted.written) : assetRefused(model);
			if (refused) return { ok: false, why: [refused] };
		}
		if (action.kind === 'enter-mode' && (model.mode === 'dfu' || !reachable(model))) {
			return { ok: false, why: ['The device does not run, so it cannot be asked to enter DFU.'] };
		}
		if (action.kind === 'apply-update') {
			for (const request of model.requests ?? []) {
				const refused = request.way === 'ota-slot' ? refusedBySystem(model, request) : undefined;
				if (refused) return { ok: false, why: [refused] };
			}
		}
		model = afterAction(model, action, draft.wanted?.written);
		const next = boot(model);
		if (action.kind === 'apply-update' && (model.requests?.length ?? 0) > 0)
			return { ok: false, why: [`After "${draft.title}" the module would not be in its place.`] };
		if (action.kind === 'apply-update' && action.then === 'run' && !runs(next))
			return { ok: false, why: [`After "${draft.title}" the device would not run: ${next.why}`] };
		if (next.recovery === 'none') return { ok: false, why: [`After "${draft.title}": ${next.why}`] };
		if ((action.kind === 'restart' || action.kind === 'update-control') && !runs(next)) {
			return { ok: false, why: [`After "${draft.title}" the device would not run: ${next.why}`] };
		}
	}
	return { ok: true, drafts, final: model };
}

function runs(b: Boot): boolean {
	return b.boots === 'normal' || b.boots === 'listening' || b.boots === 'safe';
}

function reachable(model: DeviceModel): boolean {
	return model.mode !== 'dfu';
}

function assetRefused(model: DeviceModel): string | undefined {
	return model.mode === 'dfu' ? 'The device has no running system that could store an asset.' : undefined;
}

/** What the running Device OS checks before it takes a module by control requests; `undefined`: it takes it. */
export function refusedByDevice(model: DeviceModel, module: WrittenModule): string | undefined {
	const facts = bootFacts(model.platform);
	if (model.mode === 'dfu') return 'The device has no running system that could take a module.';
	const system = find(model, facts.startModule);
	if (system && system.version < facts.updateControlFrom) {
		return `Device OS module ${system.version} does not take modules over USB yet (from ${facts.updateControlFrom} on).`;
	}
	const ignored = notUpdated(model.platform, module, system?.version);
	if (ignored) return ignored.statement;
	// device-os v4.0.1 ota_flash_hal.cpp: HAL_FLASH_End checks dependencies with user parts optional, before anything is applied.
	const missing = unmet(model, module.dependencies)[0];
	if (missing) {
		const slot = model.platform.modules.find((s) => keyOf(s) === keyOf(missing));
		return `The running system refuses it: it needs ${slot?.name ?? keyOf(missing)} ${missing.version}, and ${find(model, missing)?.version ?? 'none'} is there.`;
	}
	return undefined;
}
