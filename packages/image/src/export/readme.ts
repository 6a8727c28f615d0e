/** The page for the operator: what is in the folder, wiring, mode, commands, what a good run prints, and what to do when it does not. */
import { type Platform, type ProgrammingTool, rulesOf, toolFacts } from '@linac/catalog';
import { ascii } from './script.js';
import { wiring } from './swd-image.js';
import type { ExportDraft, ExportedFile, ExportManifest, ExportOptions } from './types.js';

const WIDTH = 78;

export function readme(
	platform: Platform,
	tool: ProgrammingTool,
	options: ExportOptions,
	draft: ExportDraft,
	files: ExportManifest['files'],
): ExportedFile {
	const { name, over } = toolFacts(tool);
	const { release, application } = options;
	const title = `${platform.displayName}: Device OS ${release.version} with ${name}`;
	const lines = [title, '='.repeat(title.length), ''];
	lines.push(
		...wrap(
			application
				? `Writes Device OS ${release.version} with everything that belongs to it, and the application (SHA-256 ${application.sha256.slice(0, 16)}...).`
				: `Writes Device OS ${release.version} with everything that belongs to it. There is no application: the board starts in safe mode (breathing magenta) and waits for one.`,
		),
	);
	const section = (heading: string, body: string[]) => lines.push('', heading, '-'.repeat(heading.length), ...body);
	section(
		'What is needed',
		draft.need.flatMap((text) => item(text)),
	);
	section(
		over === 'swd' ? 'Wiring and mode' : 'Wiring',
		over === 'swd' ? wiring(platform).flatMap((text) => item(text)) : item('A USB cable with data lines. SWD is not used.'),
	);
	section('Run', [
		...wrap('Linux, macOS:  sh program.sh'),
		...wrap('Windows:       program.cmd'),
		'',
		...wrap('Settings, as variables of the environment:'),
		...draft.script.variables.map((v) => `  ${v.name.padEnd(12)} ${v.meaning} Default: ${v.value === '' ? 'none' : v.value}`),
	]);
	section('The same by hand, in this order', draft.commands);
	section(
		'What a good run prints',
		draft.goodRun.flatMap((text) => item(text)),
	);
	section(
		'When it does not',
		draft.trouble.flatMap(([sign, remedy]) => [...item(sign), ...wrap(remedy).map((line) => `    ${line}`)]),
	);
	const before = [...draft.notes.map((n) => n.message), ...notesOf(platform, release.moduleVersion)];
	if (before.length > 0)
		section(
			'To know',
			before.flatMap((text) => item(text)),
		);
	section(
		'Files (SHA-256)',
		files.flatMap((f) => [`${f.sha256}  ${f.path}`]),
	);
	return { path: 'README.txt', bytes: ascii(`${lines.join('\n')}\n`) };
}

/** Rules about the release that the operator has to know, because nobody asks the board what is on it. */
function notesOf(platform: Platform, moduleVersion: number): string[] {
	const inside = (range: { from?: number; before?: number }) =>
		moduleVersion >= (range.from ?? 0) && moduleVersion < (range.before ?? Number.POSITIVE_INFINITY);
	return [
		...rulesOf('minimum', platform).filter((r) => moduleVersion < r.moduleVersion),
		...rulesOf('stepping-stone', platform).filter((r) => r.onlyIf === undefined && inside(r.target)),
	].map((r) => r.statement);
}

function item(text: string): string[] {
	return wrap(text, WIDTH - 2).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`));
}

function wrap(text: string, width = WIDTH): string[] {
	const out: string[] = [];
	let line = '';
	for (const word of text.split(' ')) {
		if (line !== '' && line.length + 1 + word.length > width) {
			out.push(line);
			line = word;
		} else line = line === '' ? word : `${line} ${word}`;
	}
	if (line !== '') out.push(line);
	return out;
}
