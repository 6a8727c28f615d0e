/** `linac hex convert`: an image from one form into another: Intel HEX, plain bytes with a base address, a folder of module files. */

import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { address, type Problem, toHex, type Verdict } from '@linac/core';
import { type MemoryImage, type Region, writeIntelHexBytes } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type FolderFile, filesToImage, imageToFiles, imageToFlat, readImage, selectRange, verifyImage } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNamed } from '../../facts.js';
import { refused, usage } from '../../failure.js';
import { formatBytes } from '../../format.js';
import { readInputs } from '../../inputs.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { showProblems } from '../image/show-problems.js';
import { type OpenOptions, openNamed, parseAddress } from './open.js';

export interface ConvertOptions extends OpenOptions {
	out?: string;
	range?: string;
	fill?: string;
	force?: boolean;
}

interface Opened {
	kind: 'intel-hex' | 'binary' | 'folder';
	image: MemoryImage;
	problems: Problem[];
}

interface Made {
	kind: 'intel-hex' | 'binary' | 'folder';
	files: (FolderFile & { path: string })[];
	/** Of plain bytes: address of the first one, and how many are filler. */
	base?: number;
	filler?: number;
	problems: Problem[];
}

export async function hexConvert(context: Context, options: ConvertOptions, inputs: string[]): Promise<ExitCode> {
	const { output } = context;
	const input = inputs[0]!;
	const out = options.out;
	if (out === undefined)
		throw usage('Where does it go?', 'Name it with -o: FILE.hex, FILE.bin, or FOLDER/ with a slash at the end.');
	const kind = outputKind(out);
	const fill = options.fill === undefined ? undefined : parseFill(options.fill);
	if (fill !== undefined && kind !== 'binary') throw usage('--fill is for plain bytes (.bin): the other forms have no filler.');
	const opened = await open(context, input, options);
	const range = options.range === undefined ? undefined : parseRange(options.range);
	const image = range && kind !== 'binary' ? unwrapped(selectRange(opened.image, range)) : opened.image;
	const made = make(image, { kind, out, input, options, fill, range });
	await refuseExisting(
		context,
		made.files.map((f) => f.path),
		options.force,
	);
	await writeFiles(context, made.files);
	const problems = [...opened.problems, ...made.problems, ...whatItIsNot(opened, made)];
	const files = made.files.map((f) => ({
		file: f.path,
		size: f.bytes.length,
		sha256: toHex(nodeDigests.sha256(f.bytes)),
		note: f.note ?? null,
	}));
	output.document({
		format: 'linac-hex-convert/1',
		input: { file: input, kind: opened.kind },
		output: { kind: made.kind, base: made.base ?? null, filler: made.filler ?? null, files },
		problems,
	});
	output.print(`${output.colors.bold(out)}: made from ${input}`);
	if (made.kind === 'folder') {
		output.table(
			[{ title: 'File' }, { title: 'Size', align: 'right' }, { title: '', wrap: true }],
			made.files.map((f) => [f.name, formatBytes(f.bytes.length), f.note ?? '']),
			'  ',
		);
	} else {
		const size = made.files[0]!.bytes.length;
		const from = made.base === undefined ? '' : `, the first byte belongs to ${address(made.base)}`;
		const filler = made.filler ? `; ${made.filler} bytes are filler` : '';
		output.print(`  ${formatBytes(size)} (${size} bytes)${from}${filler}`);
	}
	showProblems(output, problems);
	return ExitCode.ok;
}

function outputKind(out: string): Made['kind'] {
	if (/[\\/]$/.test(out)) return 'folder';
	if (/\.hex$/i.test(out)) return 'intel-hex';
	if (/\.bin$/i.test(out)) return 'binary';
	throw usage(
		`It cannot be told from "${out}" what to make.`,
		'End it with .hex, .bin, or, for a folder of module files, with a slash.',
	);
}

async function open(context: Context, input: string, options: ConvertOptions): Promise<Opened> {
	const folder = await stat(resolve(context.cwd, input)).then(
		(s) => s.isDirectory(),
		() => false,
	);
	if (!folder) {
		const { kind, reading } = await openNamed(context, input, options);
		if (reading.overlaps.length > 0) {
			const overlaps = reading.problems.filter((p) => p.code === 'IMAGE_OVERLAP');
			throw refused(ExitCode.inputRefused, overlaps, `"linac hex inspect ${input}" shows what is in it. Nothing was written.`);
		}
		return { kind, image: reading.image, problems: reading.problems.filter((p) => p.severity !== 'info') };
	}
	if (options.base !== undefined) throw usage('--base is for a file of plain bytes: modules have their addresses in them.');
	const inputs = await readInputs([input], context.cwd);
	const unread = inputs.flatMap((i) => i.problems);
	if (unread.length > 0) throw refused(ExitCode.inputRefused, unread);
	// Lists and notes that stand beside the modules are none of this command's business.
	const files = inputs.filter((i) => /\.(bin|hex)$/i.test(i.name)).map((i) => ({ name: i.name, bytes: i.bytes! }));
	const image = filesToImage(files, nodeDigests);
	if (!image.ok) throw refused(ExitCode.inputRefused, image.problems, 'Nothing was written.');
	return { kind: 'folder', image: image.value, problems: image.problems };
}

interface Wanted {
	kind: Made['kind'];
	out: string;
	input: string;
	options: ConvertOptions;
	fill: number | undefined;
	range: Region | undefined;
}

function make(image: MemoryImage, { kind, out, input, options, fill, range }: Wanted): Made {
	if (kind === 'intel-hex') {
		const bytes = writeIntelHexBytes(image);
		return { kind, files: [{ name: out, path: out, bytes }], problems: [] };
	}
	if (kind === 'binary') {
		const flat = unwrapped(imageToFlat(image, { ...(range ? { range } : {}), ...(fill === undefined ? {} : { fill }) }));
		return { kind, files: [{ name: out, path: out, bytes: flat.bytes }], base: flat.base, filler: flat.filler, problems: [] };
	}
	const platform = options.platform === undefined ? undefined : platformNamed(options.platform);
	const reading = readImage(image, { file: input, digests: nodeDigests, ...(platform ? { platform } : {}) });
	const files = imageToFiles(reading);
	if (!files.ok) throw refused(ExitCode.inputRefused, files.problems);
	return { kind, files: files.value.map((f) => ({ ...f, path: join(out, f.name) })), problems: files.problems };
}

/** A folder of modules becomes an image of those modules, and mostly of nothing else. */
function whatItIsNot(opened: Opened, made: Made): Problem[] {
	if (opened.kind !== 'folder' || made.kind === 'folder') return [];
	const { missing } = verifyImage(readImage(opened.image, { digests: nodeDigests }));
	if (missing.length === 0) return [];
	const message = `It holds what the folder holds and is no restore image: a blank board misses ${missing.join(', ')}. linac hex makes whole ones.`;
	return [{ code: 'NOT_A_RESTORE_IMAGE', severity: 'warning', message }];
}

/** `0x0-0x100000`: the second address is the first one behind the range. */
function parseRange(text: string): Region {
	const [start, end, ...more] = text.split('-');
	if (start === undefined || end === undefined || more.length > 0) {
		throw usage(`--range ${text} is no range. Write it as 0x0-0x100000; the second address is the first one behind it.`);
	}
	return { start: parseAddress(start, '--range'), end: parseAddress(end, '--range') };
}

function parseFill(text: string): number {
	if (/^(0x)?[0-9a-f]{1,2}$/i.test(text)) return Number.parseInt(text.replace(/^0x/i, ''), 16);
	throw usage(`--fill ${text} is no byte. Write two hex digits, such as ff or 00.`);
}

function unwrapped<T>(verdict: Verdict<T>): T {
	if (!verdict.ok) throw refused(ExitCode.inputRefused, verdict.problems, 'Nothing was written.');
	return verdict.value;
}
