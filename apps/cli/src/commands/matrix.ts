/** `linac matrix`: the tables of the catalogue on a terminal, as Markdown or as JSON. What stands in them is made in `@linac/catalog`. */
import { cellText, type MatrixName, type MatrixTable, matrixMarkdown, matrixNames, matrixTable } from '@linac/catalog';
import type { Context } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { usage } from '../failure.js';
import type { Output } from '../output.js';
import { wrapText } from '../table.js';

export interface MatrixOptions {
	platform?: string;
	format?: string;
}

export async function matrix(context: Context, options: MatrixOptions, args: string[]): Promise<ExitCode> {
	const { output } = context;
	const platform = options.platform === undefined ? undefined : platformNamed(options.platform);
	const tables = chosen(args[0]).map((name) => matrixTable(name, platform));
	output.document(Object.fromEntries(tables.map((table) => [table.name, table])));
	if (options.format === 'markdown') output.print(matrixMarkdown(tables).trimEnd());
	else
		for (const [i, table] of tables.entries()) {
			if (i > 0) output.print();
			print(output, table);
		}
	return ExitCode.ok;
}

function chosen(name: string | undefined): readonly MatrixName[] {
	if (name === undefined) return matrixNames;
	const found = matrixNames.find((n) => n === name.toLowerCase());
	if (!found) throw usage(`There is no table "${name}".`, `Tables: ${matrixNames.join(', ')}.`);
	return [found];
}

function print(output: Output, table: MatrixTable): void {
	output.print(output.colors.bold(table.title));
	output.print();
	if (table.rows.length === 0) output.print('  Nothing is known for this device.');
	else if (table.name === 'swd') list(output, table);
	else
		output.table(
			table.columns.map(({ title, short, align }) => ({
				title: output.width < 100 ? (short ?? title) : title,
				wrap: true,
				...(align ? { align } : {}),
			})),
			table.rows.map((row) => table.columns.map((c) => cellText(row.cells[c.key], marks))),
			'  ',
		);
	if (table.notes.length > 0) output.print();
	for (const [i, note] of table.notes.entries()) hanging(output, `[${i + 1}] `, note, '  ');
}

const marks = (numbers: readonly number[]) => ` [${numbers.join(', ')}]`;

/** Texts of this length make no table on any terminal: each device is a list of its own. */
function list(output: Output, table: MatrixTable): void {
	const [device, ...others] = table.columns;
	const width = Math.max(...others.map((c) => c.title.length)) + 2;
	for (const [i, row] of table.rows.entries()) {
		if (i > 0) output.print();
		output.print(`  ${output.colors.bold(cellText(row.cells[device!.key], marks))}`);
		for (const { key, title } of others) hanging(output, title.padEnd(width), cellText(row.cells[key], marks), '    ');
	}
}

/** A paragraph whose further lines stand below the first word behind `head`. */
function hanging(output: Output, head: string, text: string, indent: string): void {
	for (const [i, line] of wrapText(text, output.width - indent.length - head.length).entries())
		output.print(indent + (i === 0 ? head : ' '.repeat(head.length)) + line);
}
