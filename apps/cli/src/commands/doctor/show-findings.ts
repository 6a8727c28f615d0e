/** Findings as lines for people: a word that says how bad it is, the sentence, and below it what to do. Not for deciding anything. */
import type { Output } from '../../output.js';
import { wrapText } from '../../table.js';

export interface Line {
	severity: 'ok' | 'info' | 'warning' | 'error';
	text: string;
	hint?: string;
}

const words: Record<Line['severity'], string> = { ok: 'ok', info: 'note', warning: 'mind', error: 'wrong' };

export function showLines(output: Output, lines: readonly Line[]): void {
	const c = output.colors;
	const paint = { ok: c.green, info: c.cyan, warning: c.yellow, error: c.red };
	for (const { severity, text, hint } of lines) {
		const indent = '         ';
		const [first = '', ...rest] = wrapText(text, output.width - indent.length);
		output.print(`  ${paint[severity](words[severity].padEnd(5))}  ${first}`);
		for (const line of rest) output.print(indent + line);
		if (hint === undefined) continue;
		for (const [i, line] of wrapText(hint, output.width - indent.length - 3).entries())
			output.print(`${indent}${i === 0 ? c.cyan('-> ') : '   '}${line}`);
	}
}
