/** Comma-separated values as RFC 4180 has them. How lines end is left to whoever writes them. Reading is not done here. */

/** One line without its end. Quoted where it must be: comma, quotation mark, line break, blanks at an end. */
export function csvLine(cells: readonly string[]): string {
	return cells.map((cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}
