/**
 * `linac hex`: makes an image of a release, or puts an application into an image that is there, writes it, and proves it: the written bytes
 * are read back as a programmer reads them, and judged as a blank board would see them.
 */
import { asPlatform } from '@linac/catalog';
import { address, assert, equalBytes, type Problem, toHex, type Verdict } from '@linac/core';
import { type MemoryImage, parseIntelHex, writeIntelHex } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type ComposedImage, classicHex } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, usage } from '../../failure.js';
import { count, formatBytes } from '../../format.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { composeFromOptions, type ImageOptions } from '../image/compose-options.js';
import { partJson, showNotes, showParts } from '../image/show-parts.js';

export interface HexOptions extends ImageOptions {
	base?: string;
	layout?: string;
	out?: string;
	force?: boolean;
}

export async function hex(context: Context, options: HexOptions): Promise<ExitCode> {
	const layout = options.layout ?? 'sorted';
	if (layout !== 'sorted' && layout !== 'classic') throw usage(`--layout is either "sorted" or "classic", not "${layout}".`);
	const { composed, problems } = await composeFromOptions(context, options);
	const out = options.out ?? `${composed.platform}-${composed.version}.hex`;
	await refuseExisting(context, [out], options.force);
	const text = textOf(composed, layout);
	if (!text.ok) throw refused(ExitCode.inputRefused, text.problems);
	readBack(text.value, composed.image, layout === 'classic');
	await writeFiles(context, [{ path: out, bytes: text.value }]);
	report(context, {
		composed,
		out,
		bytes: new TextEncoder().encode(text.value),
		problems: [...problems, ...text.problems],
		layout,
	});
	return ExitCode.ok;
}

export function textOf(composed: ComposedImage, layout: 'sorted' | 'classic'): Verdict<string> {
	if (layout === 'classic') return classicHex(composed);
	return { ok: true, value: writeIntelHex(composed.image), problems: [] };
}

/** What was written is read again as a loader reads it. A difference is our own bug. The classic layout has stray bytes more. */
function readBack(text: string, image: MemoryImage, strays: boolean): void {
	const again = parseIntelHex(text);
	assert(again.ok, 'the file that was made can be read');
	for (const s of image.segments) {
		const bytes = again.value.image.read(s.start, s.bytes.length);
		assert(bytes && equalBytes(bytes, s.bytes), `what was written at ${address(s.start)} is what was meant`);
	}
	assert(strays || again.value.image.size === image.size, 'nothing was written that was not meant');
}

interface Made {
	composed: ComposedImage;
	out: string;
	bytes: Uint8Array;
	problems: readonly Problem[];
	layout: string;
}

function report(context: Context, made: Made): void {
	const { output } = context;
	const { composed, out, bytes, problems } = made;
	const platform = asPlatform(composed.platform);
	const sha256 = toHex(nodeDigests.sha256(bytes));
	output.document({
		format: 'linac-hex/1',
		file: out,
		size: bytes.length,
		sha256,
		layout: made.layout,
		platform: composed.platform,
		version: composed.version,
		parts: composed.parts.map(partJson),
		notes: problems,
	});
	output.print(output.colors.bold(`${out}: Device OS ${composed.version} for the ${platform.displayName}`));
	output.print();
	showParts(output, composed.parts);
	output.print();
	showNotes(output, problems);
	output.print(
		`  ${count(composed.parts.length, 'part')}, ${formatBytes(composed.image.size)} of memory; the file has ${formatBytes(bytes.length)}, SHA-256`,
	);
	output.print(`  ${sha256}`);
}
