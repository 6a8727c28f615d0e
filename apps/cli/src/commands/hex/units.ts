/**
 * `linac hex --units`: one image a unit, from a list. All rows are checked before the first file is written; the manifest comes last, so a
 * folder without one is not finished, and the same command makes it whole.
 */
import { join } from 'node:path';
import { assert, throwIfCancelled, toHex } from '@linac/core';
import { hexRecords, joinHexRecords } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import {
	type CheckedUnit,
	checkUnits,
	composeImage,
	parseUnits,
	type UnitFields,
	type UnitFile,
	type Units,
	unitImages,
	unitsManifest,
	unitsNeed,
} from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, usage } from '../../failure.js';
import { count, formatBytes, formatDuration } from '../../format.js';
import { readInputs } from '../../inputs.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { type ComposedParts, composeFromOptions, platformOption, releaseOption } from '../image/compose-options.js';
import { showNotes, showParts } from '../image/show-parts.js';
import { unitFieldsOf } from '../image/unit-options.js';
import type { HexOptions } from './options.js';
import { prove } from './prove.js';

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
	const parts = await composeFromOptions(context, options);
	const { composed } = parts;
	const names = checked.value.map((u) => `${u.name}.hex`);
	await refuseExisting(
		context,
		[...names, MANIFEST].map((n) => join(out, n)),
		options.force,
	);

	const began = performance.now();
	const made = await writeAll(context, parts, checked.value, out);
	const ms = performance.now() - began;
	await writeFiles(context, [
		{ path: join(out, MANIFEST), bytes: unitsManifest({ platform: platform.name, version: composed.version }, made) },
	]);
	const problems = [...parts.problems, ...checked.problems];
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
	showNotes(output, problems);
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
		const [input] = await readInputs([join(list, '..', path)], context.cwd);
		if (input?.bytes !== undefined) files.set(path, input.bytes);
	}
	return files;
}

/** The first image is proved whole; the others have the same records but for the two sectors, which are proved to lie where nothing else does. */
async function writeAll(context: Context, parts: ComposedParts, units: readonly CheckedUnit[], out: string): Promise<UnitFile[]> {
	const { composed, platform, release, application } = parts;
	const records = composed.image.segments.map((s) => ({ start: s.start, bytes: hexRecords(s) }));
	const made: UnitFile[] = [];
	const writing = new Set<Promise<void>>();
	let next = 0;
	for (const { name, pieces } of unitImages(platform, composed.moduleVersion, units)) {
		throwIfCancelled(context.signal);
		const bytes = inOrder(records, pieces);
		if (made.length === 0) {
			const whole = composeImage({
				platform,
				release,
				...(application ? { application } : {}),
				dct: pieces,
				digests: nodeDigests,
			});
			if (!whole.ok) throw refused(ExitCode.inputRefused, whole.problems);
			prove(name, bytes, whole.value.image);
		}
		const file = `${name}.hex`;
		made.push({ unit: name, file, size: bytes.length, sha256: toHex(nodeDigests.sha256(bytes)) });
		// A disk takes several files at a time faster than one after the other; more would only fill memory.
		const done: Promise<void> = writeFiles(context, [{ path: join(out, file), bytes }]).finally(() => writing.delete(done));
		writing.add(done);
		if (writing.size >= AT_A_TIME) await Promise.race(writing);
		if (performance.now() > next) {
			next = performance.now() + 200;
			if (context.output.live) context.output.raw(`\r\u001b[2K${made.length} of ${units.length} images`);
		}
	}
	await Promise.all(writing);
	if (context.output.live) context.output.raw('\r\u001b[2K');
	assert(made.length === units.length, 'every unit got its image');
	return made;
}

/** By address, as the default layout is. */
function inOrder(
	records: readonly { start: number; bytes: Uint8Array }[],
	pieces: readonly { start: number; bytes: Uint8Array }[],
): Uint8Array {
	const all = [...records, ...pieces.map((p) => ({ start: p.start, bytes: hexRecords(p) }))];
	return joinHexRecords(all.sort((a, b) => a.start - b.start).map((r) => r.bytes));
}
