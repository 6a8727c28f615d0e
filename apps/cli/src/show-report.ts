/** Prints what a job did and the evidence for what is now on the device. */
import type { BackupRecord, EvidenceRow, Report } from '@linac/programmer';
import { count, formatBytes, formatDuration, printable, shortHash } from './format.js';
import type { Output } from './output.js';
import { deviceName, showFiles } from './show-plan.js';

const proofs: Record<EvidenceRow['proof'], string> = {
	'read-back-sha256': 'read back, SHA-256',
	'device-hash': 'SHA-256 told by device',
	'copy-read-back-sha256': 'installed from a copy read back, SHA-256',
	'reported-version': 'version told by device',
	none: 'not proved',
};

export function showEvidence(output: Output, rows: readonly EvidenceRow[], options: { before: boolean }): void {
	const c = output.colors;
	const version = (v: { version: number; valid?: boolean } | undefined) =>
		v === undefined ? '-' : v.valid === false ? `${v.version} (damaged)` : String(v.version);
	const stored = (v: { valid?: boolean } | undefined) => (v === undefined ? '-' : v.valid ? 'stored' : 'another');
	const columns = [
		{ title: 'Module' },
		...(options.before ? [{ title: 'Before', align: 'right' as const }] : []),
		{ title: 'Now', align: 'right' as const },
		{ title: 'Expected', align: 'right' as const },
		{ title: '' },
		{ title: 'How it was proved', wrap: true },
	];
	output.table(
		columns,
		rows.map((row) => [
			row.asset === undefined ? row.slot : `asset ${printable(row.asset)}`,
			...(options.before ? [row.asset === undefined ? version(row.before) : stored(row.before)] : []),
			row.asset === undefined ? version(row.after) : stored(row.after),
			row.asset === undefined ? version(row.expected) : 'stored',
			row.ok ? c.green('ok') : c.red('WRONG'),
			`${proofs[row.proof]}${row.sha256 ? ` ${shortHash(row.sha256)}...` : ''}${row.note ? ` (${row.note})` : ''}`,
		]),
		'  ',
	);
}

/** Where what was on the device before is, and how it gets back. */
export function showBackup(output: Output, backup: BackupRecord | undefined): void {
	if (!backup) return;
	output.print();
	output.print(`  Backup: ${backup.file}`);
	for (const { message } of backup.missing ?? []) output.paragraph(`It lacks something: ${message}`, '  ');
	if (backup.earlier !== undefined)
		output.print(`  Backup from before the interruption, with the whole application: ${backup.earlier}`);
	output.print(`  ${output.colors.dim('linac backup restore FILE puts settings and application back.')}`);
}

export function showReport(output: Output, report: Report, displayName?: string): void {
	const c = output.colors;
	output.print();
	const name = deviceName({ platform: report.platform, deviceId: report.deviceId }, displayName);
	switch (report.outcome) {
		case 'verified':
			output.print(c.green(c.bold(`Verified: ${name} is now what the plan says.`)));
			break;
		case 'already':
			output.print(c.bold(`Nothing was written: ${name} was what the plan says already.`));
			break;
		case 'failed':
			output.print(c.red(c.bold(`Failed: ${name} is not what the plan says.`)));
			break;
		case 'cancelled':
			output.print(c.yellow(c.bold(`Cancelled: ${name} may be half done.`)));
			break;
	}
	const now = report.after?.osVersion;
	const before = report.before.osVersion;
	if (now !== undefined) output.print(`  Device OS: ${before !== undefined && before !== now ? `${before} → ${now}` : now}`);
	// Without a look at the device afterwards there is no evidence, only the fact that it is missing.
	if (report.after === undefined && (report.outcome === 'failed' || report.outcome === 'cancelled')) {
		// Nobody tries to read it after Ctrl-C.
		output.print(`  What is on it now ${report.outcome === 'cancelled' ? 'was not' : 'could not be'} read.`);
	} else if (report.evidence.length > 0) {
		output.print();
		showEvidence(output, report.evidence, { before: true });
	}
	if (report.outcome === 'verified' || report.outcome === 'already') showFiles(output, report.files, true);
	showBackup(output, report.backup);
	const done = report.steps.filter((s) => s.result === 'done').length;
	const skipped = report.steps.filter((s) => s.result === 'skipped').length;
	const left = report.steps.filter((s) => s.result === 'not-reached' || s.result === 'failed').length;
	const parts = [`${count(done, 'step')} done`];
	if (skipped > 0) parts.push(`${skipped} skipped (the effect was there already)`);
	if (left > 0) parts.push(`${left} not done`);
	output.print();
	output.print(
		`  ${parts.join(', ')}; ${formatBytes(report.bytesWritten)} written, ${formatBytes(report.bytesRead)} read, in ${formatDuration(report.ms)}.`,
	);
}
