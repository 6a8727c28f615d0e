/** Prints what is wrong with a device, what it is brought to, and what has become of that. */
import type { Finding } from '@linac/planner';
import type { Diagnosis, RestoreReport } from '@linac/programmer';
import type { Output } from './output.js';
import { deviceName } from './show-plan.js';
import { wrapText } from './table.js';

const signs: Record<Finding['severity'], string> = { error: '✗', warning: '!', info: 'i' };

function bullet(output: Output, sign: string, text: string): void {
	wrapText(text, output.width - 4).forEach((line, i) => {
		output.print(i === 0 ? `  ${sign} ${line}` : `    ${line}`);
	});
}

function paint(output: Output, finding: Finding): string {
	const c = output.colors;
	const sign = signs[finding.severity];
	return finding.severity === 'error' ? c.red(sign) : finding.severity === 'warning' ? c.yellow(sign) : c.cyan(sign);
}

export function showFindings(output: Output, findings: readonly Finding[], options: { hints: boolean }): void {
	for (const finding of findings) {
		bullet(output, paint(output, finding), finding.message);
		if (options.hints) for (const line of wrapText(finding.hint, output.width - 6)) output.print(`      ${line}`);
	}
}

export function showDiagnosis(output: Output, diagnosis: Diagnosis, displayName?: string): void {
	const c = output.colors;
	const { device, findings, target, application } = diagnosis;
	output.print(c.bold(`What is wrong with ${deviceName(device, displayName)}`));
	if (findings.length === 0) output.print('  Nothing that can be seen: everything that it needs is there, and whole.');
	else showFindings(output, findings, { hints: false });
	output.print();
	output.print(c.bold('What it is brought to'));
	bullet(output, '-', `Device OS ${target.version}. ${target.why}`);
	bullet(output, '-', application.why);
	output.print();
}

/** What was wrong before and is not any more, and what is still wrong. */
export function showRemaining(output: Output, report: RestoreReport): void {
	const c = output.colors;
	const still = new Set(report.remaining.map((f) => f.code));
	const right = report.outcome === 'verified' ? report.findings.filter((f) => !still.has(f.code)) : [];
	if (right.length > 0) {
		output.print();
		output.print(c.bold('What was wrong, and has been put right'));
		for (const finding of right) bullet(output, c.green('✓'), finding.message);
	}
	if (report.remaining.length > 0) {
		output.print();
		output.print(c.bold('What is still so'));
		showFindings(output, report.remaining, { hints: true });
	}
	for (const failed of report.failed) {
		output.print();
		bullet(output, '-', `Tried in vain (${failed.way}, Device OS ${failed.target}): ${failed.message} [${failed.code}]`);
	}
}
