/**
 * The tables of Particle's page "Programming devices" from the facts: components by device, file by mode, programmer by generation, and
 * how each device is reached by SWD. Pure: rows of cells with notes, for whoever prints them. What linac does with the facts is the
 * planner's business.
 */
import { platforms } from './platforms.js';
import { rules } from './rules.js';
import { type SwdMcu, swdFacts } from './swd-facts.js';
import type { Platform } from './types.js';

export type MatrixName = 'components' | 'modes' | 'programmers' | 'swd';
export const matrixNames: readonly MatrixName[] = ['components', 'modes', 'programmers', 'swd'];

export interface MatrixColumn {
	key: string;
	title: string;
	/** For narrow places. */
	short?: string;
	align?: 'right';
}

/** `works` where the cell answers a question; `notes` are numbers into the table's notes, from 1. */
export interface MatrixCell {
	text: string;
	works?: boolean;
	notes?: number[];
}

export interface MatrixRow {
	/** Names of the platforms that the row is about; absent: all. */
	platforms?: string[];
	cells: Record<string, MatrixCell>;
}

export interface MatrixTable {
	name: MatrixName;
	title: string;
	columns: MatrixColumn[];
	rows: MatrixRow[];
	notes: string[];
	/** Where the facts were read. */
	source: string;
}

/** Numbers notes in the order in which they are first used, each text once. */
class Notes {
	readonly texts: string[] = [];

	use(text: string | undefined): { notes?: number[] } {
		if (text === undefined) return {};
		let at = this.texts.indexOf(text);
		if (at < 0) at = this.texts.push(text) - 1;
		return { notes: [at + 1] };
	}

	useAll(texts: readonly string[]): { notes?: number[] } {
		const numbers = texts.flatMap((text) => this.use(text).notes ?? []);
		return numbers.length > 0 ? { notes: numbers } : {};
	}
}

const answer = (works: boolean): MatrixCell => ({ text: works ? 'yes' : 'no', works });

/** One table; with a platform, only what is about it, and only the notes that are left. */
export function matrixTable(name: MatrixName, platform?: Platform): MatrixTable {
	switch (name) {
		case 'components':
			return componentsTable(platform);
		case 'modes':
			return modesTable(platform);
		case 'programmers':
			return programmersTable(platform);
		case 'swd':
			return swdTable(platform);
	}
}

/** All four tables. */
export function matrixTables(platform?: Platform): MatrixTable[] {
	return matrixNames.map((name) => matrixTable(name, platform));
}

function componentsTable(only: Platform | undefined): MatrixTable {
	const notes = new Notes();
	const rows = platforms
		.filter((p) => only === undefined || p.name === only.name)
		.map((p): MatrixRow => {
			const { systemParts, bootloader, softDevice, ncp, ncpNote, notes: texts } = p.components;
			return {
				platforms: [p.name],
				cells: {
					device: { text: p.displayName, ...notes.useAll(texts) },
					platform: { text: p.name },
					generation: { text: `Gen ${p.generation}` },
					systemParts: { text: String(systemParts) },
					bootloader: answer(bootloader),
					softDevice: answer(softDevice),
					ncp: { ...answer(ncp), ...notes.use(ncpNote) },
				},
			};
		});
	return {
		name: 'components',
		title: 'Components by device',
		columns: [
			{ key: 'device', title: 'Device' },
			{ key: 'platform', title: 'Platform' },
			{ key: 'generation', title: 'Generation', short: 'Gen.' },
			{ key: 'systemParts', title: 'System parts', short: 'Parts', align: 'right' },
			{ key: 'bootloader', title: 'Bootloader' },
			{ key: 'softDevice', title: 'SoftDevice' },
			{ key: 'ncp', title: 'NCP' },
		],
		rows,
		notes: notes.texts,
		source: 'Programming devices (component table and its notes); data/platforms/*.json',
	};
}

const linacWay = { control: 'control requests to the running Device OS', dfu: 'DFU' } as const;

function modesTable(only: Platform | undefined): MatrixTable {
	const { table } = rules().fileByMode;
	const notes = new Notes();
	const noted = (number: number | undefined) => notes.use(number === undefined ? undefined : table.notes[number - 1]);
	const has = (component: 'softDevice' | 'ncp' | undefined) =>
		only === undefined || component === undefined || only.components[component];
	const shown = table.rows.filter((row) => has(row.component));
	// The page's own notes first, numbered as it numbers them.
	for (const row of shown) for (const mode of [row.listening, row.dfu]) noted(mode.note);
	return {
		name: 'modes',
		title: 'File by mode',
		columns: [
			{ key: 'file', title: 'File' },
			{ key: 'generation', title: 'Generation' },
			{ key: 'listening', title: 'Listening' },
			{ key: 'dfu', title: 'DFU' },
			{ key: 'linac', title: 'How linac sends it' },
		],
		rows: shown.map((row) => ({
			cells: {
				file: { text: row.file },
				generation: { text: row.generation },
				listening: { ...answer(row.listening.works), ...noted(row.listening.note) },
				dfu: { ...answer(row.dfu.works), ...noted(row.dfu.note) },
				linac: { text: linacWay[row.linac], ...noted(row.linacNote) },
			},
		})),
		notes: notes.texts,
		source: table.source,
	};
}

function programmersTable(only: Platform | undefined): MatrixTable {
	const { programmers, mcus } = swdFacts();
	const notes = new Notes();
	const columns = (Object.keys(mcus) as SwdMcu[]).filter((mcu) => only === undefined || only.mcu === mcu);
	return {
		name: 'programmers',
		title: 'Programmer by generation',
		columns: [{ key: 'programmer', title: 'Programmer' }, ...columns.map((key) => ({ key, title: mcus[key].title }))],
		rows: programmers.map((p) => ({
			cells: {
				programmer: { text: p.name },
				...Object.fromEntries(columns.map((mcu) => [mcu, { ...answer(p.works[mcu]), ...notes.use(p.notes[mcu]) }])),
			},
		})),
		notes: notes.texts,
		source: 'Programming devices (programmer table); docs: Using SWD/JTAG',
	};
}

function swdTable(only: Platform | undefined): MatrixTable {
	const { devices, modes, mcus, connectors } = swdFacts();
	const notes = new Notes();
	return {
		name: 'swd',
		title: 'SWD by device',
		columns: [
			{ key: 'device', title: 'Device' },
			{ key: 'access', title: 'Access' },
			{ key: 'swdio', title: 'SWDIO' },
			{ key: 'swclk', title: 'SWCLK' },
			{ key: 'reset', title: 'RESET' },
			{ key: 'mode', title: 'Mode' },
			{ key: 'erase', title: 'Erasing' },
		],
		rows: devices
			.filter((d) => only === undefined || d.platforms.includes(only.name))
			.map((d): MatrixRow => {
				const mode = modes[d.mode];
				const mcu = platforms.find((p) => d.platforms.includes(p.name))!.mcu as SwdMcu;
				const how = [mode.why, mode.how, mode.otherwise].filter((text) => text !== '').join(' ');
				const connector = connectors[d.connector];
				return {
					platforms: [...d.platforms],
					cells: {
						device: { text: d.title, ...notes.useAll(d.notes) },
						access: { text: d.access, ...notes.use(connector && `The ${connector.name}: ${connector.pins}.`) },
						swdio: { text: d.swdio },
						swclk: { text: d.swclk },
						reset: { text: d.reset },
						mode: { text: mode.name, ...notes.use(how) },
						erase: { text: erasing[mcus[mcu].chipErase], ...notes.use(mcus[mcu].neverErase) },
					},
				};
			}),
		notes: notes.texts,
		source: 'Programming devices (SWD notes); docs: Using SWD/JTAG; datasheets; data/swd.json',
	};
}

const erasing = {
	safe: 'whole chip is safe',
	'loses-settings': 'never the whole chip',
	never: 'never the chip, never address 0',
};

/** `yes [1]`: a cell as text, with its notes behind it. */
export function cellText(cell: MatrixCell | undefined, mark: (numbers: readonly number[]) => string): string {
	if (!cell) return '';
	return cell.notes === undefined ? cell.text : `${cell.text}${mark(cell.notes)}`;
}

/** Tables as Markdown, ending with a newline. Bars inside of cells are escaped. */
export function matrixMarkdown(tables: readonly MatrixTable[]): string {
	const cellOf = (text: string) => text.replaceAll('|', '\\|');
	return tables
		.map((table) => {
			const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
			const rows = table.rows.map((row) =>
				line(table.columns.map((c) => cellOf(cellText(row.cells[c.key], (n) => ` <sup>${n.join(', ')}</sup>`)))),
			);
			return [
				`## ${table.title}`,
				'',
				line(table.columns.map((c) => c.title)),
				line(table.columns.map((c) => (c.align === 'right' ? '---:' : ':---'))),
				...rows,
				'',
				...table.notes.flatMap((note, i) => [`<sup>${i + 1}</sup> ${note}`, '']),
				`Source: ${table.source}.`,
				'',
			].join('\n');
		})
		.join('\n');
}
