/**
 * A job over the serial port: look, plan, and for each module: bring the device into listening mode, look whether everything is as the plan says,
 * send, wait for its restart, and look again. Nothing is kept anywhere but on the device: after an interruption the same call goes on from what is
 * there. docs/serial.md tells what may happen between two modules, and what is done against it.
 */
import type { Platform } from '@linac/catalog';
import { asLinacError, assert, LinacError, throwIfCancelled, type Verdict } from '@linac/core';
import { type DeviceSnapshot, type Goal, type Plan, type PlanInputs, planSerial, type Step } from '@linac/planner';
import { type SerialHost, type SerialModule, type SerialPortInfo, sendYmodem } from '@linac/serial';
import { completeEnvironment, type Environment, type World } from '../environment.js';
import { JobEvents } from '../job-events.js';
import { type KnownModule, knownByHash, knownModule } from '../known-modules.js';
import { evidenceRow, Proofs } from '../proofs.js';
import { expectedModules } from '../running-job.js';
import type { Report } from '../types.js';
import { SerialLink } from './serial-link.js';

export interface SerialJobOptions extends Environment {
	serial: SerialHost;
	port: SerialPortInfo;
	/** The kind of device at the port. */
	platform: Platform;
	/** Its files are all that is written. */
	goal: Goal;
	/** Asked once, before the first byte is sent. False: cancelled. */
	confirm?: (plan: Plan) => Promise<boolean>;
}

/** From the end of a transfer until the port has gone: the device waits a second, and may copy a bootloader before, ms. */
const GONE_MS = 20_000;
/** Tries of one module. */
const TRIES = 3;
/** MODULE_VALIDATION_*: integrity 2, address range 8, platform 16; dependencies 4. */
const SOUND = 2 | 8 | 16;
const NEEDS = 4;

/** Runs the job. Refused before anything is written: a verdict with `Refusal`s. What goes wrong later is told in the report. */
export async function programOverSerial(options: SerialJobOptions): Promise<Verdict<Report>> {
	const { platform, goal, serial } = options;
	const base = completeEnvironment(options);
	const known = goal.files.flatMap((f) => (f.module ? [knownModule(f.module.module, base.digests)] : []));
	const world = completeEnvironment(options, known);
	const link = new SerialLink(world, serial, options.port);
	try {
		const before = await look(link, platform, known);
		const planned = planSerial(before.device, goal, { platform, digests: world.digests });
		if (!planned.ok) return planned;
		const { plan, inputs } = planned.value;
		if (!plan.empty && options.confirm && !(await options.confirm(plan))) {
			throw new LinacError('CANCELLED', 'Cancelled.', { retry: 'job' });
		}
		const job = new SerialJob(world, link, platform, plan, inputs, before);
		const report = await job.run();
		return { ok: true, value: report, problems: [] };
	} finally {
		await link.leave();
	}
}

interface Look {
	device: DeviceSnapshot;
	/** The modules as they were told, with the hash of an application. */
	told: readonly SerialModule[];
}

/** What the device says of itself. */
async function look(link: SerialLink, platform: Platform, known: readonly KnownModule[]): Promise<Look> {
	const { listening } = await link.listening();
	const osVersion = await listening.version();
	const info = await listening.modules();
	if (info.platformId !== platform.id) {
		throw new LinacError(
			'PLATFORM_MISMATCH',
			`The device says that it is platform ${info.platformId}, not ${platform.displayName}.`,
			{
				details: { expected: platform.id, found: info.platformId },
			},
		);
	}
	const deviceId = link.port.deviceId ?? (await listening.identity()).deviceId;
	const told = info.modules.filter((m) => m.store === 'main' && m.function !== 0);
	return {
		told,
		device: {
			platform: platform.name,
			deviceId,
			...(link.port.location === undefined ? {} : { location: link.port.location }),
			mode: 'listening',
			osVersion,
			modules: told.map((m) => installed(m, known)),
			depth: 'reported',
			via: 'serial',
		},
	};
}

function installed(m: SerialModule, known: readonly KnownModule[]): NonNullable<DeviceSnapshot['modules']>[number] {
	const failed = m.checkedFlags & ~m.passedFlags;
	const valid = (failed & SOUND) === 0;
	const same = knownByHash(known, { function: m.function, hash: m.hash, valid });
	return {
		function: m.function,
		index: m.index,
		version: m.version,
		valid,
		...(same ? { contentSha256: same.contentSha256 } : {}),
		dependencies: m.dependencies,
		dependenciesMet: (failed & NEEDS) === 0,
	};
}

class SerialJob {
	readonly #world: World;
	readonly #link: SerialLink;
	readonly #platform: Platform;
	readonly #plan: Plan;
	readonly #inputs: PlanInputs;
	readonly #before: DeviceSnapshot;
	readonly #events: JobEvents;
	/** The last look. */
	#now: Look;
	/** Modules that this job has sent, by SHA-256 of the file. */
	readonly #sent = new Set<string>();
	/** Slots whose step is done: there the plan's version must be found from then on. */
	readonly #reached = new Set<string>();
	#bytesWritten = 0;

	constructor(world: World, link: SerialLink, platform: Platform, plan: Plan, inputs: PlanInputs, before: Look) {
		this.#world = world;
		this.#link = link;
		this.#platform = platform;
		this.#plan = plan;
		this.#inputs = inputs;
		this.#before = before.device;
		this.#now = before;
		this.#events = new JobEvents(world.clock, world.onEvent);
	}

	async run(): Promise<Report> {
		const plan = this.#plan;
		const began = this.#world.clock.now();
		this.#events.emit({ type: 'job-started', plan, ...(plan.deviceId === undefined ? {} : { deviceId: plan.deviceId }) });
		this.#events.begin(plan.steps);
		const rows: Report['steps'] = plan.steps.map((s) => ({ id: s.id, title: s.title, result: 'not-reached', ms: 0 }));
		let failure: LinacError | undefined;
		for (const [index, step] of plan.steps.entries()) {
			const row = rows[index]!;
			const started = this.#world.clock.now();
			try {
				throwIfCancelled(this.#world.signal);
				this.#events.emit({ type: 'step-started', step: step.id, title: step.title, index: index + 1, count: plan.steps.length });
				const skipped = step.action.kind === 'update-serial' ? await this.#send(step) : await this.#verify();
				row.ms = this.#world.clock.now() - started;
				row.result = skipped === undefined ? 'done' : 'skipped';
				if (skipped !== undefined) {
					row.reason = skipped;
					this.#events.emit({ type: 'step-skipped', step: step.id, reason: skipped });
				}
				if (step.module) this.#reached.add(step.module.slot);
				this.#events.stepDone(step);
				this.#events.emit({ type: 'step-finished', step: step.id, ms: row.ms });
			} catch (error) {
				failure = asLinacError(error);
				row.ms = this.#world.clock.now() - started;
				row.result = 'failed';
				row.reason = failure.message;
				break;
			}
		}
		return this.#report(rows, failure, began);
	}

	/** Sends one module and sees it installed. Returns why nothing had to be done. */
	async #send(step: Step): Promise<string | undefined> {
		const { action } = step;
		assert(action.kind === 'update-serial' && step.module, 'a serial step without a module');
		const source = this.#inputs.modules.get(action.sha256);
		assert(source, 'the plan speaks of a module that is not among its inputs');
		for (let attempt = 1; ; attempt++) {
			try {
				// The guard: after every restart the device must listen again, and be what the plan says, before anything more is sent.
				this.#now = await look(this.#link, this.#platform, this.#world.known);
				this.#refuseSurprise(step);
				if (this.#isThere(step)) return attempt === 1 ? 'The device has it already.' : undefined;
				const { listening, stream } = await this.#link.listening();
				await listening.startFlashing();
				await sendYmodem(stream, source.module.bytes, {
					clock: this.#world.clock,
					name: `${source.slot}.bin`.replace(/[^ -~]/g, '_').slice(0, 100),
					...(this.#world.signal ? { signal: this.#world.signal } : {}),
					onProgress: (done, total) => this.#events.progress(step, 'send', done, total),
				});
				this.#sent.add(action.sha256);
				this.#bytesWritten += source.module.bytes.length;
				this.#events.emit({ type: 'waiting', step: step.id, for: 'the device to restart and apply it' });
				if (!(await this.#link.waitGone(GONE_MS)))
					throw new LinacError('DEVICE_DID_NOT_RESTART', 'The device has taken the module, but did not restart to apply it.', {
						retry: 'step',
						hint: 'Press RESET on the device and run the same command again.',
					});
				await this.#link.waitBack(this.#world.limits.applyMs);
				this.#now = await look(this.#link, this.#platform, this.#world.known);
				if (this.#isThere(step)) return undefined;
				throw new LinacError(
					'MODULE_NOT_APPLIED',
					`The device has taken ${label(step)}, but does not have it after its restart.`,
					{
						retry: 'step',
						hint:
							'Either it was refused when the device started, or the device reached its network first and was updated over the air. Keep it from its ' +
							'network, or use "linac flash", which writes over DFU, needs no restart in between, and reads back.',
					},
				);
			} catch (error) {
				await this.#again(step, asLinacError(error), attempt);
			}
		}
	}

	/** Decides whether a module is tried once more. A device that vanished in the middle has restarted too early: it is waited for. */
	async #again(step: Step, error: LinacError, attempt: number): Promise<void> {
		await this.#link.close();
		const worth = error.retry === 'step' || error.retry === 'reconnect' || error.code === 'YMODEM_FAILED';
		if (!worth || attempt >= TRIES) throw error;
		this.#events.emit({
			type: 'retry',
			step: step.id,
			code: error.code,
			message: error.message,
			attempt: attempt + 1,
			of: TRIES,
		});
		await this.#link.waitBack(this.#world.limits.applyMs);
	}

	#isThere(step: Step): boolean {
		const { action } = step;
		const expected = expectedModules(this.#plan).find((m) => m.slot === step.module?.slot);
		const is = this.#now.device.modules?.find((m) => m.function === expected?.function && m.index === expected.index);
		if (!expected || !is?.valid || is.version !== step.module?.version) return false;
		if (expected.contentSha256 === undefined) return true;
		if (is.contentSha256 !== undefined) return is.contentSha256 === expected.contentSha256;
		// Another hash than that of any module at hand is told: it is another application. Where none is told, its number counts once it has been sent.
		const hash = this.#now.told.find((m) => m.function === is.function && m.index === is.index)?.hash;
		return hash === undefined && action.kind === 'update-serial' && this.#sent.has(action.sha256);
	}

	/**
	 * A module that is neither what it was nor what the plan makes of it: the device has been changed by somebody else since, most likely over the air,
	 * after a restart in which it reached its network.
	 */
	#refuseSurprise(step: Step): void {
		for (const is of this.#now.device.modules ?? []) {
			const same = (m: { function: number; index: number }) => m.function === is.function && m.index === is.index;
			const was = this.#before.modules?.find(same);
			const planned = expectedModules(this.#plan).find(same);
			const done = planned !== undefined && this.#reached.has(planned.slot);
			if (!was || !is.valid || planned?.version === is.version || (!done && was.version === is.version)) continue;
			throw new LinacError(
				'CHANGED_OVER_THE_AIR',
				`Before ${label(step)} was sent, the device has changed by itself: a module (function ${is.function}, index ${is.index}) is ${is.version} now; it was ${done ? planned.version : was.version}. ` +
					'It has restarted, reached its network, and was updated over the air.',
				{
					retry: 'operator',
					hint: 'Keep it from its network (antenna, Wi-Fi, SIM) and run the same command again, or use "linac flash", which needs no restart in between.',
					details: { function: is.function, index: is.index, was: done ? planned.version : was.version, found: is.version },
				},
			);
		}
	}

	async #verify(): Promise<undefined> {
		this.#now = await look(this.#link, this.#platform, this.#world.known);
		return undefined;
	}

	#report(steps: Report['steps'], failed: LinacError | undefined, began: number): Report {
		const plan = this.#plan;
		let failure = failed;
		const evidence = expectedModules(plan).map((m) => evidenceRow(m, this.#before, this.#now.device, new Proofs()));
		if (!failure && !evidence.every((row) => row.ok)) {
			failure = new LinacError('EVIDENCE_MISSING', 'Not every module of the plan is on the device.', {
				hint: 'Run the same command again.',
			});
		}
		const outcome = failure ? (failure.code === 'CANCELLED' ? 'cancelled' : 'failed') : plan.empty ? 'already' : 'verified';
		const skippedAll = steps.every((s) => s.result === 'skipped');
		this.#events.emit({ type: 'job-finished', outcome });
		return {
			format: 'linac-report/1',
			outcome: outcome === 'verified' && skippedAll ? 'already' : outcome,
			planId: plan.id,
			platform: plan.platform,
			...(plan.deviceId === undefined ? {} : { deviceId: plan.deviceId }),
			before: this.#before,
			after: this.#now.device,
			evidence,
			files: plan.files,
			steps,
			...(failure
				? {
						error: {
							code: failure.code,
							message: failure.message,
							...(failure.hint === undefined ? {} : { hint: failure.hint }),
							retry: failure.retry,
						},
					}
				: {}),
			ms: this.#world.clock.now() - began,
			bytesWritten: this.#bytesWritten,
			bytesRead: 0,
		};
	}
}

function label(step: Step): string {
	return `${step.module?.slot} ${step.module?.version}`;
}
