/** Comma-separated values as RFC 4180 has them, except that lines end as this output's other lines do. */

/** One line without its end. Quoted where it must be: comma, quotation mark, line break, blanks at an end. */
export function csvLine(cells: readonly string[]): string {
	return cells.map((cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}
