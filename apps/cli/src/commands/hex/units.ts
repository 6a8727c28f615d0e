/**
 * `linac hex --units`: one image a unit, from a list. All rows are checked before the first file is written; the manifest comes last, so a
 * folder without one is not finished. After an interruption the same command makes it whole: files that are right stay.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { assert, problem, throwIfCancelled, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import {
	checkUnits,
	makeUnitHexes,
	parseUnits,
	type UnitFields,
	type UnitFile,
	type UnitHex,
	type Units,
	unitsManifest,
	unitsNeed,
} from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, usage } from '../../failure.js';
import { count, formatBytes, formatDuration } from '../../format.js';
import { readInputs } from '../../inputs.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { choicesFromOptions, platformOption, releaseOption, taken } from '../image/compose-options.js';
import { showParts } from '../image/show-parts.js';
import { showProblems } from '../image/show-problems.js';
import { unitFieldsOf } from '../image/unit-options.js';
import type { HexOptions } from './options.js';

const MANIFEST = 'manifest.json';
/** Files that are written at the same time. */
const AT_A_TIME = 6;

export async function hexUnits(context: Context, options: HexOptions, list: string): Promise<ExitCode> {
	const { output } = context;
	if (options.out === undefined) throw usage('Where do the images go?', 'Name a folder with --out FOLDER.');
	if ((options.layout ?? 'sorted') !== 'sorted')
		throw usage('Images of units are always in the default layout.', 'Leave out --layout.');
	const out = options.out;
	const units = await readUnits(context, list);
	const files = await readKeys(context, units, list);
	const defaults: UnitFields = (await unitFieldsOf(context, options)) ?? {};
	const platform = platformOption(options);
	const { moduleVersion } = releaseOption(platform, options);
	const allowRepeats = options.allow?.includes('repeated-keys') === true;
	// Everything in the list is judged before anything is downloaded for it.
	const checked = checkUnits(platform, moduleVersion, units, files, { defaults, allowRepeats });
	if (!checked.ok) throw refused(ExitCode.inputRefused, checked.problems);
	const hexes = makeUnitHexes(await choicesFromOptions(context, options));
	const { composed, of } = taken(hexes);
	const kept = new Set<string>();
	if (!options.force) {
		await refuseExisting(context, [join(out, MANIFEST)], false);
		const there = new Set(await namesIn(resolve(context.cwd, out)));
		const before = checked.value.filter((u) => there.has(`${u.name}.hex`));
		await keepFinished(context, of(before), out, kept);
	}

	const began = performance.now();
	const made = await writeAll(context, of(checked.value), checked.value.length, out, kept);
	const ms = performance.now() - began;
	await writeFiles(context, [
		{ path: join(out, MANIFEST), bytes: unitsManifest({ platform: platform.name, version: composed.version }, made) },
	]);
	const problems = [...hexes.problems, ...checked.problems];
	output.document({
		format: 'linac-hex-units/1',
		folder: out,
		manifest: join(out, MANIFEST),
		platform: platform.name,
		version: composed.version,
		units: made,
		notes: problems,
	});
	output.print(
		output.colors.bold(
			`${out}: ${count(made.length, 'image')} with Device OS ${composed.version} for the ${platform.displayName}`,
		),
	);
	output.print();
	showParts(output, composed.parts);
	output.print();
	showProblems(output, problems);
	const total = made.reduce((sum, f) => sum + f.size, 0);
	output.paragraph(
		`And two sectors with the settings of each unit. ${formatBytes(total)} in ${formatDuration(ms)}. ${join(out, MANIFEST)} has the SHA-256 of every file. ` +
			'The images hold private keys where the list has some: keep the folder as you keep the keys.',
		'  ',
	);
	return ExitCode.ok;
}

async function readUnits(context: Context, list: string): Promise<Units> {
	const [input] = await readInputs([list], context.cwd);
	if (input?.bytes === undefined) throw refused(ExitCode.inputRefused, input?.problems ?? []);
	const units = parseUnits(input.bytes, { file: list });
	if (!units.ok) throw refused(ExitCode.inputRefused, units.problems);
	return units.value;
}

/** The files that the list names, relative to the folder that the list is in. One that cannot be read is told with its row. */
async function readKeys(context: Context, units: Units, list: string): Promise<Map<string, Uint8Array>> {
	const files = new Map<string, Uint8Array>();
	for (const path of unitsNeed(units)) {
		const [input] = await readInputs([isAbsolute(path) ? path : join(dirname(list), path)], context.cwd);
		if (input?.bytes !== undefined) files.set(path, input.bytes);
	}
	return files;
}

async function namesIn(folder: string): Promise<string[]> {
	return readdir(folder).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT') return [];
		const message = `${folder} is no folder that can be read (${error.code}). Name another one with --out.`;
		throw refused(ExitCode.inputRefused, [problem('FOLDER_UNREADABLE', message, { file: folder })]);
	});
}

/**
 * What an interrupted run has left: a file that is what it should be stays, and any other is a reason to refuse before anything is written.
 * Names of the former are put into `kept`.
 */
async function keepFinished(context: Context, images: Iterable<UnitHex>, out: string, kept: Set<string>): Promise<void> {
	for (const { file, bytes } of images) {
		throwIfCancelled(context.signal);
		const there = await readFile(resolve(context.cwd, out, file));
		if (!there.equals(bytes)) await refuseExisting(context, [join(out, file)], false);
		kept.add(file);
	}
}

async function writeAll(
	context: Context,
	images: Iterable<UnitHex>,
	of: number,
	out: string,
	kept: ReadonlySet<string>,
): Promise<UnitFile[]> {
	const made: UnitFile[] = [];
	const writing = new Set<Promise<void>>();
	let next = 0;
	for (const { name, file, bytes } of images) {
		throwIfCancelled(context.signal);
		made.push({ unit: name, file, size: bytes.length, sha256: toHex(nodeDigests.sha256(bytes)) });
		if (kept.has(file)) continue;
		// A disk takes several files at a time faster than one after the other; more would only fill memory.
		const done: Promise<void> = writeFiles(context, [{ path: join(out, file), bytes }]).finally(() => writing.delete(done));
		writing.add(done);
		if (writing.size >= AT_A_TIME) await Promise.race(writing);
		if (performance.now() > next) {
			next = performance.now() + 200;
			if (context.output.live) context.output.raw(`\r\u001b[2K${made.length} of ${of} images`);
		}
	}
	await Promise.all(writing);
	if (context.output.live) context.output.raw('\r\u001b[2K');
	assert(made.length === of, 'every unit got its image');
	return made;
}
