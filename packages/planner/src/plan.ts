/**
 * Snapshot of a device + goal + release -> plan, or a refusal with reasons. Pure: the same inputs give the same plan, whatever the order
 * of the files. Judging files: wanted.ts; comparing with the device: decisions.ts; ordering and proving: order.ts; docs/plans.md.
 */

import { type Platform, type ReleaseSet, rulesOf, type SourcedModule } from '@linac/catalog';
import { assert, bad, type Digests, good, type Json, type Problem, portableDigests, toHex, type Verdict } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { assetVerdicts, decideAssets, expectedAssets } from './assets.js';
import { boot, bootFacts, isMonolithic, runningApplication } from './boot.js';
import {
	bootloaderWayProblem,
	experimentNotes,
	moduleSlotProblem,
	otherWay,
	pendingNotes,
	struckAgain,
} from './bootloader-way-guards.js';
import { type Decision, type Decisions, decide } from './decisions.js';
import {
	applicationNeeds,
	applicationRule,
	finalVersion,
	neverOffered,
	placeProblems,
	protectionProblem,
	releaseName,
	ruleNotes,
	steppingStones,
} from './guards.js';
import { type DeviceModel, find, keyOf, listed, modelOf, unmet, withModule } from './model.js';
import { order, overDfu } from './order.js';
import { refusal } from './refusal.js';
import { releaseFrom, systemNeeded } from './release-needed.js';
import { toSteps } from './steps.js';
import type { DeviceSnapshot, ExpectedModule, FileVerdict, Goal, Plan, PlanInputs, Refusal } from './types.js';
import { addRelease, applicationProblem, info, type Judged, judgeFiles, verdictOf, warning } from './wanted.js';
import type { Work } from './work.js';

export interface PlanOptions {
	platform: Platform;
	/** The release that `releaseNeeded` names, opened and checked. */
	release?: ReleaseSet;
	/** Faster digests of the host. */
	digests?: Digests;
}

export interface PlanWithInputs {
	plan: Plan;
	inputs: PlanInputs;
}

/**
 * Makes a plan. A refusal's problems are `Refusal`s: they name the rule, and the route that would work, where there is one. Codes:
 * docs/plans.md.
 */
export function plan(device: DeviceSnapshot, goal: Goal, options: PlanOptions): Verdict<PlanWithInputs> {
	const { platform } = options;
	const digests = options.digests ?? portableDigests;
	assert(device.platform === platform.name, `the snapshot is of ${device.platform}, the platform given is ${platform.name}`);
	const early = cannotStart(device, goal);
	if (early) return bad(early);

	const never = neverOffered(platform, goal.target ?? options.release?.version, options.release?.moduleVersion);
	if (never) return bad(never);
	const model = modelOf(platform, device);
	const judged = judgeFiles(platform, goal, digests);
	const twice = applicationProblem(judged);
	if (judged.problems.length > 0 || twice) return bad(...judged.problems, ...(twice ? [twice] : []));

	const release = releaseFor(device, goal, options);
	if (!release.ok) return bad(...release.problems);
	const notes: Problem[] = [];
	if (release.value) {
		notes.push(...addRelease(platform, release.value, judged, digests));
	}
	if (judged.wanted.size === 0 && judged.assets.length === 0) return bad(nothingToDo(goal, judged));
	return planFor({ device, goal, options, digests, model, judged, release: release.value, notes });
}

interface Job {
	device: DeviceSnapshot;
	goal: Goal;
	options: PlanOptions;
	digests: Digests;
	model: DeviceModel;
	judged: Judged;
	release: ReleaseSet | undefined;
	notes: Problem[];
}

function planFor(job: Job): Verdict<PlanWithInputs> {
	const { device, goal, options, digests, model, judged, release, notes } = job;
	const { platform } = options;
	const { wanted } = judged;
	const startModule = bootFacts(platform).startModule;
	const systemVersion = finalVersion(model, wanted, startModule);

	const problems: Refusal[] = [];
	const wayProblem = bootloaderWayProblem(device, goal);
	const guard = wayProblem ?? protectionProblem(device, platform, wanted);
	if (guard) problems.push(guard);
	problems.push(...placeProblems(platform, wanted, systemVersion));
	problems.push(...applicationNeeds(model, wanted, release?.version));
	const targetName = release?.version ?? (systemVersion === undefined ? 'the target' : releaseName(platform, systemVersion));
	const stone =
		systemVersion === undefined || !wanted.has(keyOf(startModule)) ? undefined : steppingStones(model, systemVersion, targetName);
	if (stone) problems.push(stone);
	const decided = decide(model, wanted, goal);
	problems.push(...decided.problems);
	problems.push(...keptApplicationProblems(job, decided));
	const targeted = targetOf(model, judged);
	const assets = decideAssets({
		platform,
		device,
		target: targeted,
		systemVersion,
		given: judged.assets,
		application: [...wanted.values()].find((w) => w.written.function === ModuleFunction.user)?.written,
		applicationOnly: goal.applicationOnly,
		updates: decided.decisions
			.filter((d) => d.need === 'write' && !overDfu(d.wanted))
			.map((d) => d.wanted.source.module.bytes.length),
	});
	problems.push(...assets.problems);
	const slotProblem = moduleSlotProblem(model, goal, decided.decisions);
	if (slotProblem) problems.push(slotProblem);
	if (problems.length > 0) return bad(...problems);
	if (wanted.size === 0 && assets.decisions.every((d) => d.need === 'not-needed')) {
		judged.verdicts.push(...assetVerdicts(assets.decisions, () => []));
		return bad(nothingToDo(goal, judged));
	}
	const older = olderNcpAlone(decided, judged);
	if (older) return bad(older);
	notes.push(...decided.notes, ...assets.notes);
	const sent = assets.decisions.filter((d) => d.need === 'write');

	const work: Work = {
		// Assets that it is not known to have, it is taken not to have: they are sent, and skipped where the device tells them.
		model: sent.length > 0 && !model.assets ? { ...model, assets: new Set() } : model,
		decisions: struckAgain(model, goal, decided.decisions).filter((d) => d.need === 'write' || d.need === 'prove'),
		compare: decided.decisions.some((d) => d.need === 'compare'),
		assets: sent,
		wanted,
		setupDone: setupNeeded(job, systemVersion),
		systemVersion,
		// A device in service mode does not let DFU write the slot for updates.
		way: goal.bootloaderWay ?? (device.protection === 'service' ? 'control' : undefined),
		pending: device.pending ?? [],
	};
	notes.push(...pendingNotes(platform, device));
	const ordered = order(work);
	if (!ordered.ok) {
		const other = otherWay(work);
		const deep = systemVersion === undefined ? undefined : steppingStones(model, systemVersion, targetName, true);
		if (deep) return bad(other === undefined ? deep : { ...deep, message: `${deep.message} ${other}` });
		return bad(
			refusal(
				'NO_SAFE_ORDER',
				`There is no order of steps in which this device could be brought back at every point. ${[...ordered.why, ...(other === undefined ? [] : [other])].join(' ')}`,
				{ details: ordered.why },
			),
		);
	}
	const final = boot(ordered.final);
	const reached = goalReached(ordered.final, decided.decisions);
	if (reached) return bad(reached);
	if (final.boots === 'dead' || final.boots === 'dfu') {
		return bad(
			refusal('GOAL_DOES_NOT_RUN', `With these modules the device would not run. ${final.why}`, missingDetails(ordered.final)),
		);
	}
	const missing = systemMissing(ordered.final);
	if (missing) return bad(missing);

	const expected = expectedAssets(assets.decisions);
	const to: Plan['to'] = {
		...(release ? { osVersion: release.version } : {}),
		modules: expectedOf(job, ordered.final, decided.decisions),
		...(expected.length > 0 ? { assets: expected } : {}),
	};
	const { steps, notes: hazards } = toSteps(work.model, ordered.drafts, {
		modules: to.modules,
		assets: expected,
		osVersion: to.osVersion,
		mode: final.boots,
	});
	notes.push(
		...hazards,
		...ruleNotes(model, systemVersion, !runningApplication(ordered.final)),
		...stateNotes(job, ordered.final),
		...experimentNotes(ordered.drafts),
	);
	const stepsOf = (sha256: string) => steps.filter((s) => 'sha256' in s.action && s.action.sha256 === sha256).map((s) => s.id);
	const files = byName([...verdicts(job, decided.decisions, steps), ...assetVerdicts(assets.decisions, stepsOf)]);
	const body: Omit<Plan, 'id'> = {
		format: 'linac-plan/1',
		platform: platform.name,
		...(device.deviceId === undefined ? {} : { deviceId: device.deviceId }),
		...(device.location === undefined ? {} : { location: device.location }),
		from: { ...(device.osVersion === undefined ? {} : { osVersion: device.osVersion }), modules: listed(model) },
		to,
		steps,
		files,
		notes: [...notes, ...releaseNotes(decided.decisions)],
		empty: steps.length === 0,
		estimateMs: steps.reduce((sum, s) => sum + s.estimateMs, 0),
	};
	const id = toHex(digests.sha256(new TextEncoder().encode(JSON.stringify(body))));
	const modules = new Map<string, SourcedModule>();
	for (const w of wanted.values()) modules.set(w.source.sha256, w.source);
	for (const a of judged.assets) modules.set(a.source.sha256, a.source);
	return good({ plan: { ...body, id }, inputs: { ...(release ? { release } : {}), modules } });
}

/** Somebody gives an older NCP firmware and nothing else: in a set it is passed over, alone it is an answer that is due. */
function olderNcpAlone(decided: Decisions, judged: Judged): Refusal | undefined {
	const [only, ...others] = decided.decisions;
	if (!only || others.length > 0 || judged.assets.length > 0) return undefined;
	if (only.wanted.written.function !== ModuleFunction.ncp || only.code !== 'NEWER_STAYS' || only.wanted.files.length === 0)
		return undefined;
	return refusal('NCP_NEVER_OLDER', `${only.wanted.files[0]} is NCP firmware ${only.wanted.written.version}. ${only.reason}`, {
		file: only.wanted.files[0]!,
		rule: 'ncp-one-way',
		expected: only.wanted.written.version,
		...(only.from === undefined ? {} : { found: only.from }),
	});
}

/** The device once every module of the goal is in its place. */
function targetOf(model: DeviceModel, judged: Judged): DeviceModel {
	return [...judged.wanted.values()].reduce((m, w) => withModule(m, { ...w.written, slot: w.slot.name, state: 'valid' }), model);
}

function byName(files: FileVerdict[]): FileVerdict[] {
	return files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function cannotStart(device: DeviceSnapshot, goal: Goal): Refusal | undefined {
	if (device.modules === undefined) {
		return refusal(
			'DEVICE_STATE_UNKNOWN',
			device.protection === 'protected'
				? 'The modules of this device could not be read, because device protection is on. Put it into service mode first.'
				: 'The modules of this device could not be read. Bring it into DFU mode (`linac usb dfu`, or hold MODE while pressing RESET until it blinks yellow) and run the command again.',
		);
	}
	if (goal.target === undefined && goal.files.length === 0) {
		return refusal('NO_GOAL', 'There is neither a file nor a target to install.');
	}
	return undefined;
}

/** The release that the job is about: the target, or what the application needs. */
function releaseFor(device: DeviceSnapshot, goal: Goal, options: PlanOptions): Verdict<ReleaseSet | undefined> {
	const { platform, release } = options;
	if (goal.applicationOnly) return good(undefined);
	const needed = goal.target === undefined ? systemNeeded(device, goal, platform) : undefined;
	if (goal.target === undefined && needed === undefined) return good(undefined);
	if (release) {
		assert(release.platform === platform.name, `the release set is for ${release.platform}, not for ${platform.name}`);
		assert(
			goal.target === undefined || goal.target === release.version,
			`the release set is ${release.version}, not ${goal.target}`,
		);
		return good(release);
	}
	if (goal.target !== undefined) {
		return bad(refusal('RELEASE_MISSING', `Device OS ${goal.target} for ${platform.displayName} was not given to the planner.`));
	}
	const version = releaseFrom(platform, needed!);
	if (version === undefined) {
		return bad(
			refusal(
				'NO_RELEASE_NEW_ENOUGH',
				`The application needs ${releaseName(platform, needed!)}, and no release for ${platform.displayName} is so new.`,
				{ expected: needed! },
			),
		);
	}
	return bad(
		refusal(
			'RELEASE_NEEDED',
			`The application needs ${releaseName(platform, needed!)}: Device OS ${version} has to be installed with it.`,
			{
				route: [version],
				expected: needed!,
			},
		),
	);
}

function nothingToDo(goal: Goal, judged: Judged): Refusal {
	const reasons = judged.verdicts.map((v) => v.reason);
	const why =
		reasons.length > 0
			? reasons.join(' ')
			: goal.applicationOnly
				? 'No application was given.'
				: 'The release holds nothing for it.';
	return refusal('NOTHING_TO_WRITE', `Nothing of what was given can be written. ${why}`, {
		...(judged.verdicts[0] ? { file: judged.verdicts[0].name } : {}),
		details: judged.verdicts as unknown as Json,
	});
}

/** An application that stays on the device and could not run on the target any more. */
function keptApplicationProblems(job: Job, decided: Decisions): Refusal[] {
	const { model, judged, release, options } = job;
	if (!release || job.goal.onTheWay || [...judged.wanted.values()].some((w) => w.written.function === ModuleFunction.user))
		return [];
	if (decided.problems.length > 0) return [];
	const application = runningApplication(model);
	if (!application) return [];
	const target = targetOf(model, judged);
	const missing = unmet(target, application.dependencies)[0];
	if (!missing || unmet(model, application.dependencies).length > 0) return [];
	return [
		refusal(
			'DEVICE_APPLICATION_NEEDS_NEWER_TARGET',
			`The application on the device was built for ${releaseName(options.platform, missing.version)}, which is newer than the target, Device OS ` +
				`${release.version}: it would not run any more. Give an application for the target as well.`,
			{ ...applicationRule(options.platform), expected: missing.version, found: release.moduleVersion },
		),
	];
}

/** Rule `setup-done`: a system that asks for the flag, on a device that has it, and where it is not known to be set. */
function setupNeeded(job: Job, systemVersion: number | undefined): Work['setupDone'] {
	const { platform } = job.options;
	const rule = rulesOf('setup-done', platform)[0];
	const offset = platform.dct.setupDone;
	if (!rule || offset === undefined || systemVersion === undefined || systemVersion >= rule.systemBefore) return undefined;
	if (job.model.setupDone === true) return undefined;
	if (!job.judged.wanted.has(keyOf(bootFacts(platform).startModule)) && !job.goal.setupDone) return undefined;
	const before = find(job.model, bootFacts(platform).startModule)?.version;
	// It runs its application with a system that would wait otherwise: so it is set.
	if (job.device.mode === 'normal' && job.model.setupDone === undefined && before !== undefined && before < rule.systemBefore)
		return undefined;
	return { offset, value: rule.value, why: rule.statement };
}

/** Our own check that the simulation ends where the goal is. */
function goalReached(final: DeviceModel, decisions: Decision[]): Refusal | undefined {
	for (const d of decisions) {
		if (d.need === 'keep') continue;
		const there = find(final, d.wanted.written);
		const same = there?.state === 'valid' && there.version === d.wanted.written.version;
		if (same) continue;
		return refusal(
			'GOAL_NOT_REACHED',
			`${d.wanted.slot.name} ${d.wanted.written.version} would not be there in the end: another module of the same job lies over it.`,
			{ ...(d.wanted.files[0] ? { file: d.wanted.files[0] } : {}) },
		);
	}
	return undefined;
}

function missingDetails(final: DeviceModel): { details: Json } {
	return { details: { modules: listed(final) as unknown as Json } };
}

/** Dependencies of system parts and bootloaders that would stay unmet: the device would wait in safe mode for ever. */
function systemMissing(final: DeviceModel): Refusal | undefined {
	for (const m of final.modules.values()) {
		if (m.function !== ModuleFunction.system && m.function !== ModuleFunction.bootloader) continue;
		const missing = unmet(final, m.dependencies)[0];
		if (!missing) continue;
		const slot = final.platform.modules.find((s) => keyOf(s) === keyOf(missing));
		return refusal(
			'MISSING_DEPENDENCY',
			`${m.slot} ${m.version} needs ${slot?.name ?? keyOf(missing)} ${missing.version} or newer, and the device would have ${find(final, missing)?.version ?? 'none'}. ` +
				'Give that module as well, or a target that brings it.',
			{ expected: missing.version, ...(find(final, missing) ? { found: find(final, missing)!.version } : {}) },
		);
	}
	return undefined;
}

/** What has to be on the device in the end; the hash only where it is known that exactly these bytes will be there. */
function expectedOf(job: Job, final: DeviceModel, decisions: Decision[]): ExpectedModule[] {
	return decisions
		.filter((d) => find(final, d.wanted.written) !== undefined)
		.map((d) => {
			const there = find(final, d.wanted.written)!;
			const { slot, written, length } = d.wanted;
			const region = slot.region === undefined ? undefined : job.options.platform.memory.find((r) => r.name === slot.region);
			const exact = d.need !== 'keep' && there.contentSha256 === written.contentSha256 && region !== undefined;
			// Bytes that are not the release's, but were read: that they are still there can be proved as well.
			const kept = d.need === 'keep' && there.version === written.version && region !== undefined;
			return {
				slot: slot.name,
				function: written.function,
				index: written.index,
				version: there.version,
				...(exact ? { contentSha256: written.contentSha256, storage: region.storage, address: written.start, length } : {}),
				...(kept && there.contentSha256 !== undefined && there.start !== undefined && there.size !== undefined
					? { contentSha256: there.contentSha256, storage: region.storage, address: there.start, length: there.size }
					: {}),
				...(d.stays === undefined ? {} : { stays: d.stays }),
			};
		});
}

function verdicts(job: Job, decisions: Decision[], steps: Plan['steps']): FileVerdict[] {
	const result = [...job.judged.verdicts];
	for (const d of decisions) {
		for (const name of d.wanted.files) {
			const own = steps.filter((s) => 'sha256' in s.action && s.action.sha256 === d.wanted.source.sha256).map((s) => s.id);
			const verdict =
				(d.need === 'there' || d.need === 'compare') && own.length === 0
					? 'already-there'
					: d.need === 'keep'
						? 'not-needed'
						: 'write';
			result.push({ ...verdictOf(name, verdict, d.code, d.reason), steps: own });
		}
	}
	return result;
}

/** Codes of decisions that have left a note of their own. */
const noted: ReadonlySet<string> = new Set(['LEFT_ALONE', 'OTHER_BYTES_KEPT']);

/** What became of the release's modules that are not written. */
function releaseNotes(decisions: Decision[]): Problem[] {
	return decisions
		.filter(
			(d) =>
				d.wanted.files.length === 0 && (d.need === 'there' || d.need === 'compare' || (d.need === 'keep' && !noted.has(d.code))),
		)
		.map((d) => info(d.code, d.reason));
}

function stateNotes(job: Job, final: DeviceModel): Problem[] {
	const notes: Problem[] = [];
	if (isMonolithic(job.options.platform)) return notes;
	const given = [...job.judged.wanted.values()].some((w) => w.written.function === ModuleFunction.user);
	const application = runningApplication(final);
	if (!application) {
		notes.push(
			warning(
				'NO_APPLICATION',
				'The device has no application and will wait in safe mode (breathing magenta). Give one to have it run.',
			),
		);
	} else if (!given && job.release) {
		const missing = unmet(final, application.dependencies);
		const told = job.device.modules?.find((m) => keyOf(m) === keyOf(application))?.dependencies !== undefined;
		const text =
			missing.length > 0
				? `The device keeps its application, which will not run: it was built for ${releaseName(job.options.platform, missing[0]!.version)}.`
				: told
					? 'The device keeps its application. It was built for this Device OS or an older one, so it will run.'
					: 'The device keeps its application. What it was built for is not known before it runs: if it asks for a newer Device OS, the device waits in safe mode.';
		notes.push(missing.length > 0 ? warning('APPLICATION_WILL_NOT_RUN', text) : info('APPLICATION_KEPT', text));
	}
	return notes;
}
