/**
 * Opens any file that a user may give, and says what is in it: one module, several in one file, a zip of modules, an application
 * with its assets, an Intel HEX image. Content decides, never the file's name. Everything in it gets an answer: a module, an
 * asset, or the reason why it is neither. Not for deciding what to do with it: that is the planner's.
 */
import { address, bad, type Digests, good, type Problem, problem, u16le, u32le, type Verdict } from '@linac/core';
import { BUNDLE_ASSETS, compareAssets, isEnvText, looksLikeBundle } from './asset-bundle.js';
import { requiredAssets } from './asset-module.js';
import { splitModules } from './combined-module.js';
import { decompressModule } from './compressed-module.js';
import { moduleLabel } from './describe-module.js';
import { parseIntelHex } from './intel-hex-reader.js';
import type { MemoryImage, Segment } from './memory-image.js';
import { contentKind } from './not-a-module.js';
import type { ParseOptions } from './parse-module.js';
import type { ParsedModule, PlatformNames } from './types.js';
import { readZip } from './zip-reader.js';

export interface InspectOptions {
	digests?: Digests;
	platforms?: PlatformNames;
}

export interface InspectedModule {
	/** Where it came from: `file.bin`, `archive.zip/entry.bin`, `image.hex@0x00030000`. */
	file: string;
	module: ParsedModule;
	/** Those of the module, and what is wrong with it in this place. */
	problems: Problem[];
}

export interface InspectedOther {
	file: string;
	size: number;
	/** Why it is not a module. */
	problem: Problem;
}

export interface InspectedAsset {
	file: string;
	/** Name by which the application asks for it. */
	name: string;
	bytes: Uint8Array;
	/** Whether the application in the bundle asks for an asset of this name with this hash. */
	required: boolean;
}

export interface InspectedInput {
	file: string;
	kind: 'module' | 'modules' | 'zip' | 'asset-bundle' | 'intel-hex';
	size: number;
	/** In the order in which they stand in the file. At least one. */
	modules: InspectedModule[];
	assets: InspectedAsset[];
	/** What is in the input and is no module, with the reason. */
	others: InspectedOther[];
	/** For Intel HEX: everything that the file holds, with its addresses. */
	image?: MemoryImage;
	/** Everything noticed about the input as a whole; problems of single modules stand with them. */
	problems: Problem[];
}

/** So many pieces of an image are described one by one. A real image has fewer than ten. */
const MOST_OTHERS = 100;

/** Opens a file of any kind. Bad only when there is not one module in it; the problems then say what it is instead. */
export function inspectInput(file: string, bytes: Uint8Array, options: InspectOptions = {}): Verdict<InspectedInput> {
	switch (contentKind(bytes)) {
		case 'zip':
			return inspectZip(file, bytes, options);
		case 'intel-hex':
			return inspectHex(file, bytes, options);
		default:
			return inspectBinary(file, bytes, options);
	}
}

function parseOptions(file: string, options: InspectOptions): ParseOptions {
	return { file, ...options };
}

function inspectBinary(file: string, bytes: Uint8Array, options: InspectOptions): Verdict<InspectedInput> {
	const split = splitModules(bytes, parseOptions(file, options));
	if (!split.ok) return split;
	const { modules, rest, unfinished } = split.value;
	const several = modules.length > 1;
	const listed = modules.map(({ offset, module }, i) => {
		const name = several ? `${file}@${offset}` : file;
		// What follows the module is the next one, so it is not stray.
		const last = i === modules.length - 1;
		const problems = last ? module.problems : module.problems.filter((p) => !p.code.startsWith('TRAILING_'));
		return judged(name, module, problems, options);
	});
	const problems: Problem[] = [];
	if (unfinished) {
		problems.push(
			problem(
				'COMBINED_UNFINISHED',
				`${file}: the last module says that another one follows it, but none does. The file is cut short.`,
				{ file },
			),
		);
	}
	const others: InspectedOther[] = [];
	if (several && rest.length > 0) others.push(otherRegion(`${file}@${bytes.length - rest.length}`, rest));
	return good(
		{ file, kind: several ? 'modules' : 'module', size: bytes.length, modules: listed, assets: [], others, problems },
		problems,
	);
}

/** Looks into compressed modules, so that a damaged inside is found before anything is sent. */
function judged(file: string, module: ParsedModule, problems: readonly Problem[], options: InspectOptions): InspectedModule {
	if (!module.compressed) return { file, module, problems: [...problems] };
	const inside = decompressModule(module, parseOptions(file, options));
	const found = inside.ok ? inside.value.problems.filter((p) => p.severity === 'error') : inside.problems;
	return { file, module, problems: [...problems, ...found.map((p) => ({ ...p, file }))] };
}

function inspectHex(file: string, bytes: Uint8Array, options: InspectOptions): Verdict<InspectedInput> {
	const hex = parseIntelHex(bytes, { file });
	if (!hex.ok) return hex;
	const { image } = hex.value;
	const located = image.locateModules(options.digests);
	const modules = located.modules.map(({ start, module }): InspectedModule => {
		const name = `${file}@${address(start)}`;
		const problems = platformKnown(module, options) ? module.problems : [...module.problems, unknownPlatform(module)];
		return { file: name, module, problems: problems.map((p) => ({ ...p, file: name })) };
	});
	const others = located.others
		.slice(0, MOST_OTHERS)
		.map((segment) => otherRegion(`${file}@${address(segment.start)}`, segment.bytes, segment));
	const more = located.others.length - others.length;
	if (more > 0) {
		const message = `${file}: ${more} more pieces that belong to no module are not listed.`;
		others.push({ file, size: 0, problem: problem('REGION_UNKNOWN', message, { severity: 'warning', file }) });
	}
	if (modules.length === 0) {
		return bad(
			problem(
				'HEX_WITHOUT_MODULES',
				`${file} is an Intel HEX file with ${image.size} bytes, but there is no Particle module in it.`,
				{ file },
			),
			...others.map((o) => o.problem),
			...hex.problems,
		);
	}
	return good(
		{ file, kind: 'intel-hex', size: bytes.length, modules, assets: [], others, image, problems: hex.problems },
		hex.problems,
	);
}

function platformKnown(module: ParsedModule, options: InspectOptions): boolean {
	return !options.platforms || options.platforms.get(module.prefix.platformId) !== undefined;
}

function unknownPlatform(module: ParsedModule): Problem {
	return problem('PLATFORM_UNKNOWN', `Platform ${module.prefix.platformId} is not known here.`, {
		severity: 'warning',
		field: 'prefix.platformId',
		found: module.prefix.platformId,
	});
}

/** What a piece without a module is, in words. None of these is an error by itself: restore images hold more than modules. */
function otherRegion(file: string, bytes: Uint8Array, segment?: Segment): InspectedOther {
	const other = (code: string, message: string, severity: Problem['severity'] = 'info'): InspectedOther => ({
		file,
		size: bytes.length,
		problem: problem(code, message, { severity, file }),
	});
	const kind = contentKind(bytes);
	if (kind === 'html')
		return other('HTML_PAGE', `${file} holds a web page (HTML) instead of firmware. Do not use this image.`, 'error');
	if (kind === 'blank') return other('REGION_BLANK', `${file}: ${bytes.length} blank bytes.`);
	const softDevice = softDeviceNumber(bytes);
	if (softDevice !== undefined) {
		return other(
			'REGION_SOFTDEVICE',
			`${file}: a SoftDevice (firmware id ${softDevice}) without its module header, as restore images hold it.`,
		);
	}
	// Registers, not flash: device-os writes the bootloader address and the reset pin there (nRF52840 UICR).
	if (segment && segment.start === 0x10001000)
		return other('REGION_UICR', `${file}: ${bytes.length} bytes for the UICR registers.`);
	return other('REGION_UNKNOWN', `${file}: ${bytes.length} bytes that belong to no module.`, 'warning');
}

/** Nordic's SoftDevice information structure: magic at 0x2004 and firmware id at 0x200C of the SoftDevice, which starts at 0 or 0x1000. */
function softDeviceNumber(bytes: Uint8Array): number | undefined {
	for (const base of [0, 0x1000]) {
		if (bytes.length >= base + 0x2010 && u32le(bytes, base + 0x2004) === 0x51b1e5db) return u16le(bytes, base + 0x200c);
	}
	return undefined;
}

function inspectZip(file: string, bytes: Uint8Array, options: InspectOptions): Verdict<InspectedInput> {
	const listed = readZip(bytes, { file, ...(options.digests ? { digests: options.digests } : {}) });
	if (!listed.ok) return listed;
	const entries = listed.value.filter((e) => !e.isFolder);
	const bundle = looksLikeBundle(entries);
	const modules: InspectedModule[] = [];
	const others: InspectedOther[] = [];
	const assets: InspectedAsset[] = [];
	for (const entry of entries) {
		const name = `${file}/${entry.name}`;
		const data = entry.read();
		const fail = (p: Problem) => others.push({ file: name, size: entry.size, problem: p });
		if (!data.ok) {
			// One damaged entry makes the whole archive untrustworthy.
			return bad(...data.problems);
		}
		if (bundle && entry.name.startsWith(BUNDLE_ASSETS)) {
			assets.push({ file: name, name: entry.name.slice(BUNDLE_ASSETS.length), bytes: data.value, required: false });
			continue;
		}
		if (bundle && isEnvText(entry.name)) {
			fail(problem('ENVIRONMENT_VARIABLES', `${name} holds environment variables.`, { file: name, severity: 'info' }));
			continue;
		}
		if (contentKind(data.value) === 'zip') {
			fail(
				problem('ZIP_IN_ZIP', `${name} is an archive inside an archive. Unpack the outer one and give the inner one.`, {
					file: name,
					severity: 'warning',
				}),
			);
			continue;
		}
		const inner = inspectInput(name, data.value, options);
		if (inner.ok) {
			modules.push(...inner.value.modules);
			others.push(...inner.value.others);
			for (const p of inner.value.problems) fail(p);
		} else for (const p of inner.problems) fail(p);
	}
	const problems = bundle ? matchAssets(file, modules, assets, options) : [];
	if (modules.length === 0) {
		return bad(
			problem(
				'ZIP_WITHOUT_MODULES',
				`${file} is a zip archive with ${entries.length} ${entries.length === 1 ? 'file' : 'files'}, but there is no module in it.`,
				{ file },
			),
			...others.map((o) => o.problem),
		);
	}
	return good({ file, kind: bundle ? 'asset-bundle' : 'zip', size: bytes.length, modules, assets, others, problems }, problems);
}

/** Compares what the application asks for with what the bundle brings, and marks the assets that are right. */
function matchAssets(file: string, modules: InspectedModule[], assets: InspectedAsset[], options: InspectOptions): Problem[] {
	const application = modules[0]?.module;
	const { right, problems } = compareAssets(file, application ? requiredAssets(application) : [], assets, options.digests);
	for (const asset of assets) asset.required = right.has(asset.name);
	return problems;
}

/** A short line on an input: `boron.zip: 4 modules (bootloader 1006, system-part1 2202, ...)`. */
export function inputSummary(input: InspectedInput): string {
	const names = input.modules.map(({ module: { prefix } }) => `${moduleLabel(prefix)} ${prefix.version}`);
	const assets = input.assets.length > 0 ? ` and ${input.assets.length} assets` : '';
	return `${input.file}: ${names.length} ${names.length === 1 ? 'module' : 'modules'} (${names.join(', ')})${assets}`;
}
