/** `linac hex verify`: whether a blank board would start with an image, and why not. */
import { type Allowed, blankBoardHeadline, type ImageReading, verifyImage } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { usage } from '../../failure.js';
import { verdictJson } from '../image/blank-board.js';
import { showProblems } from '../image/show-problems.js';
import { about } from './inspect.js';
import { type OpenOptions, openNamed } from './open.js';

export interface VerifyOptions extends OpenOptions {
	allow?: string[];
}

const permissions: readonly Allowed[] = ['unknown-mbr', 'unknown-softdevice'];

export async function hexVerify(context: Context, options: VerifyOptions, files: string[]): Promise<ExitCode> {
	const { output } = context;
	const file = files[0]!;
	const allow = (options.allow ?? []).map((name) => {
		const known = permissions.find((p) => p === name);
		if (!known) throw usage(`--allow takes ${permissions.map((p) => `"${p}"`).join(' or ')}, not "${name}".`);
		return known;
	});
	const { reading } = await openNamed(context, file, options);
	const verdict = verifyImage(reading, { allow });
	// A file that contradicts itself, or of which nobody knows the board, is no image to be judged.
	const refusedInput = reading.platform === undefined || reading.overlaps.length > 0;
	const exitCode = verdict.ok ? ExitCode.ok : refusedInput ? ExitCode.inputRefused : ExitCode.mismatch;
	output.document({
		format: 'linac-hex-verify/1',
		file,
		...about(reading),
		...verdictJson(verdict),
		exitCode,
		problems: verdict.problems,
	});
	const c = output.colors;
	output.print(`${c.bold(file)}: ${reading.platform?.displayName ?? 'board not known'}${releaseText(reading)}`);
	const headline = blankBoardHeadline(reading.platform, verdict);
	output.print(`  ${verdict.ok ? c.green(headline) : c.red(headline)}`);
	for (const reason of verdict.reasons) output.paragraph(reason, '    ');
	if (verdict.missing.length > 0) output.print(`  Missing: ${verdict.missing.join(', ')}`);
	// What stops it has been said already.
	const rest = verdict.problems.filter((p) => p.code !== 'BLANK_CHIP_STOPS');
	if (rest.length > 0) output.print();
	showProblems(output, rest);
	return exitCode;
}

function releaseText(reading: ImageReading): string {
	if (reading.release) return `, Device OS ${reading.release.version}`;
	return reading.moduleVersion === undefined ? '' : `, system part ${reading.moduleVersion}`;
}
