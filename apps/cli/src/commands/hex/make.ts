/**
 * `linac hex`: makes an image of a release, or puts an application into an image that is there, proves it, and writes it. Images for a list of
 * units are in units.ts.
 */
import type { Platform } from '@linac/catalog';
import { type Problem, toHex } from '@linac/core';
import { type MemoryImage, writeIntelHexBytes } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { buildDct, classicHex, type ImagePart, type ImageVerdict } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, usage } from '../../failure.js';
import { count, formatBytes } from '../../format.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { composeFromOptions } from '../image/compose-options.js';
import { partJson, showNotes, showParts } from '../image/show-parts.js';
import { unitFieldsOf } from '../image/unit-options.js';
import { rebaseFromOptions } from './base.js';
import type { HexOptions } from './options.js';
import { prove } from './prove.js';
import { hexUnits } from './units.js';

interface Made {
	platform: Platform;
	version: string;
	parts: readonly ImagePart[];
	image: MemoryImage;
	bytes: Uint8Array;
	problems: readonly Problem[];
	layout: 'sorted' | 'classic';
	/** What gave way to the application, with `--base`. */
	replaced?: readonly ImagePart[];
}

export async function hex(context: Context, options: HexOptions): Promise<ExitCode> {
	const layout = options.layout ?? 'sorted';
	if (layout !== 'sorted' && layout !== 'classic') throw usage(`--layout is either "sorted" or "classic", not "${layout}".`);
	if (options.units !== undefined) {
		if (options.base !== undefined) throw usage('A list of units is for images of a release, not for --base.');
		return hexUnits(context, options, options.units);
	}
	const made =
		options.base === undefined ? await compose(context, options, layout) : await rebase(context, options, options.base);
	const out = options.out ?? `${made.platform.name}-${made.version}.hex`;
	await refuseExisting(context, [out], options.force);
	const unknownMbr = options.allow?.includes('unknown-mbr') === true;
	const verdict = prove(out, made.bytes, made.image, { strays: layout === 'classic', unknownMbr });
	await writeFiles(context, [{ path: out, bytes: made.bytes }]);
	report(context, made, out, verdict);
	return ExitCode.ok;
}

async function compose(context: Context, options: HexOptions, layout: 'sorted' | 'classic'): Promise<Made> {
	const fields = await unitFieldsOf(context, options);
	const { composed, platform, problems } = await composeFromOptions(context, options, (release, of) => {
		if (!fields) return {};
		const dct = buildDct(of, release.moduleVersion, fields);
		if (!dct.ok) throw refused(ExitCode.inputRefused, dct.problems);
		return { dct: dct.value };
	});
	const made = { platform, version: composed.version, parts: composed.parts, image: composed.image, layout };
	if (layout === 'sorted') return { ...made, bytes: writeIntelHexBytes(composed.image), problems };
	const text = classicHex(composed);
	if (!text.ok) throw refused(ExitCode.inputRefused, text.problems);
	return { ...made, bytes: new TextEncoder().encode(text.value), problems: [...problems, ...text.problems] };
}

async function rebase(context: Context, options: HexOptions, base: string): Promise<Made> {
	if (await unitFieldsOf(context, options)) throw usage('Settings of a unit are for images of a release, not for --base.');
	const { platform, version, rebased, problems } = await rebaseFromOptions(context, options, base);
	const { image, parts, replaced } = rebased;
	return { platform, version, parts, image, bytes: writeIntelHexBytes(image), problems, layout: 'sorted', replaced };
}

function report(context: Context, made: Made, out: string, verdict: ImageVerdict): void {
	const { output } = context;
	const { platform, version, parts, image, bytes, problems } = made;
	const sha256 = toHex(nodeDigests.sha256(bytes));
	const starts = { ok: verdict.ok, boots: verdict.boots, reasons: verdict.reasons, missing: verdict.missing };
	output.document({
		format: 'linac-hex/1',
		file: out,
		size: bytes.length,
		sha256,
		layout: made.layout,
		platform: platform.name,
		version,
		parts: parts.map(partJson),
		...(made.replaced ? { replaced: made.replaced.map(partJson) } : {}),
		blankBoard: starts,
		notes: problems,
	});
	output.print(output.colors.bold(`${out}: Device OS ${version} for the ${platform.displayName}`));
	output.print();
	showParts(output, parts);
	output.print();
	for (const r of made.replaced ?? []) output.print(`  Replaced: ${r.name} ${r.version ?? ''} (${formatBytes(r.bytes.length)}).`);
	showNotes(output, problems);
	output.paragraph(
		`${verdict.ok ? output.colors.green('Checked:') : output.colors.yellow('Mind:')} ${blankBoard(verdict, platform)}`,
		'  ',
	);
	const [memory, text] = [formatBytes(image.size), formatBytes(bytes.length)];
	output.print(`  ${count(parts.length, 'part')}, ${memory} of memory; the file has ${text}, SHA-256`);
	output.print(`  ${sha256}`);
}

function blankBoard(verdict: ImageVerdict, platform: Platform): string {
	const why = verdict.reasons.join(' ');
	const words: Record<ImageVerdict['boots'], string> = {
		normal: 'starts its application',
		listening: 'starts into listening mode',
		safe: 'starts in safe mode',
		dfu: 'stays in DFU mode',
		dead: 'does not start',
	};
	return `read back; a blank ${platform.displayName} ${words[verdict.boots]} with it. ${why}`;
}
