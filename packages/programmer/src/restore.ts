/**
 * Finds out what is wrong with a device and puts it right: look at everything, say it in plain words, choose what to bring it to, and run the job in
 * the way that works. Everything that is written, is written by `program()`: with its plan, its proofs and its limits. After any interruption
 * the same call goes on, because it looks again. Not for judging (planner: diagnose) and not for choosing (planner: restoration).
 */
import { type Platform, type ReleaseSet, type SourcedModule, slotOf } from '@linac/catalog';
import { asLinacError, LinacError, type Problem, toHex } from '@linac/core';
import { ModuleFunction, parseModule } from '@linac/firmware';
import {
	type BootloaderWay,
	boot,
	type DeviceSnapshot,
	diagnose,
	type Finding,
	type Goal,
	type GoalFile,
	keptApplication,
	plan as makePlan,
	modelOf,
	type Permission,
	type Plan,
	type Refusal,
	releaseCandidates,
	unmetBy,
} from '@linac/planner';
import type { BackupHook, BackupRecord } from './backup/contents.js';
import type { DeviceSelector } from './device-selector.js';
import { completeEnvironment, type Environment } from './environment.js';
import { JobEvents } from './job-events.js';
import { knownModule } from './known-modules.js';
import { program } from './program.js';
import { findForRestore, lookDeep } from './restore-look.js';
import { DeviceSession } from './session.js';
import { snapshotInDfu } from './snapshot-dfu.js';
import type { Outcome, Report } from './types.js';

export interface RestoreOptions extends Environment {
	selector?: DeviceSelector;
	/** The release to bring it to; default: the one that it has most probably had, else the recommended one. */
	target?: string;
	/** Files given by the user: an application, or other modules. */
	files?: GoalFile[];
	allow?: Permission[];
	/** Look and plan, write nothing; the device runs again afterwards, if it did before. */
	dryRun?: boolean;
	/** Opens a release, or throws `RELEASE_NOT_AVAILABLE`. */
	openRelease(platform: string, version: string): Promise<ReleaseSet>;
	/** The default application (Tinker) for a release, where one can be had. */
	openApplication?(platform: string, version: string): Promise<SourcedModule | undefined>;
	/** Told as soon as it is known, before anything is written. */
	onDiagnosis?(diagnosis: Diagnosis): void;
	/** Asked once a plan, before anything is written. `false` cancels. */
	confirm?(plan: Plan, device: DeviceSnapshot): boolean | Promise<boolean>;
	/** Called once, before the first change, whatever ways are tried after it. */
	backup?: BackupHook;
}

/** What was found, and what will be made of it. */
export interface Diagnosis {
	device: DeviceSnapshot;
	findings: Finding[];
	target: { version: string; why: string };
	/** What becomes of the application. */
	application: { action: 'keep' | 'file' | 'default' | 'none'; name?: string; why: string };
}

/** A way that was tried and led nowhere. */
export interface FailedWay {
	target: string;
	way: BootloaderWay;
	code: string;
	message: string;
}

export interface RestoreReport extends Diagnosis {
	format: 'linac-restore/1';
	/** Those of the job; `planned` after a dry run; `refused` when there is no way, `problems` say why. */
	outcome: Outcome | 'planned' | 'refused';
	plan?: Plan;
	/** The last job; stepping stones before it are in `route`. */
	report?: Report;
	route: string[];
	failed: FailedWay[];
	problems: Problem[];
	/** What is still wrong afterwards; empty where it could not be seen any more. */
	remaining: Finding[];
}

/** Throws `LinacError` when there is no device to look at, or when no release can be opened. */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
	const world = completeEnvironment(options);
	const events = new JobEvents(world.clock, world.onEvent);
	const found = await findForRestore(world, events, options.selector);
	const session = new DeviceSession(world, found, options.selector?.deviceId?.toLowerCase());
	try {
		const repair = await Repair.prepare(session, events, options);
		return await (options.dryRun ? repair.dryRun() : repair.run());
	} finally {
		await session.close();
	}
}

/** Refusals that another way for the bootloader may get round. */
const otherWayMayHelp = new Set(['NO_SAFE_ORDER', 'GOAL_DOES_NOT_RUN', 'MISSING_DEPENDENCY']);
/** Failures of a job that another way may get round: the running system did not take, or did not apply, what it was given. */
const notTaken = new Set(['UPDATE_NOT_APPLIED', 'CONTROL_RESULT', 'CONTROL_NOT_SUPPORTED', 'REQUEST_LATE']);
const MOST_STONES = 4;

class Repair {
	readonly #session: DeviceSession;
	readonly #options: RestoreOptions;
	readonly #diagnosis: Diagnosis;
	readonly #release: ReleaseSet;
	readonly #application: GoalFile | undefined;
	/** A release that is opened to judge a SoftDevice that nothing else at hand can. */
	readonly #releases = new Map<string, ReleaseSet>();
	readonly #failed: FailedWay[] = [];
	readonly #route: string[] = [];
	#backup: BackupRecord | undefined;

	private constructor(
		session: DeviceSession,
		options: RestoreOptions,
		diagnosis: Diagnosis,
		release: ReleaseSet,
		application: GoalFile | undefined,
	) {
		this.#session = session;
		this.#options = options;
		this.#diagnosis = diagnosis;
		this.#release = release;
		this.#application = application;
		this.#releases.set(release.version, release);
	}

	static async prepare(session: DeviceSession, events: JobEvents, options: RestoreOptions): Promise<Repair> {
		const { platform } = session;
		let device = await lookDeep(session, events);
		let first: { release: ReleaseSet; why: string };
		try {
			first = await openFirst(device, session, options);
		} catch (error) {
			await letRun(session, device);
			throw error;
		}
		const { release, why } = first;
		session.know(release.modules.map((m) => knownModule(m.module, session.world.digests)));
		// The SoftDevice has no header in flash: only the release's own bytes can tell whether it is whole.
		if (device.modules?.some((m) => m.function === ModuleFunction.radioStack))
			device = { ...device, ...(await readAgain(session, device)) };
		const { file, application } = await chooseApplication(device, session, release, options);
		const diagnosis: Diagnosis = {
			device,
			findings: diagnose(device, platform),
			target: { version: release.version, why },
			application,
		};
		options.onDiagnosis?.(diagnosis);
		return new Repair(session, options, diagnosis, release, file);
	}

	/** The plan for what is there now; the device is left as it was found, as far as it runs. */
	async dryRun(): Promise<RestoreReport> {
		const { platform, world } = this.#session;
		// The repair begins where the look ends: in DFU mode.
		const device: DeviceSnapshot = { ...this.#diagnosis.device, mode: 'dfu' };
		const verdict = makePlan(device, this.#goal(this.#release.version, 'control'), {
			platform,
			release: this.#release,
			digests: world.digests,
		});
		await letRun(this.#session, this.#diagnosis.device);
		if (verdict.ok) return this.#ended({ outcome: 'planned', plan: verdict.value.plan, remaining: this.#diagnosis.findings });
		return this.#ended({ outcome: 'refused', problems: verdict.problems, remaining: this.#diagnosis.findings });
	}

	async run(): Promise<RestoreReport> {
		const { deviceId, location } = this.#session;
		await this.#session.close();
		const selector = deviceId === undefined ? { location } : { deviceId };
		let result: { report?: Report; problems: Problem[] };
		try {
			result = await this.#goTo(this.#release, selector, 0);
		} catch (error) {
			// Thrown, not reported: nothing has been written (it was not confirmed, for one).
			await this.#asFound();
			throw error;
		}
		if (!result.report) {
			await this.#asFound();
			return this.#ended({ outcome: 'refused', problems: result.problems, remaining: this.#diagnosis.findings });
		}
		const { report } = result;
		// What was seen before a job that has failed in the middle is not what is so now.
		const { after } = report;
		return this.#ended({ outcome: report.outcome, report, remaining: after ? diagnose(after, this.#session.platform) : [] });
	}

	/** Tries the ways to a release in order, and the stepping stones that a refusal names. */
	async #goTo(release: ReleaseSet, selector: DeviceSelector, depth: number): Promise<{ report?: Report; problems: Problem[] }> {
		const ways: BootloaderWay[] = ['control', 'ota-slot'];
		if (this.#options.allow?.includes('experimental')) ways.push('module-slot');
		let problems: Problem[] = [];
		let last: Report | undefined;
		for (const way of ways) {
			const verdict = await program({
				...this.#options,
				selector,
				goal: this.#goal(release.version, way),
				release,
				known: this.#session.world.known,
				confirm: this.#options.confirm,
				// What is on the device after the first way is no longer what was there before.
				backup: this.#backup ? undefined : this.#options.backup,
			});
			if (verdict.ok) {
				this.#backup ??= verdict.value.backup;
				last = this.#backup ? { ...verdict.value, backup: this.#backup } : verdict.value;
				const { error } = last;
				if (!error || !notTaken.has(error.code)) return { report: last, problems: [] };
				this.#failed.push({ target: release.version, way, code: error.code, message: error.message });
				continue;
			}
			problems = verdict.problems;
			const first = problems.find((p) => p.severity === 'error') as Refusal | undefined;
			this.#failed.push({ target: release.version, way, code: first?.code ?? 'REFUSED', message: first?.message ?? '' });
			if (first?.route && depth < MOST_STONES) return this.#byStones(first.route, selector, depth, problems);
			if (!first || !otherWayMayHelp.has(first.code)) break;
		}
		return { ...(last ? { report: last } : {}), problems };
	}

	async #byStones(route: readonly string[], selector: DeviceSelector, depth: number, problems: Problem[]) {
		let result: { report?: Report; problems: Problem[] } = { problems };
		for (const version of route) {
			const release = this.#releases.get(version) ?? (await this.#options.openRelease(this.#session.platform.name, version));
			this.#releases.set(version, release);
			this.#route.push(version);
			result = await this.#goTo(release, selector, depth + 1);
			if (!result.report || result.report.error) return result;
		}
		return result;
	}

	#goal(target: string, way: BootloaderWay): Goal {
		const given = this.#options.files ?? [];
		// On a stepping stone only Device OS changes; the application comes with the release that it is for.
		const files = target === this.#release.version ? [...given, ...(this.#application ? [this.#application] : [])] : [];
		const allow = this.#options.allow ?? [];
		// A stepping stone may be older than what is there: on the way, not in the end.
		if (target === this.#release.version) return { target, files, applicationOnly: false, allow, bootloaderWay: way };
		return {
			target,
			files,
			applicationOnly: false,
			allow: [...new Set<Permission>([...allow, 'downgrade'])],
			bootloaderWay: way,
			onTheWay: true,
		};
	}

	/** Nothing came of it: a device that was running runs again. */
	async #asFound(): Promise<void> {
		const { world } = this.#session;
		try {
			await this.#session.returned(world.limits.returnMs);
			await letRun(this.#session, this.#diagnosis.device);
		} catch (error) {
			world.log.debug('the device could not be let run again', { code: asLinacError(error).code });
		}
	}

	#ended(end: Pick<RestoreReport, 'outcome' | 'remaining'> & Partial<RestoreReport>): RestoreReport {
		return { format: 'linac-restore/1', ...this.#diagnosis, problems: [], ...end, route: this.#route, failed: this.#failed };
	}
}

/** Out of DFU mode again, where the device was running when it was found, and can. */
async function letRun(session: DeviceSession, device: DeviceSnapshot): Promise<void> {
	if (device.mode === 'dfu' || session.found.mode !== 'dfu' || !device.modules) return;
	const { boots } = boot(modelOf(session.platform, device));
	if (boots === 'dfu' || boots === 'dead') return;
	await session.toTheEnd(() => session.leaveDfu());
}

/** The first candidate that a source has. One that was named by the user is the only candidate. */
async function openFirst(
	device: DeviceSnapshot,
	session: DeviceSession,
	options: RestoreOptions,
): Promise<{ release: ReleaseSet; why: string }> {
	const { platform, world } = session;
	if (options.target !== undefined) {
		return { release: await options.openRelease(platform.name, options.target), why: 'It was asked for.' };
	}
	const tried: string[] = [];
	let failure: LinacError | undefined;
	for (const { version, why } of releaseCandidates(device, platform)) {
		try {
			const release = await options.openRelease(platform.name, version);
			const instead = tried.length === 0 ? '' : ` (${tried.join(', ')} cannot be had from any source.)`;
			return { release, why: `${why}${instead}` };
		} catch (error) {
			failure = asLinacError(error);
			if (failure.code !== 'RELEASE_NOT_AVAILABLE') throw failure;
			world.log.debug('a candidate cannot be opened', { version });
			tried.push(version);
		}
	}
	throw (
		failure ?? new LinacError('RELEASE_NOT_AVAILABLE', `There is no release for ${platform.displayName}.`, { retry: 'never' })
	);
}

/** The modules once more, now that their names are known. */
async function readAgain(session: DeviceSession, device: DeviceSnapshot): Promise<Pick<DeviceSnapshot, 'modules'>> {
	const read = await snapshotInDfu(session);
	const unread = (device.modules ?? []).filter(
		(m) => !read.modules?.some((o) => o.function === m.function && o.index === m.index),
	);
	return read.modules ? { modules: [...read.modules, ...unread] } : {};
}

async function chooseApplication(
	device: DeviceSnapshot,
	session: DeviceSession,
	release: ReleaseSet,
	options: RestoreOptions,
): Promise<{ file?: GoalFile; application: Diagnosis['application'] }> {
	const { platform } = session;
	const given = options.files?.find((f) => f.module?.module.prefix.function === ModuleFunction.user);
	if (given) return { application: { action: 'file', name: given.name, why: `${given.name} was given.` } };
	const kept = keptApplication(device, platform, release);
	if (kept.state === 'stays') {
		const file = kept.hidden && (await readModuleFile(session, kept.hidden));
		return { ...(file ? { file } : {}), application: { action: 'keep', why: kept.why } };
	}
	// One that runs now is not given up because of a target: the planner refuses that and says what to do.
	if (kept.state === 'too-new' && runsNow(device, platform)) return { application: { action: 'keep', why: kept.why } };
	const own = release.application ?? (await options.openApplication?.(platform.name, release.version));
	const needs = own && { ...own.module.prefix, dependencies: own.module.dependencies };
	if (!own || own.module.prefix.platformId !== platform.id || unmetBy(platform, needs!, release)) {
		const why = `${kept.why} No default application for Device OS ${release.version} can be had: give one with --app, or the device waits in safe mode.`;
		return { application: { action: 'none', why } };
	}
	return {
		file: { name: own.origin, module: own, problems: [] },
		application: { action: 'default', name: own.origin, why: `${kept.why} The default application (Tinker) is installed.` },
	};
}

function runsNow(device: DeviceSnapshot, platform: Platform): boolean {
	const { boots } = boot(modelOf(platform, device));
	return boots === 'normal' || boots === 'listening';
}

/** A module as it stands on the device, as a file: giving it to the planner makes it the one that has to run. */
async function readModuleFile(session: DeviceSession, m: { start: number; size: number }): Promise<GoalFile | undefined> {
	const { platform, world } = session;
	const alternate = platform.alternates.find((a) => a.storage === 'internal');
	if (!alternate) return undefined;
	const dfu = await session.dfu();
	const bytes = await dfu.read(alternate.number, m.start + alternate.addressOffset, m.size, { signal: world.signal });
	const origin = 'the application on the device';
	const verdict = parseModule(bytes, { file: origin, digests: world.digests });
	if (!verdict.ok) return undefined;
	const slot = slotOf(platform, verdict.value.prefix)?.name ?? 'user-part';
	const module = { slot, origin, module: verdict.value, sha256: toHex(world.digests.sha256(bytes)) };
	return { name: origin, module, problems: [] };
}
