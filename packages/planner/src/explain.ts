/** A plan, or a refusal, in plain words, one line an entry: what `--explain` prints. */
import type { Problem } from '@linac/core';
import type { Plan, Refusal, Step } from './types.js';

export function explain(plan: Plan): string[] {
	const lines: string[] = [];
	const from = plan.from.osVersion === undefined ? '' : ` from Device OS ${plan.from.osVersion}`;
	const to = plan.to.osVersion === undefined ? '' : ` to Device OS ${plan.to.osVersion}`;
	lines.push(`Plan for ${plan.platform}${plan.deviceId ? ` ${plan.deviceId}` : ''}${from}${to}.`);
	lines.push(`On it now: ${plan.from.modules.map(module).join(', ') || 'nothing that could be read'}.`);
	if (plan.empty) lines.push('There is nothing to do: everything asked for is there already.');
	for (const [index, step] of plan.steps.entries()) lines.push(...explainStep(step, index + 1));
	if (!plan.empty) lines.push(`About ${seconds(plan.estimateMs)} altogether.`);
	for (const file of plan.files) lines.push(`File ${file.name}: ${words[file.verdict]}. ${file.reason}`);
	for (const note of plan.notes) lines.push(`${note.severity === 'info' ? 'Note' : 'Warning'}: ${note.message}`);
	return lines;
}

const words = {
	write: 'to be written',
	'already-there': 'already there',
	refused: 'refused',
	'not-needed': 'not needed',
} as const;

function module(m: { slot: string; version: number; valid: boolean }): string {
	return `${m.slot} ${m.version}${m.valid ? '' : ' (damaged)'}`;
}

function seconds(ms: number): string {
	return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

const starts: Record<Step['after']['boots'], string> = {
	normal: 'it would run normally',
	listening: 'it would wait in listening mode',
	safe: 'it would run in safe mode',
	dfu: 'the bootloader would stay in DFU',
	dead: 'it would hang until MODE is held at reset',
};

const ways: Record<Step['ifInterrupted']['way'], string> = {
	'same-command': 'run the same command again',
	'same-command-after-button': 'bring it into DFU with the MODE button, then run the same command again',
	none: 'only SWD could help',
};

function explainStep(step: Step, number: number): string[] {
	const lines = [`${number}. ${step.title} (${seconds(step.estimateMs)})`];
	for (const reason of step.because) lines.push(`   Why: ${reason}`);
	if (step.needs.length > 0) lines.push(`   It needs: ${step.needs.join(', ')}`);
	lines.push(`   Started after this step, ${starts[step.after.boots]}. ${step.after.why}`);
	lines.push(`   If power or cable fails in it: ${ways[step.ifInterrupted.way]}. ${step.ifInterrupted.why}`);
	return lines;
}

/** The problems of a refused plan, with rules and routes. */
export function explainRefusal(problems: readonly (Problem | Refusal)[]): string[] {
	return problems.flatMap((p) => {
		const lines = [p.message];
		if ('rule' in p && p.rule !== undefined) lines.push(`   Rule: ${p.rule} (data/rules.json)`);
		if ('route' in p && p.route !== undefined && p.route.length > 0)
			lines.push(`   What works: ${p.route.map((v) => `Device OS ${v}`).join(', then ')}`);
		return lines;
	});
}
