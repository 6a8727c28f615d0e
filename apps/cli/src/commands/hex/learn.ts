/** `linac hex learn`: takes Nordic's MBR out of a hex file and keeps it, so that images for nRF52840 boards can be made from then on. */
import { platforms } from '@linac/catalog';
import { needsMbr } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { CommandFailure } from '../../failure.js';
import { keepMbr, readMbr } from '../image/mbr-store.js';

export interface LearnOptions {
	allow?: string[];
}

export async function hexLearn(context: Context, options: LearnOptions, files: string[]): Promise<ExitCode> {
	const { output } = context;
	const file = files[0]!;
	const platform = platforms.find(needsMbr)!;
	const mbr = await readMbr(context, file, platform);
	if (mbr.name === undefined && !options.allow?.includes('unknown-mbr')) {
		throw new CommandFailure(ExitCode.inputRefused, 'MBR_UNKNOWN', `${mbr.warnings[0]} Nothing was kept.`, {
			hint: 'Take the file from another source; or, if you know that it is right: --allow unknown-mbr.',
		});
	}
	const folder = await keepMbr(context, platform, mbr.bytes);
	const boards = platforms.filter(needsMbr).map((p) => p.displayName);
	output.document({ mbr: { name: mbr.name ?? null, sha256: mbr.sha256, size: mbr.bytes.length }, from: file, cache: folder });
	output.print(`Learned from ${file}: ${mbr.name ?? 'an MBR that linac does not know'}, ${mbr.bytes.length} bytes.`);
	output.print(`  SHA-256 ${mbr.sha256}${mbr.name === undefined ? '' : ', the one that is known'}`);
	output.paragraph(
		`Images can be made now for ${boards.join(', ')}. It is kept in the cache (${folder}) and goes with it to other computers.`,
		'  ',
	);
	return ExitCode.ok;
}
