/**
 * From what somebody chose on the page to what `@linac/image` makes images of: opens the release, finds and judges the application, reads the files, and
 * finds the MBR. The command line does the same with its options. Everything that is wrong is found at once, each problem with its field.
 */
import { asPlatform, type Platform, type ReleaseSet, type SourcedModule } from '@linac/catalog';
import { asLinacError, problem } from '@linac/core';
import {
	type HexLayout,
	type ImageChoices,
	isKeyField,
	mbrOfFile,
	needsMbr,
	openApplicationFile,
	surroundingsOfRelease,
	type UnitFieldName,
	type UnitFields,
	unitFieldNames,
} from '@linac/image';
import { defaultApplication } from './default-application.js';
import { type FieldProblem, placed } from './field-problems.js';
import { readGivenFile } from './given-file.js';
import { keepMbr } from './kept-mbr.js';
import { openFurther, openRelease } from './sources.js';
import { world } from './world.js';

/** `default`: the application that the source has (Tinker). */
export type ApplicationChoice = { kind: 'default' } | { kind: 'none' } | { kind: 'file'; file: File };

/** Everything that the form says. Structured-clonable; files are read here. */
export interface ImageRequest {
	platform: string;
	version: string;
	application: ApplicationChoice;
	/** A file with Nordic's MBR. Absent: the one that is kept here, or that a mirror has. */
	mbr?: File;
	allowUnknownMbr?: boolean;
	/** `false`: without the registers. */
	uicr?: boolean;
	nfcPins?: 'gpio' | 'nfc';
	layout?: HexLayout;
	/** Settings of one unit; keys are files. Empty texts are as good as none. */
	fields?: Partial<Record<UnitFieldName, string | File>>;
}

export interface OpenedChoices {
	/** Absent: something was refused. */
	choices?: ImageChoices;
	/** Where the MBR came from, where one is needed. */
	mbrFrom?: string;
	problems: FieldProblem[];
}

export interface OpenOptions {
	/** Something is made that leaves the MBR alone. */
	withoutMbr?: boolean;
}

/** Throws what a broken world throws; what was given wrong stands in `problems`. */
export async function openChoices(request: ImageRequest, signal: AbortSignal, options: OpenOptions = {}): Promise<OpenedChoices> {
	const platform = asPlatform(request.platform);
	const problems: FieldProblem[] = [];
	const release = await releaseOf(platform, request.version, signal, problems);
	const mbr = options.withoutMbr ? undefined : await mbrOf(platform, request, signal, problems);
	const fields = await fieldsOf(request, signal, problems);
	const application = release && (await applicationOf(platform, release, request.application, signal, problems));
	if (!release || problems.some((p) => p.severity === 'error')) return { problems };
	return {
		choices: {
			platform,
			release,
			...(application ? { application } : {}),
			...(mbr ? { mbr: mbr.bytes } : {}),
			...(request.allowUnknownMbr ? { allowUnknownMbr: true } : {}),
			...(request.uicr === undefined ? {} : { uicr: request.uicr }),
			...(request.nfcPins === undefined ? {} : { nfcPins: request.nfcPins }),
			...(fields ? { fields } : {}),
			digests: world.digests,
		},
		...(mbr ? { mbrFrom: mbr.from } : {}),
		problems,
	};
}

/** The release that was opened last: a form asks for the same one with every change of something else. */
let last: { key: string; release: ReleaseSet } | undefined;

async function releaseOf(
	platform: Platform,
	version: string,
	signal: AbortSignal,
	problems: FieldProblem[],
): Promise<ReleaseSet | undefined> {
	const key = `${platform.name} ${version}`;
	if (last?.key === key) return last.release;
	try {
		const release = await openRelease({ platform: platform.name, version }, signal);
		last = { key, release };
		return release;
	} catch (error) {
		const { code, message, hint } = asLinacError(error);
		if (code !== 'RELEASE_NOT_AVAILABLE') throw error;
		problems.push(...placed([problem(code, hint === undefined ? message : `${message} ${hint}`)], 'release'));
		return undefined;
	}
}

/** Problems that were found out about an application that is taken all the same are said again by what is made of it. */
async function applicationOf(
	platform: Platform,
	release: ReleaseSet,
	choice: ApplicationChoice,
	signal: AbortSignal,
	problems: FieldProblem[],
): Promise<SourcedModule | undefined> {
	if (choice.kind === 'none') return undefined;
	if (choice.kind === 'file') {
		const surroundings = surroundingsOfRelease(platform, release);
		const file = await readGivenFile(choice.file, signal);
		const opened = file.ok ? openApplicationFile(file.value, surroundings, world.digests) : file;
		if (opened.ok) return opened.value;
		problems.push(...placed(opened.problems, 'application'));
		return undefined;
	}
	const found = await defaultApplication(platform, release, signal);
	if (found.ok) return found.value;
	problems.push(...placed(found.problems, 'application'));
	return undefined;
}

/** The file that was given, else the one that is kept here or that a mirror has. */
async function mbrOf(
	platform: Platform,
	request: ImageRequest,
	signal: AbortSignal,
	problems: FieldProblem[],
): Promise<{ bytes: Uint8Array; from: string } | undefined> {
	if (!needsMbr(platform)) return undefined;
	if (!request.mbr) {
		const found = await openFurther({ kind: 'mbr', mcu: platform.mcu }, signal);
		if (found) return { bytes: found.bytes, from: found.origin };
		const message =
			`A blank ${platform.displayName} does not start without Nordic's MBR, which no Device OS release holds and this site has no copy of: ` +
			"give any restore image of an nRF52840 board here (Particle's documentation site has them), and this browser keeps the MBR that is in it.";
		problems.push(...placed([problem('MBR_NEEDED', message)], 'mbr'));
		return undefined;
	}
	const file = await readGivenFile(request.mbr, signal);
	const mbr = file.ok ? mbrOfFile(file.value, platform, world.digests) : file;
	if (!mbr.ok) {
		problems.push(...placed(mbr.problems, 'mbr'));
		return undefined;
	}
	// One that is not known is used for this image only, if that is allowed; composing says so.
	if (mbr.value.name !== undefined) await keepMbr(platform, mbr.value.bytes, request.mbr.name);
	return { bytes: mbr.value.bytes, from: request.mbr.name };
}

async function fieldsOf(
	{ fields = {} }: ImageRequest,
	signal: AbortSignal,
	problems: FieldProblem[],
): Promise<UnitFields | undefined> {
	const out: Partial<Record<UnitFieldName, unknown>> = {};
	for (const name of unitFieldNames) {
		const value = fields[name];
		if (value === undefined || value === '') continue;
		if (!isKeyField(name)) {
			out[name] = value;
			continue;
		}
		const file = await readGivenFile(value as File, signal);
		if (file.ok) out[name] = { file: file.value.name, bytes: file.value.bytes };
		else problems.push(...placed(file.problems, name));
	}
	return Object.keys(out).length === 0 ? undefined : (out as UnitFields);
}
