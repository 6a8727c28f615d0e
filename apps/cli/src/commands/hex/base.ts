/** `linac hex --base`: another application in a restore image that somebody has. Everything in the base is checked; the rest of it stays. */
import type { Platform } from '@linac/catalog';
import { type Problem, problem } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type BaseImage, openImage, type RebasedImage, replaceApplication, surroundingsOf } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNamed } from '../../facts.js';
import { refused, usage } from '../../failure.js';
import { readInputs } from '../../inputs.js';
import { readApplication } from '../image/compose-options.js';
import { learnQuietly } from '../image/mbr-store.js';
import type { HexOptions } from './options.js';

export interface Rebased {
	platform: Platform;
	/** Device OS version, as far as its number is known. */
	version: string;
	moduleVersion: number;
	rebased: RebasedImage;
	problems: Problem[];
}

const senseless: (keyof HexOptions)[] = ['target', 'mbr', 'nfcPins', 'source', 'units'];

/** Throws what is wrong with the base or with the application. */
export async function rebaseFromOptions(context: Context, options: HexOptions, file: string): Promise<Rebased> {
	for (const name of senseless) {
		if (options[name] !== undefined) {
			throw usage(`With --base everything but the application comes from ${file}: --${dashed(name)} has no use.`);
		}
	}
	if (options.uicr === false) throw usage(`With --base the registers stay as they are in ${file}: --no-uicr has no use.`);
	if (options.layout === 'classic') throw usage('The classic layout is for images of a release, not for --base.');
	if (typeof options.app !== 'string') throw usage('Which application goes into it?', 'Name it with --app FILE.');
	const base = await openBase(context, file, options.platform === undefined ? undefined : platformNamed(options.platform));
	const { application, problems } = await readApplication(context, options.app, surroundingsOf(base.image));
	const verdict = replaceApplication(base.image, application);
	if (!verdict.ok) throw refused(ExitCode.inputRefused, verdict.problems);
	await learnQuietly(context, base.image.platform, file, verdict.value.image);
	return {
		platform: base.image.platform,
		version: base.version,
		moduleVersion: base.image.moduleVersion,
		rebased: verdict.value,
		problems: [...base.problems, ...problems],
	};
}

async function openBase(
	context: Context,
	file: string,
	wanted: Platform | undefined,
): Promise<{ image: BaseImage; version: string; problems: Problem[] }> {
	const [input] = await readInputs([file], context.cwd);
	if (input?.bytes === undefined) throw refused(ExitCode.inputRefused, input?.problems ?? []);
	const opened = openImage(input.name, input.bytes, { digests: nodeDigests, ...(wanted ? { platform: wanted } : {}) });
	if (!opened.ok) throw refused(ExitCode.inputRefused, opened.problems);
	const { reading } = opened.value;
	const errors = reading.problems.filter((p) => p.severity === 'error');
	if (errors.length > 0) {
		throw refused(
			ExitCode.inputRefused,
			reading.problems,
			`Nothing was made of it. "linac hex inspect ${file}" shows what is in it.`,
		);
	}
	const { platform, moduleVersion } = reading;
	if (!platform || moduleVersion === undefined) {
		const message = `${file} has no system part, so it cannot be told for which board and Device OS it is. Give a whole restore image.`;
		throw refused(ExitCode.inputRefused, [problem('BASE_NOT_AN_IMAGE', message, { file })]);
	}
	const image: BaseImage = { file: input.name, platform, moduleVersion, parts: reading.parts };
	return { image, version: reading.release?.version ?? String(moduleVersion), problems: reading.problems };
}

function dashed(name: string): string {
	return name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}
