/** `linac flash` and `linac update`: look, plan, ask, write, read back, and say what is now on the device. */
import { LinacError } from '@linac/core';
import type { Plan } from '@linac/planner';
import { program } from '@linac/programmer';
import { backupHook } from '../backup-keeper.js';
import { agreed } from '../confirm.js';
import { connect } from '../connect.js';
import type { Context, WriteOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { tellJobFailure, usage } from '../failure.js';
import { deviceFor, filesFor, goalOf, limitsFor, openFor, planRefused, selectorOf } from '../job.js';
import { JobProgress } from '../progress.js';
import { showPlan } from '../show-plan.js';
import { showReport } from '../show-report.js';
import { openSources } from '../sources.js';
import { plan as planCommand } from './plan.js';

/** How long somebody at a terminal has to plug the device in again or to press its buttons, in milliseconds. */
const operatorMs = 120_000;

export async function flash(context: Context, options: WriteOptions, names: string[]): Promise<ExitCode> {
	if (options.local && names.length === 0) {
		throw usage(
			'--local needs a folder or zip of binaries.',
			'"linac flash --local FOLDER". To compile an application is not linac\'s: name the binary.',
		);
	}
	if (names.length === 0 && options.target === undefined) {
		throw usage(
			'There is nothing to flash.',
			'Name a file, a folder or a zip, or a Device OS version with --target. "linac update" takes the latest version.',
		);
	}
	return write(context, options, names, false);
}

export async function update(context: Context, options: WriteOptions): Promise<ExitCode> {
	if (options.applicationOnly)
		throw usage(
			'"update" is about Device OS: --application-only makes no sense with it.',
			'Use "linac flash FILE --application-only".',
		);
	return write(context, options, [], true);
}

async function write(context: Context, options: WriteOptions, names: string[], isUpdate: boolean): Promise<ExitCode> {
	if (options.dryRun) return planCommand(context, options, names, isUpdate);
	const { output, signal } = context;
	const files = await filesFor(context, names, options);
	const goal = goalOf(options, files, options.target);
	const backup = await backupHook(context, options);
	const connection = await connect(context, options);
	const sources = await openSources(context, options);
	if (isUpdate || options.target !== undefined) sources.prepare();
	const progress = new JobProgress(output);
	let refusal: unknown;
	let shown = false;
	try {
		const found = await deviceFor(context, connection, options.device);
		const displayName = platformNamed(found.platform.name).displayName;
		const show = (plan: Plan) => {
			if (shown) return;
			shown = true;
			showPlan(output, plan, { explain: options.explain ?? false, displayName });
			output.print();
		};
		context.interrupt.note =
			'Stopping at the next safe point. (Ctrl-C again stops at once; the step in progress is then left half done,\n' +
			'and running the same command again finishes it.)';
		const verdict = await program({
			...connection.environment,
			signal,
			selector: selectorOf(found),
			goal,
			...(backup ? { backup } : {}),
			limits: limitsFor(context, connection, operatorMs),
			release: async (device) => {
				try {
					return await openFor(context, sources, device, goal, { update: isUpdate });
				} catch (error) {
					// Looking at the device once more brings no release along: the job must not try that.
					refusal = error;
					throw new LinacError('RELEASE_NOT_AVAILABLE', 'There is no release.', { retry: 'never', cause: error });
				}
			},
			confirm: async (plan) => {
				show(plan);
				// Told below: `program` only knows that it was cancelled.
				return agreed(context, `Write to ${displayName} ${found.deviceId ?? ''}?`, options.yes, (why) => {
					refusal = why;
				});
			},
			onEvent: (event) => {
				if (event.type === 'job-started') show(event.plan);
				progress.event(event);
			},
		});
		progress.finish();
		if (refusal !== undefined) throw refusal;
		if (!verdict.ok) throw planRefused(verdict.problems);
		output.document(verdict.value);
		showReport(output, verdict.value, displayName);
		const { outcome } = verdict.value;
		return outcome === 'verified' || outcome === 'already' ? ExitCode.ok : tellJobFailure(output, verdict.value);
	} catch (error) {
		progress.finish();
		throw refusal ?? error;
	} finally {
		await connection.close();
	}
}
