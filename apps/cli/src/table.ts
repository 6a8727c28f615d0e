/**
 * Tables for people: aligned columns that fit the width of the terminal. The columns that may wrap give way first; nothing is cut
 * off, because what is cut off is what somebody needed. Not for machines: those read `--json`.
 */

export interface Column {
	title: string;
	align?: 'left' | 'right';
	/** May be broken into several lines when the table is too wide. `late`: only when breaking the others was not enough (names of files). */
	wrap?: boolean | 'late';
}

const ESC = '\u001b';
const colours = new RegExp(`${ESC}\\[[0-9;]*m`, 'g');
const plain = /^[\x20-\x7e]*$/;

/** Columns that a text takes on a terminal, colour codes not counted. */
export function visibleWidth(text: string): number {
	// Most text is plain; it is measured for every command's help, at every start.
	return plain.test(text) ? text.length : [...text.replace(colours, '')].length;
}

/** Breaks a text into lines of at most `width` columns, at spaces where there are any. Colour is kept on every line. */
export function wrapText(text: string, width: number): string[] {
	const lines: string[] = [];
	for (const paragraph of text.split('\n')) {
		// Leading spaces are somebody's indentation.
		const lead = /^ */.exec(paragraph)![0];
		let line = '';
		for (const word of paragraph.slice(lead.length).split(' ')) {
			let rest = line === '' && lead.length > 0 && lines.length === 0 ? lead + word : word;
			if (line !== '' && visibleWidth(line) + 1 + visibleWidth(rest) <= width) {
				line = `${line} ${rest}`;
				continue;
			}
			if (line !== '') lines.push(line);
			while (visibleWidth(rest) > width && !rest.includes(ESC)) {
				lines.push(rest.slice(0, width));
				rest = rest.slice(width);
			}
			line = rest;
		}
		lines.push(line);
	}
	return lines;
}

/** Smallest width that a wrapping column is squeezed to. */
const narrowest = 14;

/** Renders a table; `width` is that of the terminal, `paint` colours the titles. Returns lines without a newline at the end. */
export function renderTable(
	columns: readonly Column[],
	rows: readonly (readonly string[])[],
	options: { width: number; indent?: string; title?: (text: string) => string },
): string[] {
	const indent = options.indent ?? '';
	const paint = options.title ?? ((text: string) => text);
	const widths = columns.map((column, i) =>
		Math.max(visibleWidth(column.title), ...rows.map((row) => Math.max(...(row[i] ?? '').split('\n').map(visibleWidth)))),
	);
	const gaps = 2 * (columns.length - 1) + indent.length;
	let excess = widths.reduce((sum, w) => sum + w, gaps) - options.width;
	let stage: true | 'late' = true;
	while (excess > 0) {
		let widest = -1;
		columns.forEach((column, i) => {
			if (column.wrap === stage && widths[i]! > narrowest && (widest < 0 || widths[i]! > widths[widest]!)) widest = i;
		});
		if (widest < 0) {
			if (stage === 'late') break;
			stage = 'late';
			continue;
		}
		const others = columns.map((c, i) => (c.wrap === stage && i !== widest ? widths[i]! : 0));
		const cut = Math.max(1, Math.min(excess, widths[widest]! - Math.max(narrowest, ...others)));
		widths[widest] = widths[widest]! - cut;
		excess -= cut;
	}
	if (excess > 0) return stacked(columns, rows, options.width, indent, paint);
	const cell = (text: string, i: number) => {
		const pad = ' '.repeat(Math.max(0, widths[i]! - visibleWidth(text)));
		return columns[i]!.align === 'right' ? pad + text : text + pad;
	};
	const line = (cells: string[]) => (indent + cells.map(cell).join('  ')).trimEnd();
	const out = [line(columns.map((c) => paint(c.title)))];
	for (const row of rows) {
		const parts = columns.map((_, i) => wrapText(row[i] ?? '', widths[i]!));
		const height = Math.max(...parts.map((p) => p.length));
		for (let y = 0; y < height; y++) out.push(line(parts.map((p) => p[y] ?? '')));
	}
	return out;
}

/** For terminals that are too narrow for the table: each row as a little list of its own, with a blank line between. */
function stacked(
	columns: readonly Column[],
	rows: readonly (readonly string[])[],
	width: number,
	indent: string,
	paint: (text: string) => string,
): string[] {
	const label = Math.max(...columns.map((c) => visibleWidth(c.title)));
	const out: string[] = [];
	for (const [y, row] of rows.entries()) {
		if (y > 0) out.push('');
		for (const [i, column] of columns.entries()) {
			const value = row[i] ?? '';
			if (value === '') continue;
			const head = column.title + ' '.repeat(label - visibleWidth(column.title));
			wrapText(value, Math.max(narrowest, width - indent.length - label - 2)).forEach((line, n) => {
				out.push(`${indent}${n === 0 ? paint(head) : ' '.repeat(label)}  ${line}`);
			});
		}
	}
	return out;
}
