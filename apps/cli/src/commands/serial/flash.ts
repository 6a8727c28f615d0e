/** `linac serial flash`: modules over the serial port, one after the other, each seen on the device before the next is sent. */
import type { RetryClass } from '@linac/core';
import type { Plan } from '@linac/planner';
import { programOverSerial } from '@linac/programmer';
import { agreed } from '../../confirm.js';
import { connect } from '../../connect.js';
import type { Context } from '../../context.js';
import { ExitCode, exitCodeFor } from '../../exit-codes.js';
import { platformNamed } from '../../facts.js';
import { CommandFailure, tellFailure, usage } from '../../failure.js';
import { filesFor, goalOf, planRefused } from '../../job.js';
import { JobProgress } from '../../progress.js';
import { chooseSerial, type SerialOptions } from '../../serial-port.js';
import { showPlan } from '../../show-plan.js';
import { showReport } from '../../show-report.js';

export interface SerialFlashOptions extends SerialOptions {
	allow?: string[];
	dryRun?: boolean;
	yes?: boolean;
}

export async function flash(context: Context, options: SerialFlashOptions, names: string[]): Promise<ExitCode> {
	const { output } = context;
	if (names.length === 0) throw usage('There is nothing to flash.', 'Name a file, a folder or a zip.');
	const files = await filesFor(context, names);
	const goal = goalOf(options, files, undefined);
	const connection = await connect(context, options);
	const progress = new JobProgress(output);
	let refusal: unknown;
	let planned: Plan | undefined;
	try {
		const chosen = await chooseSerial(connection, options);
		if (!chosen.device) {
			throw new CommandFailure(ExitCode.device, 'DEVICE_NOT_FOUND', `There is no Particle device at ${chosen.port.path}.`, {
				hint: '"linac serial list" shows the ports that there are.',
			});
		}
		const platform = platformNamed(chosen.device.platform.name);
		const show = (plan: Plan) => {
			if (planned) return;
			planned = plan;
			showPlan(output, plan, { explain: false, displayName: platform.displayName });
			output.print();
		};
		context.interrupt.note = 'Stopping between two blocks. Running the same command again goes on from what is on the device.';
		const verdict = await programOverSerial({
			...connection.environment,
			signal: context.signal,
			serial: connection.serial,
			port: chosen.port,
			platform,
			goal,
			confirm: async (plan) => {
				show(plan);
				if (options.dryRun) return false;
				return agreed(context, `Write to ${platform.displayName} ${chosen.port.deviceId ?? ''}?`, options.yes, (why) => {
					refusal = why;
				});
			},
			onEvent: (event) => {
				if (event.type === 'job-started') show(event.plan);
				progress.event(event);
			},
		});
		progress.finish();
		if (!verdict.ok) throw planRefused(verdict.problems);
		const report = verdict.value;
		output.document(report);
		showReport(output, report, platform.displayName);
		if (report.outcome === 'verified' || report.outcome === 'already') return ExitCode.ok;
		const error = report.error ?? { code: 'INTERNAL', message: 'The job failed without a reason.', retry: 'never' };
		const exit = exitCodeFor(error.code, error.retry as RetryClass);
		tellFailure(output, error, exit);
		return exit;
	} catch (error) {
		progress.finish();
		if (options.dryRun && planned && refusal === undefined) {
			output.document(planned);
			return ExitCode.ok;
		}
		throw refusal ?? error;
	} finally {
		await connection.close();
	}
}
