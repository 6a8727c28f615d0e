/** Faults, warnings and notes about images and what is made of them, a paragraph each, with their codes. */
import type { Problem } from '@linac/core';
import type { Output } from '../../output.js';

export function showProblems(output: Output, problems: readonly Problem[]): void {
	const c = output.colors;
	for (const p of problems) {
		const label = p.severity === 'error' ? c.red('Fault:') : p.severity === 'warning' ? c.yellow('Mind:') : c.cyan('Note:');
		output.paragraph(`${label} ${p.message} [${p.code}]`, '  ');
	}
}
