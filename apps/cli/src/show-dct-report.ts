/** Prints what a job did to the settings of a device. Values never get here: only names, and whether there was and is something. */
import type { DctReport, DctReportField } from '@linac/programmer';
import type { Context } from './context.js';
import { ExitCode } from './exit-codes.js';
import { tellJobFailure } from './failure.js';
import { formatBytes, formatDuration } from './format.js';
import type { Output } from './output.js';
import { showBackup } from './show-report.js';

const changes: Record<string, string> = {
	'blank set': 'is set',
	'set set': 'is changed',
	'set blank': 'is removed',
};

/** Rows of what will be, or was, written. */
export function showFields(output: Output, fields: readonly DctReportField[]): void {
	const shown = fields.filter((f) => f.result !== 'there');
	if (shown.length > 0) {
		output.table(
			[{ title: 'Setting' }, { title: '' }, { title: 'Bytes', align: 'right' }, { title: 'At', align: 'right' }],
			shown.map((f) => [
				f.name,
				f.result === 'not-written' ? 'was not written' : (changes[`${f.before} ${f.after}`] ?? ''),
				String(f.size),
				String(f.offset),
			]),
			'  ',
		);
	}
	const same = fields.length - shown.length;
	if (same > 0) output.print(`  ${same === 1 ? '1 setting is' : `${same} settings are`} as wanted already.`);
}

const outcomes: Record<DctReport['outcome'], string> = {
	verified: 'Verified: written, read back, and the same.',
	already: 'Nothing was written: it is so already.',
	planned: 'Nothing was written: that is what would be.',
	failed: 'Failed: not everything was written.',
	cancelled: 'Cancelled: not everything was written.',
};

export function showDctReport(output: Output, report: DctReport): void {
	const c = output.colors;
	const paint = report.outcome === 'verified' ? c.green : report.outcome === 'failed' ? c.red : (text: string) => text;
	output.print();
	output.print(paint(c.bold(outcomes[report.outcome])));
	if (report.outcome === 'failed' || report.outcome === 'cancelled') showFields(output, report.fields);
	showBackup(output, report.backup);
	output.print(
		`  ${formatBytes(report.bytesWritten)} written, ${formatBytes(report.bytesRead)} read, in ${formatDuration(report.ms)}.`,
	);
}

/** The exit code, and what to say when it did not end well. */
export function dctOutcome(context: Context, report: DctReport): ExitCode {
	return report.error ? tellJobFailure(context.output, report) : ExitCode.ok;
}
