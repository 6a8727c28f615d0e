/** `linac hex --base`: another application in a restore image that somebody has. Everything in the base is checked; the rest of it stays. */
import type { Platform } from '@linac/catalog';
import { nodeDigests } from '@linac/host';
import { type MadeHex, makeBaseHex, openBase, surroundingsOf } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNamed } from '../../facts.js';
import { refused, usage } from '../../failure.js';
import { readInputs } from '../../inputs.js';
import { readApplication, taken } from '../image/compose-options.js';
import { learnQuietly } from '../image/mbr-store.js';
import type { HexOptions } from './options.js';

const senseless: (keyof HexOptions)[] = ['target', 'mbr', 'nfcPins', 'source', 'units'];

/** Throws what is wrong with the base or with the application. */
export async function rebaseFromOptions(context: Context, options: HexOptions, file: string): Promise<MadeHex> {
	for (const name of senseless) {
		if (options[name] !== undefined) {
			throw usage(`With --base everything but the application comes from ${file}: --${dashed(name)} has no use.`);
		}
	}
	if (options.uicr === false) throw usage(`With --base the registers stay as they are in ${file}: --no-uicr has no use.`);
	if (options.layout === 'classic') throw usage('The classic layout is for images of a release, not for --base.');
	if (typeof options.app !== 'string') throw usage('Which application goes into it?', 'Name it with --app FILE.');
	const { base, problems } = await readBase(
		context,
		file,
		options.platform === undefined ? undefined : platformNamed(options.platform),
	);
	const { application } = await readApplication(context, options.app, surroundingsOf(base));
	const made = taken(
		makeBaseHex({
			base,
			application,
			digests: nodeDigests,
			...(options.out === undefined ? {} : { file: options.out }),
			...(options.allow?.includes('unknown-mbr') ? { allowUnknownMbr: true } : {}),
		}),
	);
	await learnQuietly(context, base.platform, file, made.image);
	return { ...made, problems: [...problems, ...made.problems] };
}

async function readBase(context: Context, file: string, platform: Platform | undefined) {
	const [input] = await readInputs([file], context.cwd);
	if (input?.bytes === undefined) throw refused(ExitCode.inputRefused, input?.problems ?? []);
	const opened = openBase({ name: input.name, bytes: input.bytes }, { digests: nodeDigests, ...(platform ? { platform } : {}) });
	if (opened.ok) return { base: opened.value, problems: opened.problems };
	throw refused(
		ExitCode.inputRefused,
		opened.problems,
		`Nothing was made of it. "linac hex inspect ${file}" shows what is in it.`,
	);
}

function dashed(name: string): string {
	return name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}
