/**
 * From options to what an image is made of: opens the release, finds and judges the application, finds the MBR. What `hex`, `zip` and `export` have in
 * common; what becomes of it is `@linac/image`'s.
 */
import { type Platform, type ReleaseEntry, type ReleaseSet, releasesFor, type SourcedModule } from '@linac/catalog';
import type { Problem, Verdict } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import {
	type ComposeOptions,
	type ImageChoices,
	judgeApplication,
	needsMbr,
	openApplicationFile,
	type Surroundings,
	surroundingsOfRelease,
} from '@linac/image';
import type { Context, SourceOptions } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { defaultRelease, platformNamed, releaseNamed } from '../../facts.js';
import { CommandFailure, refused, usage } from '../../failure.js';
import { readInputs } from '../../inputs.js';
import { openSources, type Sources } from '../../sources.js';
import { keptMbr, readMbr } from './mbr-store.js';

export interface ImageOptions extends SourceOptions {
	platform?: string;
	target?: string;
	/** A file; `false`: none; absent: the default application. */
	app?: string | false;
	mbr?: string;
	nfcPins?: string;
	/** `false`: without the registers. */
	uicr?: boolean;
	allow?: string[];
}

export interface OpenedParts {
	platform: Platform;
	release: ReleaseSet;
	application: SourcedModule | undefined;
	/** Warnings and notes. */
	problems: Problem[];
}

const permissions = ['unknown-mbr', 'repeated-keys'];

/** The platform that was named. */
export function platformOption(options: ImageOptions): Platform {
	if (options.platform === undefined) {
		throw usage(
			'Which kind of board is it for?',
			'Name it with --platform, e.g. --platform boron. "linac releases" shows the names.',
		);
	}
	return platformNamed(options.platform);
}

/** The release that was named, or the one that is taken when none was. */
export function releaseOption(platform: Platform, options: ImageOptions): ReleaseEntry {
	if (releasesFor(platform).length === 0) {
		const whole = platform.modules.some((m) => m.function === ModuleFunction.monolithic);
		throw new CommandFailure(
			ExitCode.planRefused,
			'PLAN_NO_RELEASE_FOR_PLATFORM',
			`There is no Device OS release for the ${platform.displayName} that an image could be made of.`,
			whole
				? {
						hint: `An application for it holds the system too. As Intel HEX: linac hex convert firmware.bin -o ${platform.name}.hex`,
					}
				: {},
		);
	}
	return options.target === undefined ? defaultRelease(platform) : releaseNamed(options.target, platform);
}

/** Opens the release and the application that the options name. Throws what is wrong with them. */
export async function openParts(context: Context, options: ImageOptions, opened?: Sources): Promise<OpenedParts> {
	const platform = platformOption(options);
	const entry = releaseOption(platform, options);
	const sources = opened ?? (await openSources(context, options));
	const release = await sources.open({ platform: platform.name, version: entry.version }, context.signal);
	const surroundings = surroundingsOfRelease(platform, release);
	if (options.app === false) return { platform, release, application: undefined, problems: [] };
	if (options.app !== undefined) {
		const { application, problems } = await readApplication(context, options.app, surroundings);
		return { platform, release, application, problems };
	}
	const fits = (application: SourcedModule) =>
		judgeApplication(application, application.origin, surroundings).every((p) => p.severity !== 'error');
	const own = release.application && fits(release.application) ? release.application : undefined;
	const found = own ?? (await sources.application(platform, release.version, context.signal, fits));
	if (!found) {
		throw new CommandFailure(
			ExitCode.releaseUnavailable,
			'APPLICATION_NOT_AVAILABLE',
			`No source has a default application for the ${platform.displayName}.`,
			{ hint: 'Give your own with --app FILE, or say --no-app for an image without one.' },
		);
	}
	const problems = judgeApplication(found, found.origin, surroundings);
	if (problems.some((p) => p.severity === 'error')) {
		throw refused(
			ExitCode.inputRefused,
			problems,
			'That is the default application which the source has. Give your own with --app FILE, or say --no-app for an image without one.',
		);
	}
	return { platform, release, application: found, problems };
}

/** An application from a file, judged. */
export async function readApplication(
	context: Context,
	path: string,
	surroundings: Surroundings,
): Promise<{ application: SourcedModule; problems: Problem[] }> {
	const [input] = await readInputs([path], context.cwd);
	if (input?.bytes === undefined) throw refused(ExitCode.inputRefused, input?.problems ?? []);
	const verdict = openApplicationFile({ name: input.name, bytes: input.bytes }, surroundings, nodeDigests);
	if (!verdict.ok) throw refused(ExitCode.inputRefused, verdict.problems);
	return { application: verdict.value, problems: verdict.problems };
}

/**
 * The MBR by option, from the cache, or from a mirror; undefined where none is needed or none is there (composing then says what to do).
 */
async function openMbr(
	context: Context,
	platform: Platform,
	options: ImageOptions,
	sources: Sources,
): Promise<Uint8Array | undefined> {
	if (!needsMbr(platform)) {
		if (options.mbr !== undefined) throw usage(`A ${platform.displayName} has no MBR of Nordic's.`, 'Leave out --mbr.');
		return undefined;
	}
	if (options.mbr !== undefined) return (await readMbr(context, options.mbr, platform)).bytes;
	const kept = await keptMbr(context, platform);
	return kept ?? (await sources.mirrorFile({ kind: 'mbr', mcu: platform.mcu }, context.signal))?.bytes;
}

/** What the options say about the chip's registers and permissions, for `composeImage`. */
export function chipOptions(options: ImageOptions): Pick<ComposeOptions, 'uicr' | 'nfcPins' | 'allowUnknownMbr'> {
	const { nfcPins } = options;
	if (nfcPins !== undefined && nfcPins !== 'gpio' && nfcPins !== 'nfc') {
		throw usage(`--nfc-pins is either "gpio" or "nfc", not "${nfcPins}".`);
	}
	for (const what of options.allow ?? []) {
		if (!permissions.includes(what))
			throw usage(`There is nothing called "${what}" to allow.`, `It can be: ${permissions.join(', ')}.`);
	}
	return {
		...(options.uicr === undefined ? {} : { uicr: options.uicr }),
		...(nfcPins === undefined ? {} : { nfcPins }),
		...(options.allow?.includes('unknown-mbr') ? { allowUnknownMbr: true } : {}),
	};
}

/** Everything that decides what is in an image. Throws with the reason when something of it cannot be had. */
export async function choicesFromOptions(context: Context, options: ImageOptions): Promise<ImageChoices> {
	const chip = chipOptions(options);
	// What is cheap to be wrong about comes first: a download need not be waited for to learn of a missing MBR.
	const platform = platformOption(options);
	const sources = await openSources(context, options);
	const mbr = await openMbr(context, platform, options, sources);
	return { ...choicesOf(await openParts(context, options, sources)), ...(mbr ? { mbr } : {}), ...chip };
}

/** Without what only a whole image needs. */
export function choicesOf({ platform, release, application }: OpenedParts): ImageChoices {
	return { platform, release, ...(application ? { application } : {}), digests: nodeDigests };
}

/** What was made of choices, or the refusal with every reason and what to do on the command line. */
export function taken<T>(verdict: Verdict<T>, exitCode: ExitCode = ExitCode.inputRefused): T {
	if (verdict.ok) return verdict.value;
	throw refused(exitCode, verdict.problems, hintFor(verdict.problems));
}

function hintFor(problems: readonly Problem[]): string | undefined {
	if (problems.some((p) => p.code === 'MBR_NEEDED'))
		return 'Have linac learn it from a file: linac hex learn restore.hex; or name the file each time: --mbr restore.hex.';
	if (problems.some((p) => p.code === 'MBR_UNKNOWN')) return 'If you know that it is right: --allow unknown-mbr.';
	return undefined;
}
