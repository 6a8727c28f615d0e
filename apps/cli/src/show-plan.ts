/** Prints a plan for people: the steps as a table, the verdict on every file, and with `--explain` the reasons. */
import { releaseByModuleVersion } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import type { FileVerdict, Plan, Recovery, Step } from '@linac/planner';
import { count, formatDuration, shortenHashes } from './format.js';
import type { Output } from './output.js';
import { wrapText } from './table.js';

const transports: Record<string, string> = { dfu: 'DFU', control: 'running system', serial: 'serial port' };
/** What the device would do if it was started after a step. */
const starts: Record<string, string> = {
	normal: 'it runs normally',
	listening: 'it waits in listening mode',
	safe: 'it runs in safe mode, without the application',
	dfu: 'it stays in DFU mode',
	dead: 'it does not start',
};

/** `Boron e00fce68... at USB port 1-2.3` */
export function deviceName(device: { platform: string; deviceId?: string; location?: string }, displayName?: string): string {
	const name = displayName ?? device.platform;
	const id = device.deviceId === undefined ? '' : ` ${device.deviceId}`;
	const place = device.location === undefined ? '' : ` at USB port ${device.location}`;
	return `${name}${id}${place}`;
}

export function showPlan(output: Output, plan: Plan, options: { explain: boolean; displayName?: string }): void {
	const c = output.colors;
	output.print(c.bold(`Plan for ${deviceName(plan, options.displayName)}`));
	const afterwards = plan.to.osVersion ?? systemVersion(plan);
	output.print(`  Device OS now: ${plan.from.osVersion ?? 'not known'}${afterwards ? `; afterwards: ${afterwards}` : ''}`);
	output.print();
	if (plan.empty) {
		output.print('Nothing to do: everything asked for is on the device already. Nothing will be written.');
	} else {
		output.table(
			[
				{ title: '#', align: 'right' },
				{ title: 'Step', wrap: true },
				{ title: 'Module' },
				{ title: 'Version' },
				{ title: 'Through' },
				{ title: 'Takes about', align: 'right' },
			],
			plan.steps.map((step, i) => [
				String(i + 1),
				step.title,
				step.module?.slot ?? '',
				versionChange(step),
				transports[step.transport ?? ''] ?? '',
				aboutTime(step.estimateMs),
			]),
			'  ',
		);
		output.print();
		output.print(`  ${count(plan.steps.length, 'step')}, about ${formatDuration(plan.estimateMs)}.`);
	}
	showFiles(output, plan.files);
	showNotes(output, plan);
	if (options.explain) explain(output, plan);
}

/** Files that change Device OS name no release: the number of the system part tells which it is. */
function systemVersion(plan: Plan): string | undefined {
	const numbers = plan.to.modules.filter((m) => m.function === ModuleFunction.system).map((m) => m.version);
	if (numbers.length === 0) return undefined;
	const number = Math.max(...numbers);
	return releaseByModuleVersion(plan.platform, number)?.version ?? `module ${number}`;
}

function aboutTime(ms: number): string {
	return ms >= 100 ? formatDuration(ms) : '';
}

function versionChange(step: Step): string {
	if (!step.module) return '';
	const { from, version } = step.module;
	return from === undefined || from === version ? String(version) : `${from} → ${version}`;
}

const verdicts: Record<FileVerdict['verdict'], string> = {
	write: 'will be written',
	'already-there': 'already there',
	refused: 'refused',
	'not-needed': 'not needed',
};

/** Codes of files whose bytes are compared first, and that are written only if those differ. */
const compared: ReadonlySet<string> = new Set(['PROVED', 'COMPARED']);

/** How files are proved that are not read back, by the code of their verdict. */
const proved: Readonly<Record<string, string>> = {
	ASSET_SENT: 'Stored: the device tells the same name and SHA-256.',
	SENT: 'Sent over serial; the device reports it.',
};

/** What became of every file that was given. `done` turns the future into the past. */
export function showFiles(output: Output, files: readonly FileVerdict[], done = false): void {
	if (files.length === 0) return;
	const c = output.colors;
	const paint = ({ verdict, code }: FileVerdict) => {
		const planned = compared.has(code) ? 'will be compared' : verdicts[verdict];
		const text = !done ? planned : verdict === 'write' ? 'written' : verdicts[verdict];
		return verdict === 'refused' ? c.red(text) : verdict === 'write' ? c.green(text) : text;
	};
	output.print();
	output.table(
		[{ title: 'File', wrap: 'late' as const }, { title: 'Verdict' }, { title: 'Reason', wrap: true }],
		files.map((f) => [
			f.name,
			paint(f),
			done && f.verdict === 'write' ? (proved[f.code] ?? 'Written, read back and compared.') : shortenHashes(f.reason),
		]),
		'  ',
	);
}

function showNotes(output: Output, plan: Plan): void {
	if (plan.notes.length > 0) output.print();
	for (const note of plan.notes) {
		const label = note.severity === 'info' ? 'Note:' : 'Mind:';
		hanging(
			output,
			`  ${label} `,
			(text) => (note.severity === 'info' ? output.colors.cyan(text) : output.colors.yellow(text)),
			shortenHashes(note.message),
		);
	}
}

const recoveries: Record<Recovery['way'], string> = {
	'same-command': 'Run the same command again.',
	'same-command-after-button': 'Put the device in DFU mode with its buttons, then run the same command again.',
	none: 'Only a debug probe (SWD) could help.',
};

function explain(output: Output, plan: Plan): void {
	if (plan.steps.length === 0) return;
	const c = output.colors;
	output.print();
	output.print(c.bold('Why each step is there, and what if it is interrupted'));
	plan.steps.forEach((step, i) => {
		output.print();
		output.print(`${String(i + 1).padStart(3)}. ${c.bold(step.title)}`);
		for (const reason of step.because) bullet(output, 'Why', reason);
		if (step.needs.length > 0) bullet(output, 'Needs before', step.needs.join(', '));
		bullet(output, 'Started then', `${starts[step.after.boots] ?? step.after.boots}. ${step.after.why}`);
		bullet(output, 'If interrupted', step.ifInterrupted.why || recoveries[step.ifInterrupted.way]);
	});
}

function bullet(output: Output, label: string, text: string): void {
	hanging(output, `     ${`${label}:`.padEnd(16)}`, (head) => output.colors.dim(head), text);
}

/** A paragraph whose first line begins with `head`, and whose other lines stand under the text. */
function hanging(output: Output, head: string, paint: (head: string) => string, text: string): void {
	wrapText(text, output.width - head.length).forEach((line, i) => {
		output.print(i === 0 ? paint(head) + line : ' '.repeat(head.length) + line);
	});
}
