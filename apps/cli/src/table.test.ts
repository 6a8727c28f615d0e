import { expect, test } from 'vitest';
import { renderTable, visibleWidth, wrapText } from './table.js';

const columns = [{ title: 'Name' }, { title: 'Size', align: 'right' as const }, { title: 'Why', wrap: true }];
const rows = [
	['boron', '12', 'It is there because the new system part needs it before it can start.'],
	['p2', '1234567', 'Short.'],
];

test('columns stand under their titles, numbers to the right', () => {
	const lines = renderTable(columns, rows, { width: 200 });
	expect(lines).toEqual([
		'Name      Size  Why',
		'boron       12  It is there because the new system part needs it before it can start.',
		'p2     1234567  Short.',
	]);
});

test('a table that is too wide breaks its wrapping column into lines and loses no word', () => {
	for (const width of [40, 50, 60, 80]) {
		const lines = renderTable(columns, rows, { width });
		for (const line of lines) expect(visibleWidth(line)).toBeLessThanOrEqual(width);
		const words = lines.join(' ').split(/\s+/);
		for (const word of rows.flat().join(' ').split(' ')) expect(words).toContain(word);
	}
});

test('colour codes take no room', () => {
	const red = '\u001b[31mbad\u001b[39m';
	expect(visibleWidth(red)).toBe(3);
	const lines = renderTable(
		[{ title: 'A' }, { title: 'B' }],
		[
			[red, 'x'],
			['good', 'y'],
		],
		{ width: 80 },
	);
	expect(lines[1]).toBe(`${red}   x`);
	expect(lines[2]).toBe('good  y');
});

test('a word that is longer than the line is broken rather than lost', () => {
	expect(wrapText('abcdefghij kl', 4)).toEqual(['abcd', 'efgh', 'ij', 'kl']);
});

test('names of files are broken only when breaking the rest was not enough', () => {
	const files = [
		{ title: 'File', wrap: 'late' as const },
		{ title: 'Why', wrap: true },
	];
	const row = ['electron-bootloader@2.2.0+lto.bin', 'The bootloader that is there is older than this one.'];
	expect(renderTable(files, [row], { width: 60 })[1]).toContain(row[0]);
	for (const line of renderTable(files, [row], { width: 40 })) expect(visibleWidth(line)).toBeLessThanOrEqual(40);
});

test('a terminal that is too narrow for the table gets a list for each row, within its width and with every word', () => {
	const wide = [{ title: 'Device' }, { title: 'Device id' }, { title: 'On it', wrap: true }];
	const two = [
		['Boron', 'e00fce68e7387b1e60726e2d', 'bootloader 1101, system-part1 4005'],
		['Photon', '210205401142332a40234bc1', 'bootloader 502'],
	];
	const lines = renderTable(wide, two, { width: 40 });
	expect(lines).toEqual([
		'Device     Boron',
		'Device id  e00fce68e7387b1e60726e2d',
		'On it      bootloader 1101, system-part1',
		'           4005',
		'',
		'Device     Photon',
		'Device id  210205401142332a40234bc1',
		'On it      bootloader 502',
	]);
});
