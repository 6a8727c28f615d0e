/**
 * The plan of a job over the serial port: one module after the other is given to a device in listening mode, which checks it, restarts by itself and
 * applies it. So between any two modules the device has run, and the order is what the device itself would refuse otherwise: dependencies are met
 * when a module arrives, and no system part becomes older than another one still asks for. For a Gen 2 downgrade that makes the reverse numeric
 * order. docs/serial.md tells it in words; the rules of the device: device-os v2.3.1: hal/src/stm32/ota_module.cpp, hal/src/nRF52840/ota_flash_hal.cpp
 * (MODULE_VALIDATION_DEPENDENCIES_FULL).
 */
import type { Platform, SourcedModule } from '@linac/catalog';
import { assert, bad, type Digests, good, type Problem, portableDigests, toHex, type Verdict } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { boot, bootFacts, runningApplication } from './boot.js';
import { type Decision, decide } from './decisions.js';
import { applicationNeeds, finalVersion, neverOffered, placeProblems, protectionProblem, steppingStones } from './guards.js';
import { type DeviceModel, find, keyOf, listed, modelOf, slotName, unmet } from './model.js';
import type { PlanWithInputs } from './plan.js';
import { refusal } from './refusal.js';
import { toSteps } from './steps.js';
import { afterAction, type WrittenModule } from './transitions.js';
import type { DeviceSnapshot, ExpectedModule, FileVerdict, Goal, Plan, Refusal } from './types.js';
import { applicationProblem, judgeFiles, verdictOf, warning } from './wanted.js';
import { aboutOf, type Draft } from './work.js';

export interface SerialPlanOptions {
	platform: Platform;
	digests?: Digests;
}

/** Device OS from here on takes no modules over its serial port (device-os v6.0.0: system/src/system_setup.cpp). */
const NO_SERIAL_FROM = 6000;

/**
 * Makes the plan. `device` is what the device has told over its serial port; the goal's files are all that is written, never a release. A refusal's
 * problems are `Refusal`s.
 */
export function planSerial(device: DeviceSnapshot, goal: Goal, options: SerialPlanOptions): Verdict<PlanWithInputs> {
	const { platform } = options;
	const digests = options.digests ?? portableDigests;
	assert(device.platform === platform.name, `the snapshot is of ${device.platform}, the platform given is ${platform.name}`);
	const model = modelOf(platform, device);
	const startModule = bootFacts(platform).startModule;
	const unable = takesNothing(model, device);
	if (unable) return bad(unable);

	const judged = judgeFiles(platform, goal, digests);
	const twice = applicationProblem(judged);
	if (judged.problems.length > 0 || twice) return bad(...judged.problems, ...(twice ? [twice] : []));
	const { wanted } = judged;
	const asset = judged.assets[0]?.files[0];
	if (asset !== undefined)
		return bad(
			refusal('SERIAL_NOT_SUPPORTED', `${asset} is an asset, and assets are not sent over serial. Use "linac flash".`, {
				file: asset,
			}),
		);
	if (wanted.size === 0)
		return bad(
			refusal('NOTHING_TO_WRITE', `Nothing of what was given can be written. ${judged.verdicts.map((v) => v.reason).join(' ')}`),
		);

	const systemVersion = finalVersion(model, wanted, startModule);
	const problems: Refusal[] = [];
	const never = wanted.has(keyOf(startModule)) ? neverOffered(platform, undefined, systemVersion) : undefined;
	if (never) problems.push(never);
	const guard = protectionProblem(device, platform, wanted);
	if (guard) problems.push(guard);
	problems.push(...placeProblems(platform, wanted, systemVersion), ...applicationNeeds(model, wanted, undefined));
	if (wanted.has(keyOf(startModule)) && systemVersion !== undefined) {
		const stone = steppingStones(model, systemVersion, `module ${systemVersion}`);
		if (stone) problems.push(stone);
	}
	const decided = decide(model, wanted, goal);
	problems.push(...decided.problems);
	if (problems.length > 0) return bad(...problems);

	const decisions = decided.decisions.map(settle);
	const ordered = orderForDevice(
		model,
		decisions.filter((d) => d.need === 'write'),
	);
	if (!ordered.ok) return ordered;
	const { drafts, final } = ordered.value;
	const ending = boot(final);
	if (ending.boots === 'dead' || ending.boots === 'dfu')
		return bad(refusal('GOAL_DOES_NOT_RUN', `With these modules the device would not run. ${ending.why}`));

	const modules = decisions.flatMap((d) => expected(d, final));
	const { steps, notes } = toSteps(model, drafts, { modules, assets: [], osVersion: undefined, mode: ending.boots });
	const files: FileVerdict[] = [...judged.verdicts, ...decisions.flatMap((d) => verdicts(d, steps))];
	const sources = new Map<string, SourcedModule>([...wanted.values()].map((w) => [w.source.sha256, w.source]));
	const body: Omit<Plan, 'id'> = {
		format: 'linac-plan/1',
		platform: platform.name,
		...(device.deviceId === undefined ? {} : { deviceId: device.deviceId }),
		...(device.location === undefined ? {} : { location: device.location }),
		from: { ...(device.osVersion === undefined ? {} : { osVersion: device.osVersion }), modules: listed(model) },
		to: { modules },
		steps,
		files: files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
		notes: [...decided.notes, ...notes, ...applicationNotes(final)],
		empty: steps.length === 0,
		estimateMs: steps.reduce((sum, s) => sum + s.estimateMs, 0),
	};
	const id = toHex(digests.sha256(new TextEncoder().encode(JSON.stringify(body))));
	return good({ plan: { ...body, id }, inputs: { modules: sources } });
}

function takesNothing(model: DeviceModel, device: DeviceSnapshot): Refusal | undefined {
	const { platform } = model;
	const facts = bootFacts(platform);
	if (platform.mcu === 'stm32f1') {
		return refusal(
			'SERIAL_NOT_SUPPORTED',
			`A ${platform.displayName} takes no firmware over its serial port. Use "linac flash", which writes it over DFU.`,
		);
	}
	const system = find(model, facts.startModule);
	if (system && system.version >= NO_SERIAL_FROM) {
		return refusal(
			'SERIAL_NOT_SUPPORTED',
			`Device OS ${device.osVersion ?? `module ${system.version}`} takes no firmware over its serial port: that ended with Device OS 6.0.0. ` +
				'Use "linac flash", which needs no listening mode.',
			{ found: system.version, expected: `below ${NO_SERIAL_FROM}` },
		);
	}
	return undefined;
}

/**
 * Nothing can be read back over serial. A system module of the same number counts as there, as its own check says; an application of the same number
 * is somebody's program, and its number says nothing: it is sent, unless the device has told that its hash is the same.
 */
function settle(d: Decision): Decision {
	if (d.need !== 'prove' && d.need !== 'compare') return d;
	const name = `${d.wanted.slot.name} ${d.wanted.written.version}`;
	const own = d.wanted.written.function === ModuleFunction.user || d.wanted.written.function === ModuleFunction.monolithic;
	return own
		? { ...d, need: 'write', code: 'WRITTEN', reason: `An application is there; whether it is this one is not told.` }
		: {
				...d,
				need: 'there',
				code: 'SAME_VERSION_THERE',
				reason: `${name} is there already: the device reports it as whole. Its bytes cannot be compared over serial.`,
			};
}

/** System parts in their number's order one way or the other, applications last, and a bootloader before what asks for it. */
function orderForDevice(model: DeviceModel, decisions: readonly Decision[]): Verdict<{ drafts: Draft[]; final: DeviceModel }> {
	const left = [...decisions].sort((a, b) => rank(a.wanted.written) - rank(b.wanted.written) || number(a) - number(b));
	const drafts: Draft[] = [];
	let now = model;
	while (left.length > 0) {
		const refusals: string[] = [];
		const at = left.findIndex((d) => {
			const why = refusedByListeningDevice(now, d.wanted.written) ?? diesOf(now, d);
			if (why !== undefined) refusals.push(`${d.wanted.slot.name} ${d.wanted.written.version}: ${why}`);
			return why === undefined;
		});
		const next = left[at];
		if (!next) {
			return bad(
				refusal(
					'NO_SAFE_ORDER',
					`There is no order in which the device would take these modules over serial. ${refusals.join(' ')} "linac flash" can write them over DFU.`,
					{ details: refusals },
				),
			);
		}
		left.splice(at, 1);
		const draft = draftOf(now, next, refusals);
		drafts.push(draft);
		now = afterAction(now, draft.action, next.wanted.written);
	}
	return good({ drafts, final: now });
}

/** Parts that are made older go in reverse numeric order, where the device takes them so. */
function number({ wanted, from }: Decision): number {
	const { index, version } = wanted.written;
	return from !== undefined && from > version ? -index : index;
}

function rank(module: WrittenModule): number {
	switch (module.function) {
		case ModuleFunction.bootloader:
			return 0;
		case ModuleFunction.radioStack:
			return 1;
		case ModuleFunction.system:
			return 2;
		case ModuleFunction.user:
			return 4;
		default:
			return 3;
	}
}

function draftOf(now: DeviceModel, d: Decision, refusals: readonly string[]): Draft {
	const { written, slot, source } = d.wanted;
	const because = [d.reason];
	if (refusals.length > 0) because.push(`It comes now because the device would refuse others before it. ${refusals.join(' ')}`);
	because.push('The device restarts by itself when it has it; before the next module it is brought back into listening mode.');
	return {
		action: { kind: 'update-serial', sha256: source.sha256, length: source.module.bytes.length },
		title: `Send ${slot.name} ${written.version} over the serial port`,
		because,
		...aboutOf(d),
		needs: written.dependencies.map((n) => `${slotName(now.platform, n)} >= ${n.version}`),
	};
}

/** Why a listening device refuses a module, or `undefined`. */
export function refusedByListeningDevice(model: DeviceModel, module: WrittenModule): string | undefined {
	const missing = module.function === ModuleFunction.user ? undefined : unmet(model, module.dependencies)[0];
	if (missing)
		return `it needs ${slotName(model.platform, missing)} ${missing.version}, and ${find(model, missing)?.version ?? 'none'} is there.`;
	if (module.function !== ModuleFunction.system) return undefined;
	for (const other of model.modules.values()) {
		if (other.function !== ModuleFunction.system || keyOf(other) === keyOf(module) || other.state !== 'valid') continue;
		const asks = other.dependencies.find((d) => keyOf(d) === keyOf(module) && d.version > module.version);
		if (asks) return `${other.slot} ${other.version}, which is there, needs ${slotName(model.platform, module)} ${asks.version}.`;
	}
	return undefined;
}

/** A module after which the device could not be brought back. */
function diesOf(model: DeviceModel, d: Decision): string | undefined {
	const { written, source } = d.wanted;
	const action = { kind: 'update-serial' as const, sha256: source.sha256, length: source.module.bytes.length };
	const next = boot(afterAction(model, action, written));
	return next.boots === 'dead' || next.boots === 'dfu' ? `the device would not run then. ${next.why}` : undefined;
}

function expected(d: Decision, final: DeviceModel): ExpectedModule[] {
	const there = find(final, d.wanted.written);
	if (!there) return [];
	const { slot, written } = d.wanted;
	// A hash only where the device tells one over serial: that of an application.
	const exact = d.need !== 'keep' && written.function === ModuleFunction.user;
	return [
		{
			slot: slot.name,
			function: written.function,
			index: written.index,
			version: there.version,
			...(exact ? { contentSha256: written.contentSha256 } : {}),
			...(d.stays === undefined ? {} : { stays: d.stays }),
		},
	];
}

function verdicts(d: Decision, steps: Plan['steps']): FileVerdict[] {
	const own = steps.filter((s) => 'sha256' in s.action && s.action.sha256 === d.wanted.source.sha256).map((s) => s.id);
	const verdict = d.need === 'there' ? 'already-there' : d.need === 'keep' ? 'not-needed' : 'write';
	const code = d.need === 'write' ? 'SENT' : d.code;
	return d.wanted.files.map((name) => ({ ...verdictOf(name, verdict, code, d.reason), steps: own }));
}

function applicationNotes(final: DeviceModel): Problem[] {
	const application = runningApplication(final);
	if (!application)
		return [warning('NO_APPLICATION', 'The device will wait in safe mode (breathing magenta), because it has no application.')];
	const missing = unmet(final, application.dependencies)[0];
	if (!missing) return [];
	return [
		warning(
			'APPLICATION_WILL_NOT_RUN',
			`The application will not run: it needs ${slotName(final.platform, missing)} ${missing.version}, and the device waits in safe mode. With a ` +
				'network it may then be updated over the air.',
		),
	];
}
