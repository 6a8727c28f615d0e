import { expect, test } from 'vitest';
import { type MatrixTable, matrixMarkdown, matrixTable, matrixTables, platformByName, platforms, swdDevices } from './index.js';

/** The cells of a column by the texts of the first one. */
function row(table: MatrixTable, first: string): Record<string, string> {
	const key = table.columns[0]!.key;
	const found = table.rows.filter((r) => r.cells[key]!.text === first);
	expect(found, first).toHaveLength(1);
	return Object.fromEntries(
		Object.entries(found[0]!.cells).map(([k, c]) => [k, c.notes ? `${c.text} [${c.notes.join(', ')}]` : c.text]),
	);
}

// The component table of the page "Programming devices", cell by cell: device, platforms here, generation, system parts, bootloader, SoftDevice, NCP.
const components: [device: string, platforms: string[], string, string, string, string, string][] = [
	['Tracker', ['tracker'], 'Gen 3', '1', 'yes', 'yes', 'yes [2]'],
	['B-Series SoM', ['bsom', 'b5som'], 'Gen 3', '1', 'yes', 'yes', 'no'],
	['Boron', ['boron'], 'Gen 3', '1', 'yes', 'yes', 'no'],
	['Argon', ['argon'], 'Gen 3', '1', 'yes', 'yes', 'yes [1]'],
	['E-Series', ['electron'], 'Gen 2', '3', 'yes', 'no', 'no'],
	['Electron', ['electron'], 'Gen 2', '3', 'yes', 'no', 'no'],
	['P1', ['p1'], 'Gen 2', '2', 'yes', 'no', 'no'],
	['Photon', ['photon'], 'Gen 2', '2', 'yes', 'no', 'no'],
];

test.each(components)('the components of %s are those of the published table', (_device, names, ...cells) => {
	const table = matrixTable('components');
	for (const name of names) {
		const { generation, systemParts, bootloader, softDevice, ncp } = row(table, platformByName(name)!.displayName);
		const text = (ncp ?? '').replace(/\[\d+\]/, (mark) => noteNumber(table, Number(mark.slice(1, -1))));
		expect([generation, systemParts, bootloader, softDevice, text], name).toEqual(cells);
	}
});

/** Notes are numbered as they come up; the published numbers belong to these texts. */
function noteNumber(table: MatrixTable, number: number): string {
	const text = table.notes[number - 1] ?? '';
	if (/only one version of the Argon NCP/.test(text)) return '[1]';
	if (/Tracker NCP firmware was upgraded in Device OS 3\.0\.0/.test(text) && /[Nn]ever downgrade/.test(text)) return '[2]';
	return `[${text}]`;
}

// The file by mode table.
test.each([
	['Bootloader', 'All', 'yes', 'no [1]'],
	['NCP', 'Gen 3', 'yes', 'no'],
	['SoftDevice', 'Gen 3', 'yes', 'yes [2]'],
	['System parts', 'All', 'yes', 'yes [2]'],
	['User firmware', 'All', 'yes', 'yes [2]'],
])('%s goes into the modes of the published table', (file, generation, listening, dfu) => {
	expect(row(matrixTable('modes'), file)).toMatchObject({ generation, listening, dfu });
});

test('the notes of the file by mode table say what the published ones say, and then what linac does', () => {
	const [one, two, own, ...more] = matrixTable('modes').notes;
	expect(one).toMatch(/update flag in the DCT .* after a reset/);
	expect(two).toMatch(/listening mode .* DFU is more reliable.* reverse order.* restart too early .* over the air/);
	expect(own).toMatch(/nRF52840 .* note 1.* "--bootloader-by control"/);
	expect(more).toEqual([]);
});

// The programmer table. `undefined`: the page has no such column.
test.each([
	['Particle Debugger', 'yes', 'yes'],
	['SEGGER J-Link', 'yes', 'yes'],
	['ST-LINK/V2', 'yes', 'no'],
])('%s works with the generations of the published table', (programmer, gen2, gen3) => {
	const table = matrixTable('programmers');
	expect(table.columns.slice(1, 3).map((c) => c.title)).toEqual(['Gen 2', 'Gen 3']);
	expect(row(table, programmer)).toMatchObject({ stm32f2: gen2, nrf52840: gen3 });
});

test('an ST-LINK is not offered for RTL872x, the others only with the tools that can do it', () => {
	const table = matrixTable('programmers', platformByName('p2'));
	expect(table.columns.map((c) => c.key)).toEqual(['programmer', 'rtl872x']);
	expect(row(table, 'ST-LINK/V2').rtl872x).toBe('no');
	expect(row(table, 'Particle Debugger').rtl872x).toBe('yes [1]');
	expect(table.notes[0]).toContain('rtl872x.tcl');
});

// The SWD notes of the page, with its error put right: SWCLK of generation 2 is D6, not D5.
test('SWD of each device is where the published notes and the datasheets say', () => {
	const table = matrixTable('swd');
	const all = (title: string) => {
		const { device: _, ...cells } = row(table, table.rows.find((r) => r.cells.device!.text === title)!.cells.device!.text);
		return cells;
	};
	for (const title of ['Photon, P1', 'Electron, E-Series']) {
		expect(all(title)).toMatchObject({ swdio: 'D7 (PA13)', swclk: 'D6 (PA14)', reset: 'RST, optional' });
		expect(all(title).mode).toMatch(/^DFU mode/);
		expect(all(title).erase).toMatch(/never the whole chip/);
	}
	expect(all('Argon, Boron, Xenon')).toMatchObject({ access: expect.stringMatching(/^10-pin debug connector on the board/) });
	expect(all('Argon, Boron, Xenon').mode).toMatch(/^any mode/);
	expect(all('Tracker SoM').access).toMatch(/pads of the module; the 10-pin connector can go on your base board/);
	expect(all('Tracker One, Monitor One').access).toMatch(/inside the case and not fitted/);
	expect(all('B-Series SoM (B4xx, B5xx), A SoM, X SoM').access).toMatch(/pogo pins of the evaluation board/);
	expect(table.notes.join(' ')).toMatch(/warranty .* IP67/);
	expect(JSON.stringify(table)).not.toMatch(/\bD5\b/);
});

test('every platform that can be programmed by SWD has its pins, and what must not be erased', () => {
	for (const platform of platforms.filter((p) => p.mcu !== 'stm32f1')) {
		expect(swdDevices(platform).length, platform.name).toBeGreaterThan(0);
		const table = matrixTable('swd', platform);
		expect(table.rows.length, platform.name).toBe(swdDevices(platform).length);
		for (const { cells } of table.rows) expect(cells.erase!.text, platform.name).not.toBe('');
	}
	for (const name of ['p2', 'msom', 'trackerm'])
		expect(matrixTable('swd', platformByName(name)).notes.join(' '), name).toContain('never write at address 0');
});

test('with a platform only its rows, columns and notes are left', () => {
	const photon = platformByName('photon')!;
	const [components, modes, programmers, swd] = matrixTables(photon);
	expect(components!.rows.map((r) => r.platforms)).toEqual([['photon']]);
	expect(components!.notes).toEqual([]);
	expect(modes!.rows.map((r) => r.cells.file!.text)).toEqual(['Bootloader', 'System parts', 'User firmware']);
	expect(programmers!.columns.map((c) => c.title)).toEqual(['Programmer', 'Gen 2']);
	expect(swd!.rows).toHaveLength(1);
	for (const table of [components!, modes!, programmers!, swd!]) {
		const used = new Set(table.rows.flatMap((r) => Object.values(r.cells).flatMap((c) => c.notes ?? [])));
		expect([...used].sort()).toEqual(table.notes.map((_, i) => i + 1));
	}
});

test('as Markdown every table has as many cells in each line as it has columns', () => {
	const text = matrixMarkdown(matrixTables());
	for (const section of text.split(/^## /m).slice(1)) {
		const lines = section.split('\n').filter((l) => l.startsWith('|'));
		const widths = new Set(lines.map((l) => l.split(/(?<!\\)\|/).length));
		expect(lines.length).toBeGreaterThan(3);
		expect(widths.size, section.slice(0, 30)).toBe(1);
	}
});
