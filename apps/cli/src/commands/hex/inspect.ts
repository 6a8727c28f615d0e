/** `linac hex inspect`: what is in an image, drawn to scale, what is wrong with it, and what a blank board would miss. */
import {
	type DctContents,
	type ImageReading,
	type ImageVerdict,
	type MapTone,
	mapLegend,
	memoryMap,
	type ReadPart,
	renderMapSvg,
	renderMapText,
	settingsOf,
	verifyImage,
} from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { count, formatBytes } from '../../format.js';
import type { Output } from '../../output.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { verdictJson } from '../image/blank-board.js';
import { partJson } from '../image/show-parts.js';
import { showProblems } from '../image/show-problems.js';
import { type OpenOptions, openNamed } from './open.js';

export interface InspectOptions extends OpenOptions {
	svg?: string;
	force?: boolean;
	ascii?: boolean;
}

export async function hexInspect(context: Context, options: InspectOptions, files: string[]): Promise<ExitCode> {
	const { output } = context;
	const file = files[0]!;
	if (options.svg !== undefined) await refuseExisting(context, [options.svg], options.force);
	const { kind, reading } = await openNamed(context, file, options);
	const verdict = verifyImage(reading);
	const map = memoryMap(reading);
	if (options.svg !== undefined) await writeFiles(context, [{ path: options.svg, bytes: renderMapSvg(map) }]);
	const settings = settingsOf(reading);
	const damaged = reading.problems.some((p) => p.severity === 'error');
	output.document({
		format: 'linac-hex-inspect/1',
		file,
		kind,
		...about(reading),
		size: reading.image.size,
		damaged,
		parts: reading.parts.map(readPartJson),
		settings: settings?.fields ?? null,
		overlaps: reading.overlaps,
		gaps: reading.image.gaps(),
		blankBoard: verdictJson(verdict),
		problems: reading.problems,
		map: options.svg ?? null,
	});
	output.print(`${output.colors.bold(file)}: ${map.subtitle}`);
	output.print(
		`  ${formatBytes(reading.image.size)} in ${count(reading.image.segments.length, 'piece')}, ${kind === 'intel-hex' ? 'Intel HEX' : 'plain bytes'}`,
	);
	output.print();
	const ascii = options.ascii === true || !speaksUnicode(context);
	for (const line of renderMapText(map, { width: Math.min(output.width, 140), ascii, paint: painter(output) }))
		output.print(line);
	output.print();
	output.print(`  ${output.colors.dim(mapLegend({ ascii }))}`);
	output.print();
	showSettings(output, settings);
	showProblems(output, reading.problems);
	if (reading.problems.length > 0) output.print();
	showOutcome(output, reading, verdict);
	if (options.svg !== undefined) output.print(`  Drawn to ${options.svg}.`);
	return damaged ? ExitCode.inputRefused : ExitCode.ok;
}

/** Secrets are said to be there, and never shown. */
function showSettings(output: Output, settings: DctContents | undefined): void {
	if (!settings) return;
	const set = settings.fields.filter((f) => f.set);
	const words = set.map((f) => (f.value === undefined ? `${f.name} (not shown)` : `${f.name} ${f.value}`));
	output.paragraph(`Settings of one unit: ${words.length > 0 ? words.join(', ') : 'none, as on a new board'}.`, '  ');
	output.print();
}

/** One line about a blank board; "linac hex verify" says all of it. */
function showOutcome(output: Output, reading: ImageReading, verdict: ImageVerdict): void {
	if (!reading.platform) return;
	const board = `a blank ${reading.platform.displayName}`;
	const missing = verdict.missing.length > 0 ? ` It lacks: ${verdict.missing.join(', ')}.` : '';
	const what = verdict.ok
		? `With this, ${board} starts ${verdict.boots === 'listening' ? 'and waits in listening mode to be set up' : 'into its application'}.`
		: `With this, ${board} is not known to start into its application.${missing} "linac hex verify" says why.`;
	output.paragraph(verdict.ok ? output.colors.green(what) : output.colors.yellow(what), '  ');
}

export function about(reading: ImageReading): Record<string, unknown> {
	return {
		platform: reading.platform?.name ?? null,
		candidates: reading.candidates.map((p) => p.name),
		moduleVersion: reading.moduleVersion ?? null,
		release: reading.release?.version ?? null,
	};
}

function readPartJson(part: ReadPart): Record<string, unknown> {
	const { from: _from, ...json } = partJson(part);
	return {
		...json,
		state: part.state,
		note: part.note ?? null,
		...(part.registers ? { registers: part.registers } : {}),
	};
}

function painter(output: Output): (text: string, tone: MapTone) => string {
	const c = output.colors;
	const tones: Record<MapTone, (text: string) => string> = {
		title: c.bold,
		good: c.green,
		bad: c.red,
		doubt: c.yellow,
		quiet: c.dim,
	};
	return (text, tone) => tones[tone](text);
}

/** The first of these that is set decides (POSIX, 8.2); with none, today's terminals do. */
function speaksUnicode({ env }: Context): boolean {
	const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
	return (
		locale === undefined ||
		locale === '' ||
		/utf-?8/i.test(locale) ||
		env.TERM_PROGRAM !== undefined ||
		env.WT_SESSION !== undefined
	);
}
