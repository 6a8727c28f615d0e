/** `linac plan`, and `--dry-run` of the commands that write: makes the plan and prints it. Writes nothing, changes no mode. */
import { nodeDigests } from '@linac/host';
import { plan as makePlan } from '@linac/planner';
import { takeSnapshot } from '@linac/programmer';
import { connect } from '../connect.js';
import type { Context, GoalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { usage } from '../failure.js';
import { deviceFor, filesFor, goalOf, openFor, planRefused } from '../job.js';
import { showPlan } from '../show-plan.js';
import { openSources } from '../sources.js';

export async function plan(context: Context, options: GoalOptions, names: string[], isUpdate = false): Promise<ExitCode> {
	if (!isUpdate && names.length === 0 && options.target === undefined) {
		throw usage('There is nothing to plan.', 'Name a file, a folder or a zip, or a Device OS version with --target.');
	}
	const { output } = context;
	const files = await filesFor(context, names, options);
	const goal = goalOf(options, files, options.target);
	const connection = await connect(context, options);
	try {
		const found = await deviceFor(context, connection, options.device);
		const device = await takeSnapshot(found, connection.environment);
		const sources = await openSources(context, options);
		const release = await openFor(context, sources, device, goal, { update: isUpdate });
		const platform = platformNamed(device.platform);
		const verdict = makePlan(device, goal, { platform, digests: nodeDigests, ...(release === undefined ? {} : { release }) });
		if (!verdict.ok) throw planRefused(verdict.problems);
		const { plan: made } = verdict.value;
		output.document(made);
		showPlan(output, made, { explain: options.explain ?? false, displayName: platform.displayName });
		output.print();
		output.print('Nothing was written.');
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}
