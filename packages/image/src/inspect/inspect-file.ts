/**
 * Says of any file what it is, whether it is sound, what it needs and on what it would run: a module, several in one file, an archive, a bundle, a
 * memory image. Its content decides, never its name. Pure, and the same in Node and in a browser. Not for deciding what to do with it: that is the
 * planner's.
 */
import { type Platform, platformById } from '@linac/catalog';
import { address, type Digests, type Problem, portableDigests, toHex, type Verdict } from '@linac/core';
import { contentKind, type InspectedInput, inspectInput, ModuleFunction } from '@linac/firmware';
import { type OpenedImage, openImage } from '../read/open-image.js';
import { worstFirst } from '../read/types.js';
import { bundleFinding, memberFindings, releaseFinding } from './archive-finding.js';
import type { FileFinding, FindingState, ModuleFinding } from './finding.js';
import { imageFinding, imageHeadline } from './image-finding.js';
import { moduleFinding, moduleTitle, platformNames } from './module-finding.js';

export interface InspectFileOptions {
	/** The board that an image is for. Default: what its modules say. */
	platform?: Platform;
	/** Address of the first byte of a file of plain bytes, which is then taken for an image. */
	base?: number;
	digests?: Digests;
}

/** Everything that is found so far; headline and verdict come last. */
type Found = Omit<FileFinding, 'format' | 'file' | 'size' | 'sha256' | 'state' | 'verdict'> & { state?: FindingState };

/** Never refuses a file: what is no firmware is a finding too. */
export function inspectFile(file: string, bytes: Uint8Array, options: InspectFileOptions = {}): FileFinding {
	const digests = options.digests ?? portableDigests;
	const found = look(file, bytes, options, digests);
	const problems = worstFirst(distinct(found.problems));
	const state = found.state ?? (problems.some((p) => p.severity === 'error') ? 'damaged' : 'sound');
	return {
		format: 'linac-finding/1',
		file,
		size: bytes.length,
		sha256: toHex(digests.sha256(bytes)),
		...found,
		state,
		verdict: verdictText(state, found),
		problems,
	};
}

function look(file: string, bytes: Uint8Array, options: InspectFileOptions, digests: Digests): Found {
	if (asImage(bytes, options)) {
		const opened = openNamed(file, bytes, options, digests);
		return opened.ok ? foundImage(file, opened.value, digests) : nothing(opened.problems);
	}
	const input = inspectInput(file, bytes, { digests, platforms: platformNames });
	if (!input.ok) return foundNoModule(file, bytes, options, digests, input.problems);
	if (isDump(input.value)) {
		const opened = openNamed(file, bytes, options, digests);
		if (opened.ok) return foundImage(file, opened.value, digests);
	}
	return foundModules(file, bytes, input.value, digests);
}

function asImage(bytes: Uint8Array, { base }: InspectFileOptions): boolean {
	const kind = contentKind(bytes);
	return kind === 'intel-hex' || (base !== undefined && (kind === 'binary' || kind === 'blank'));
}

/** A module with more than filler behind it: a dump of a chip begins so. */
function isDump({ kind, modules, others }: InspectedInput): boolean {
	if (kind === 'modules') return others.length > 0;
	return kind === 'module' && modules[0]!.problems.some((p) => p.code === 'TRAILING_BYTES');
}

function openNamed(file: string, bytes: Uint8Array, options: InspectFileOptions, digests: Digests): Verdict<OpenedImage> {
	const { platform, base } = options;
	// Intel HEX has its addresses in it.
	const given = base === undefined || contentKind(bytes) === 'intel-hex' ? {} : { base };
	return openImage(file, bytes, { digests, ...(platform ? { platform } : {}), ...given });
}

function foundImage(file: string, opened: OpenedImage, digests: Digests): Found {
	const { image, verdict } = imageFinding(opened, digests);
	const modules = opened.reading.parts
		.filter((p) => p.kind === 'module' && p.module !== undefined)
		.map((p) => moduleFinding(`${file}@${address(p.start)}`, p.module!, digests, p.problems));
	// That a blank board does not start is told beside the verdict on the file, and is no fault of a file that was never meant for one.
	const problems = verdict.problems.filter((p) => p.code !== 'BLANK_CHIP_STOPS');
	const damaged = problems.some((p) => p.severity === 'error');
	const unproven = image.parts.some((p) => p.state === 'unproven');
	const state = damaged ? 'damaged' : unproven ? 'unproven' : 'sound';
	return { kind: 'image', headline: imageHeadline(image), state, modules, image, problems };
}

/** Plain bytes may still be an image whose place is known by what it begins with. */
function foundNoModule(
	file: string,
	bytes: Uint8Array,
	options: InspectFileOptions,
	digests: Digests,
	problems: readonly Problem[],
): Found {
	const kind = contentKind(bytes);
	if (kind === 'binary') {
		const opened = openNamed(file, bytes, options, digests);
		if (opened.ok) return foundImage(file, opened.value, digests);
		if (problems.every((p) => p.code === 'NO_MODULE_HEADER')) return nothing([...problems, ...opened.problems]);
	}
	if (kind !== 'zip') return nothing(problems);
	const members = memberFindings(file, bytes, { modules: [], problems, bundle: false }, digests);
	return { ...nothing(problems), ...(members.length > 0 ? { members } : {}) };
}

function nothing(problems: readonly Problem[]): Found {
	return { kind: 'none', headline: 'No firmware.', state: 'not-firmware', modules: [], problems: [...problems] };
}

function foundModules(file: string, bytes: Uint8Array, input: InspectedInput, digests: Digests): Found {
	const modules = input.modules.map((m) => moduleFinding(m.file, m.module, digests, m.problems));
	const problems = [
		...input.problems,
		...input.modules.flatMap((m) => m.problems.map((p) => ({ ...p, file: p.file ?? m.file }))),
		...input.others.map((o) => o.problem),
	];
	if (input.kind === 'asset-bundle') {
		const { bundle, problems: more } = bundleFinding(file, bytes, digests);
		const members = memberFindings(file, bytes, { modules, problems, bundle: true }, digests);
		const headline = bundleHeadline(modules, bundle?.assets.length ?? 0);
		return { kind: 'asset-bundle', headline, modules, members, ...(bundle ? { bundle } : {}), problems: [...problems, ...more] };
	}
	if (input.kind === 'zip') {
		const members = memberFindings(file, bytes, { modules, problems, bundle: false }, digests);
		const release = releaseFinding(
			file,
			bytes,
			input.modules.map((m) => m.module),
			digests,
		);
		const headline = zipHeadline(modules, release);
		return { kind: 'zip', headline, modules, members, ...(release ? { release } : {}), problems };
	}
	const only = modules[0]!;
	if (input.kind === 'modules') {
		const headline = `A file of ${modules.length} modules${forBoards(modules)}: ${modules.map(moduleTitle).join(', ')}.`;
		return { kind: 'modules', headline, modules, problems };
	}
	return { kind: 'module', headline: moduleHeadline(only), modules, problems };
}

function moduleHeadline(module: ModuleFinding): string {
	if (module.asset) return `An asset, "${module.asset.name}", as it is sent to a device.`;
	const board = module.platform ? ` for the ${module.platform.displayName}` : ` for platform ${module.platformId}`;
	if (module.function === ModuleFunction.monolithic) return `System and application in one (${moduleTitle(module)})${board}.`;
	if (module.function === ModuleFunction.user) return `An application (${moduleTitle(module)})${board}.`;
	const of = module.runsOn.partOf;
	const part = of.length === 1 ? `, Device OS ${of[0]}` : '';
	return `A part of Device OS: ${moduleTitle(module)}${board}${part}.`;
}

function bundleHeadline(modules: readonly ModuleFinding[], assets: number): string {
	return `An asset bundle: an application${forBoards(modules)} with ${assets === 1 ? 'one asset' : `${assets} assets`}.`;
}

function zipHeadline(modules: readonly ModuleFinding[], release: FileFinding['release']): string {
	const count = modules.length === 1 ? 'one module' : `${modules.length} modules`;
	if (!release) return `A zip archive with ${count}${forBoards(modules)}.`;
	const { version, platform, complete } = release;
	return `A zip archive with ${complete ? '' : 'a part of '}Device OS ${version} for the ${platform.displayName}: ${count}.`;
}

function forBoards(modules: readonly ModuleFinding[]): string {
	const ids = [...new Set(modules.map((m) => m.platformId).filter((id) => id !== 0))];
	const names = ids.map((id) => platformById(id)?.displayName ?? `platform ${id}`);
	if (names.length === 0) return '';
	return names.length <= 3 ? ` for ${names.join(' and ')}` : ` for ${names.length} kinds of boards`;
}

function verdictText(state: FindingState, { kind, modules }: Found): string {
	switch (state) {
		case 'not-firmware':
			return 'There is nothing in it that a board could use.';
		case 'damaged':
			return 'Something in it is wrong: do not use it.';
		case 'unproven':
			return 'Nothing in it is known to be wrong, but not everything in it can be proved.';
		default:
			if (kind === 'asset-bundle') return 'Every asset is the one that the application asks for, and every check is right.';
			return modules.length === 1
				? 'Its CRC-32 is right, and so is its header.'
				: 'The CRC-32 of every module is right, and so are the headers.';
	}
}

/** What two looks at the same thing say in the same words is said once. */
function distinct(problems: readonly Problem[]): Problem[] {
	const seen = new Set<string>();
	return problems.filter((p) => {
		const key = `${p.code} ${p.message}`;
		if (seen.has(key)) return false;
		seen.add(key);
		return true;
	});
}
