/**
 * Comma-separated values as RFC 4180 has them: quotes, quoted line breaks, CRLF or LF, a byte order mark, UTF-8. Every cell knows its line
 * and column, so that a message can point at it. What the columns mean stands in parse-units.ts.
 */
import { bad, good, type Problem, problem, type Verdict } from '@linac/core';

export interface CsvCell {
	text: string;
	/** Of the file, from 1: where the cell begins. */
	line: number;
	/** From 1: the cell's number in its row. */
	column: number;
}

/** @returns the rows, without empty lines; refused with `CSV_ENCODING` or `CSV_SYNTAX` */
export function parseCsv(bytes: Uint8Array, file: string): Verdict<CsvCell[][]> {
	let text: string;
	try {
		text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		const message = `${file}, line ${badUtf8Line(bytes)}: not UTF-8. Save it as "CSV UTF-8" and try again.`;
		return bad(problem('CSV_ENCODING', message, { file }));
	}
	const rows: CsvCell[][] = [];
	let row: CsvCell[] = [];
	let line = 1;
	let at = 0;
	const wrong = (column: number, why: string) =>
		bad(
			problem('CSV_SYNTAX', `${file}, line ${line}, column ${column}: ${why}`, { file, found: `line ${line}, column ${column}` }),
		);
	while (at < text.length) {
		const column = row.length + 1;
		const start = line;
		let cell: string;
		if (text[at] === '"') {
			cell = '';
			for (at++; ; ) {
				const quote = text.indexOf('"', at);
				if (quote < 0) return wrong(column, 'the quotation mark that opens this cell is never closed.');
				cell += text.slice(at, quote);
				at = quote + 1;
				if (text[at] !== '"') break;
				cell += '"';
				at++;
			}
			line += cell.split('\n').length - 1;
			if (at < text.length && !',\r\n'.includes(text[at]!)) {
				return wrong(column, 'behind a closing quotation mark there must be a comma or the end of the line.');
			}
		} else {
			let end = at;
			while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end++;
			cell = text.slice(at, end);
			at = end;
			if (cell.includes('"'))
				return wrong(column, 'a quotation mark in a cell that does not begin with one. Put the cell in quotes.');
		}
		row.push({ text: cell, line: start, column });
		if (text[at] === ',') {
			at++;
			if (at < text.length) continue;
			// The file ends with a comma: there is one more cell.
			row.push({ text: '', line, column: column + 1 });
		}
		if (text[at] === '\r' && text[at + 1] !== '\n') return wrong(column, 'a carriage return without a line feed.');
		at += text[at] === '\r' ? 2 : 1;
		line++;
		if (row.length > 1 || row[0]!.text !== '') rows.push(row);
		row = [];
	}
	return good(rows);
}

/** The line with the first byte that is not UTF-8. */
function badUtf8Line(bytes: Uint8Array): number {
	let line = 1;
	for (let from = 0; from < bytes.length; ) {
		const feed = bytes.indexOf(0x0a, from);
		const end = feed < 0 ? bytes.length : feed;
		try {
			new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(from, end));
		} catch {
			return line;
		}
		line++;
		from = end + 1;
	}
	return line;
}

/** Points a problem at the cell that it comes from. */
export function atCell(found: Problem, file: string, cell: CsvCell): Problem {
	return { ...found, file, message: `${file}, line ${cell.line}, column ${cell.column}: ${found.message}` };
}
