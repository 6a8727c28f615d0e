/** `linac restore`: what is wrong, in plain words; the plan; the job; what has been put right. */
import type { Plan } from '@linac/planner';
import { type Diagnosis, type RestoreReport, restore } from '@linac/programmer';
import { listDevices } from '@linac/usb';
import { backupHook } from '../backup-keeper.js';
import { chooseDevice } from '../choose-device.js';
import { agreed } from '../confirm.js';
import { type Connection, connect } from '../connect.js';
import type { Context, WriteOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed, releaseNamed } from '../facts.js';
import { tellJobFailure } from '../failure.js';
import { filesFor, goalOf, limitsFor, planRefused, selectorOf } from '../job.js';
import { JobProgress } from '../progress.js';
import { showPlan } from '../show-plan.js';
import { showReport } from '../show-report.js';
import { showDiagnosis, showRemaining } from '../show-restore.js';
import { openSources } from '../sources.js';
import { usbIds } from '../usb-ids.js';

export interface RestoreCommandOptions extends Omit<WriteOptions, 'applicationOnly' | 'local'> {
	app?: string;
	platform?: string;
}

/** How long somebody at a terminal has to press buttons or plug in a cable, in milliseconds. */
const operatorMs = 180_000;

export async function restoreCommand(context: Context, options: RestoreCommandOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const files = await filesFor(context, options.app === undefined ? [] : [options.app]);
	const { allow } = goalOf(options, files, options.target);
	const backup = await backupHook(context, options);
	const connection = await connect(context, options);
	const sources = await openSources(context, options);
	const progress = new JobProgress(output);
	let failure: unknown;
	let displayName: string | undefined;
	const shown = new Set<string>();
	const show = (plan: Plan) => {
		if (shown.has(plan.id)) return;
		// A plan that is made again after a disturbance is not news.
		if (shown.size === 0) {
			showPlan(output, plan, { explain: options.explain ?? false, displayName });
			output.print();
		}
		shown.add(plan.id);
	};
	try {
		const selector = await selectorFor(context, connection, options);
		context.interrupt.note =
			'Stopping at the next safe point. (Ctrl-C again stops at once; running the same command again goes on from there.)';
		const report = await restore({
			...connection.environment,
			signal,
			selector,
			files,
			allow,
			...(options.target === undefined ? {} : { target: options.target }),
			...(options.dryRun ? { dryRun: true } : {}),
			...(backup ? { backup } : {}),
			limits: limitsFor(context, connection, operatorMs),
			openRelease: (platform, version) => {
				const named = options.target === version ? releaseNamed(version, platformNamed(platform)).version : version;
				return sources.open({ platform, version: named }, signal);
			},
			openApplication: (platform, version) => sources.application(platformNamed(platform), version, signal),
			onDiagnosis: (diagnosis: Diagnosis) => {
				displayName = platformNamed(diagnosis.device.platform).displayName;
				showDiagnosis(output, diagnosis, displayName);
			},
			confirm: async (plan, device) => {
				show(plan);
				// Told below: the job only knows that it was cancelled.
				return agreed(context, `Write to ${displayName ?? device.platform} ${device.deviceId ?? ''}?`, options.yes, (why) => {
					failure = why;
				});
			},
			onEvent: (event) => {
				if (event.type === 'job-started') show(event.plan);
				progress.event(event);
			},
		});
		progress.finish();
		if (failure !== undefined) throw failure;
		return ended(context, report, options, displayName);
	} catch (error) {
		progress.finish();
		throw failure ?? error;
	} finally {
		await connection.close();
	}
}

/** Several devices and none named: refused, as everywhere. None at all: waited for, when somebody is there to press its buttons. */
async function selectorFor(context: Context, connection: Connection, options: RestoreCommandOptions) {
	const platform = options.platform === undefined ? undefined : platformNamed(options.platform).name;
	const devices = await listDevices(connection.host, usbIds(), context.signal);
	if (devices.length === 0 && context.interactive) {
		const id = /^[0-9a-f]{24}$/i.test(options.device ?? '') ? options.device : undefined;
		return { ...(id === undefined ? {} : { deviceId: id }), ...(platform === undefined ? {} : { platform }) };
	}
	const fitting = platform === undefined ? devices : devices.filter((d) => d.platform.name === platform);
	const found = chooseDevice(fitting, connection.choose(options.device));
	return selectorOf(found);
}

function ended(
	context: Context,
	report: RestoreReport,
	options: RestoreCommandOptions,
	displayName: string | undefined,
): ExitCode {
	const { output } = context;
	if (report.outcome === 'refused') {
		throw planRefused(report.problems);
	}
	output.document(report);
	if (report.outcome === 'planned') {
		if (report.plan) showPlan(output, report.plan, { explain: options.explain ?? false, displayName });
		output.print();
		output.print('Nothing was written.');
		return ExitCode.ok;
	}
	if (report.report) showReport(output, report.report, displayName);
	showRemaining(output, report);
	if (report.outcome === 'cancelled' || report.outcome === 'failed')
		return tellJobFailure(output, { outcome: report.outcome, error: report.report?.error });
	return report.remaining.some((f) => f.severity === 'error') ? ExitCode.mismatch : ExitCode.ok;
}
