/**
 * Judges a heap of files as a release for one platform: every file is parsed and checked by itself, then the set as a whole. File names
 * decide nothing, headers do: Electron's published names are rotated against its module indexes, and published "modules" have been HTML
 * error pages. What comes out is complete, sound and free of overlaps, or there are reasons file by file. See docs/releases.md.
 */
import {
	address,
	bad,
	type Digests,
	equalBytes,
	good,
	type Problem,
	portableDigests,
	problem,
	toHex,
	type Verdict,
} from '@linac/core';
import { ModuleFunction, type ParsedModule, parseModule } from '@linac/firmware';
import { asPlatform, inRange, platformById, regionOf, slotOf } from '../platforms.js';
import { expectedModules, releaseByModuleVersion, releaseByVersion } from '../releases.js';
import type { MemoryRegion, ModuleSlot, Platform, ReleaseModule, ReleaseSet, SourcedModule } from '../types.js';
import { normalizeVersion } from '../versions.js';

/** A file that may or may not be a module. `name` is for messages, `origin` says where it came from. */
export interface CandidateFile {
	name: string;
	origin?: string;
	bytes: Uint8Array;
}

export interface CheckOptions {
	platform: Platform | string;
	version: string;
	/** Name of the source, for the report. */
	source: string;
	digests?: Digests;
	/** Made by linac's own builder: marked so in the result. */
	standIn?: boolean;
}

/** The file's own verdict. Only `used` files are part of the release. */
export type FileRole = 'used' | 'application' | 'other-platform' | 'other-release' | 'never-sent' | 'duplicate' | 'refused';

export interface JudgedFile {
	name: string;
	role: FileRole;
	problem?: Problem;
	module?: ParsedModule;
	slot?: ModuleSlot;
}

const SIZE_OF_CRC = 4;

/**
 * Checks files as the release `version` for `platform`. Files for other platforms or releases may lie beside them: they are passed over with
 * an `info`. Files that are damaged or no modules are `warning`s when the release is complete without them, else errors.
 * A version that is not in the release table is judged by what the platform always needs, with the warning `RELEASE_NOT_IN_TABLE`.
 */
export function checkRelease(files: readonly CandidateFile[], options: CheckOptions): Verdict<ReleaseSet> {
	const platform = asPlatform(options.platform);
	const version = normalizeVersion(options.version);
	const digests = options.digests ?? portableDigests;
	const entry = releaseByVersion(version);
	const judged = files.map((file) => judgeFile(file, platform, digests));
	const moduleVersion = entry?.moduleVersion ?? newestSystemPart(judged);
	const problems: Problem[] = [];
	if (!entry) {
		problems.push(
			problem(
				'RELEASE_NOT_IN_TABLE',
				`Release ${version} is not in linac's table. Its modules are checked by themselves and against each other only.`,
				{
					severity: 'warning',
					field: 'version',
					found: version,
				},
			),
		);
	}
	const expected = entry ? expectedModules(platform, version) : [];
	// What is wrong with one file does not matter when another fills its place.
	const ofOneFile = new Set<Problem>();
	const chosen = new Map<string, { module: ParsedModule; file: CandidateFile; slot: ModuleSlot }>();
	let application: SourcedModule | undefined;
	judged.forEach((judgement, i) => {
		const file = files[i]!;
		const { module, slot } = judgement;
		if (judgement.role !== 'used' || !module || !slot) {
			if (judgement.role === 'application' && module && slot && !application)
				application = sourced(module, file, slot, digests, options);
			if (judgement.problem) {
				problems.push(judgement.problem);
				ofOneFile.add(judgement.problem);
			}
			return;
		}
		const wrong = fitsRelease(file.name, module, slot, platform, version, moduleVersion, expected);
		if (wrong) {
			problems.push(wrong);
			ofOneFile.add(wrong);
			return;
		}
		const before = chosen.get(slot.name);
		const better = before ? betterOf(before.module, module, platform, wanted(expected, slot), digests) : 'second';
		if (better === undefined) {
			problems.push(
				problem(
					'RELEASE_AMBIGUOUS',
					`${file.name} and ${before?.file.name} are both ${slot.name} ${module.prefix.version} and differ. Remove the one that is not wanted.`,
					{ file: file.name },
				),
			);
		} else if (better === 'second') chosen.set(slot.name, { module, file, slot });
	});

	problems.push(...missing(platform, version, moduleVersion, expected, chosen, problems));
	problems.push(...overlaps([...chosen.values()].map((c) => ({ name: c.file.name, module: c.module }))));
	for (const c of chosen.values()) {
		if (c.module.prefix.platformId === platform.id) continue;
		problems.push(
			problem(
				'SOFTDEVICE_SHARED',
				`${c.file.name} carries the id of another platform. SoftDevices of all boards are the same, so it is used.`,
				{
					severity: 'info',
					file: c.file.name,
					field: 'prefix.platformId',
					expected: platform.id,
					found: c.module.prefix.platformId,
				},
			),
		);
	}
	const failed = problems.some((p) => p.code === 'RELEASE_INCOMPLETE');
	if (!failed) for (const p of ofOneFile) if (p.severity === 'error') p.severity = 'warning';
	if (moduleVersion === undefined || problems.some((p) => p.severity === 'error')) {
		// What is merely for something else does not explain a failure.
		return bad(...problems.filter((p) => p.severity !== 'info'), ...problems.filter((p) => p.severity === 'info'));
	}
	const set: ReleaseSet = {
		platform: platform.name,
		version,
		moduleVersion,
		modules: inOrder(platform, chosen).map((c) => sourced(c.module, c.file, c.slot, digests, options)),
		source: options.source,
	};
	if (application) set.application = application;
	return good(set, problems);
}

/** Judges one file without regard to the release: is it a sound module for this platform, and in which place would it stand? */
export function judgeFile(file: CandidateFile, platform: Platform, digests: Digests = portableDigests): JudgedFile {
	const refuse = (p: Problem, module?: ParsedModule): JudgedFile => ({
		name: file.name,
		role: 'refused',
		problem: { ...p, file: file.name },
		module,
	});
	const parsed = parseModule(file.bytes, { file: file.name, digests });
	if (!parsed.ok) return refuse(parsed.problems[0] ?? problem('NOT_A_MODULE', `${file.name} is not a module.`));
	const module = parsed.value;
	const { prefix } = module;
	const passOver = (role: FileRole, code: string, message: string): JudgedFile => ({
		name: file.name,
		role,
		problem: problem(code, message, { severity: 'info', file: file.name }),
		module,
	});
	const own = prefix.platformId === platform.id;
	// One SoftDevice file served all nRF52840 boards up to 3.3.x: its payload is the same, only the platform id differs.
	const shared = prefix.function === ModuleFunction.radioStack && platformById(prefix.platformId)?.mcu === platform.mcu;
	if (!own && !shared) {
		const other = platformById(prefix.platformId)?.displayName ?? `platform ${prefix.platformId}`;
		return passOver(
			'other-platform',
			'OTHER_PLATFORM',
			`${file.name} is for ${other}, not for ${platform.displayName}; it is not used.`,
		);
	}
	if (!module.sound) {
		const error = parsed.problems.find((p) => p.severity === 'error');
		return refuse(error ?? problem('MODULE_UNSOUND', `${file.name} is damaged. Fetch it again.`), module);
	}
	if (module.trailing.length > 0) {
		return refuse(
			problem(
				'MODULE_TRAILING_BYTES',
				`${module.trailing.length} bytes follow the module in ${file.name}. Fetch the file again.`,
			),
			module,
		);
	}
	const slot = slotOf(platform, prefix);
	if (!slot) {
		return refuse(
			problem(
				'MODULE_NOT_OF_PLATFORM',
				`${file.name} is a module of function ${prefix.function}, index ${prefix.index}. ${platform.displayName} has no place for that.`,
				{ field: 'prefix.function', found: prefix.function },
			),
			module,
		);
	}
	if (slot.encrypted || module.encrypted) {
		return {
			...passOver(
				'never-sent',
				'MODULE_NEVER_SENT',
				`${file.name} is ${slot.name}: it is encrypted for each chip and is never written.`,
			),
			slot,
		};
	}
	// One image of system and application (Core) is somebody's program as well.
	if (prefix.function === ModuleFunction.user || prefix.function === ModuleFunction.monolithic)
		return { name: file.name, role: 'application', module, slot };
	return { name: file.name, role: 'used', module, slot };
}

function sourced(
	module: ParsedModule,
	file: CandidateFile,
	slot: ModuleSlot,
	digests: Digests,
	options: CheckOptions,
): SourcedModule {
	return {
		slot: slot.name,
		origin: file.origin ?? `${options.source}: ${file.name}`,
		module,
		sha256: toHex(digests.sha256(module.bytes)),
		...(options.standIn ? { standIn: true } : {}),
	};
}

/** Bootloaders first, as the platform lists its modules. */
function inOrder<T extends { slot: ModuleSlot }>(platform: Platform, chosen: ReadonlyMap<string, T>): T[] {
	return platform.modules.flatMap((slot) => chosen.get(slot.name) ?? []);
}

function wanted(expected: readonly ReleaseModule[], slot: ModuleSlot): ReleaseModule | undefined {
	return expected.find((m) => m.slot === slot.name);
}

function newestSystemPart(judged: readonly JudgedFile[]): number | undefined {
	const numbers = judged
		.filter((j) => j.role === 'used' && j.slot?.function === ModuleFunction.system)
		.map((j) => j.module!.prefix.version);
	return numbers.length === 0 ? undefined : Math.max(...numbers);
}

/** Says why a sound module of this platform is not the one that the release has in its place, or nothing. */
function fitsRelease(
	name: string,
	module: ParsedModule,
	slot: ModuleSlot,
	platform: Platform,
	version: string,
	moduleVersion: number | undefined,
	expected: readonly ReleaseModule[],
): Problem | undefined {
	const { prefix } = module;
	const want = wanted(expected, slot);
	const number = want?.version ?? (slot.function === ModuleFunction.system ? moduleVersion : undefined);
	if (number !== undefined && prefix.version !== number) {
		const release =
			slot.function === ModuleFunction.system ? releaseByModuleVersion(platform, prefix.version)?.version : undefined;
		return problem(
			'OTHER_RELEASE',
			`${name} is ${slot.name} ${prefix.version}${release ? ` (release ${release})` : ''}; release ${version} has ${number}. It is not used.`,
			{ severity: 'info', file: name, field: 'prefix.version', expected: number, found: prefix.version },
		);
	}
	if (expected.length > 0 && !want) {
		return problem(
			'NOT_IN_RELEASE',
			`Release ${version} has no ${slot.name} of its own for ${platform.displayName}; ${name} is not used.`,
			{
				severity: 'info',
				file: name,
			},
		);
	}
	const region = slot.region === undefined ? undefined : regionOf(platform, slot.region, moduleVersion);
	if (region && !insideRegion(module, region)) {
		const window = `${address(region.start)} ... ${address(region.end)}`;
		return problem(
			'ADDRESS_OUTSIDE',
			`${name} says it stands at ${address(prefix.start)} ... ${address(prefix.end + SIZE_OF_CRC)}, but ${slot.name} of this release has ${window}. The file is not what it should be.`,
			{ file: name, field: 'prefix.start', expected: region.start, found: prefix.start },
		);
	}
	return undefined;
}

function insideRegion(module: ParsedModule, region: MemoryRegion): boolean {
	const { start, end } = module.prefix;
	return start === region.start && end + SIZE_OF_CRC <= region.end;
}

/**
 * Of two modules in one place: the one with the platform's own id (SoftDevices of other boards fit too), the first when they are the same,
 * or the one whose dependencies are those of the release. Undefined when nothing tells them apart.
 */
function betterOf(
	first: ParsedModule,
	second: ParsedModule,
	platform: Platform,
	want: ReleaseModule | undefined,
	digests: Digests,
): 'first' | 'second' | undefined {
	const own = (module: ParsedModule) => module.prefix.platformId === platform.id;
	if (own(first) !== own(second)) return own(first) ? 'first' : 'second';
	// Neither is the platform's own: SoftDevice files, whose stored hash is over the payload only.
	if (!own(first) && equalBytes(first.sha.stored, second.sha.stored)) return 'first';
	if (equalBytes(digests.sha256(first.bytes), digests.sha256(second.bytes))) return 'first';
	if (!want?.real) return undefined;
	const text = (dependencies: ReleaseModule['dependencies']) =>
		JSON.stringify(dependencies.map((d) => [d.function, d.index, d.version]));
	const right = text(want.dependencies);
	const one = text(first.dependencies) === right;
	if (one === (text(second.dependencies) === right)) return undefined;
	return one ? 'first' : 'second';
}

/** Names of what a device needs and the set does not have. NCP firmware may be missing: it is updated once in a device's life. */
function missing(
	platform: Platform,
	version: string,
	moduleVersion: number | undefined,
	expected: readonly ReleaseModule[],
	chosen: ReadonlyMap<string, unknown>,
	found: readonly Problem[],
): Problem[] {
	const number = moduleVersion ?? 0;
	const needed = platform.modules.filter(
		(slot) =>
			slot.required &&
			slot.transports.length > 0 &&
			inRange(slot.versions, number) &&
			(expected.length === 0 || expected.some((m) => m.slot === slot.name)),
	);
	const lacking = needed.filter((slot) => !chosen.has(slot.name)).map((slot) => slot.name);
	const out: Problem[] = [];
	if (lacking.length > 0) {
		const why = found.some((p) => p.severity === 'error')
			? ' The other problems say what is wrong with the files that are there.'
			: '';
		out.push(
			problem(
				'RELEASE_INCOMPLETE',
				`${lacking.join(', ')} of release ${version} for ${platform.displayName} ${lacking.length === 1 ? 'is' : 'are'} missing.${why} Add the file or let linac fetch the release.`,
				{ field: 'modules', expected: needed.map((s) => s.name), found: [...chosen.keys()] },
			),
		);
	}
	for (const m of expected) {
		if (chosen.has(m.slot) || lacking.includes(m.slot)) continue;
		out.push(
			problem('MODULE_NOT_INCLUDED', `${m.slot} ${m.version} is not among the files; it can be left as it is on the device.`, {
				severity: 'info',
				field: m.slot,
			}),
		);
	}
	return out;
}

/** Modules of the main chip's flash must not share a byte. An NCP's addresses are of another chip. */
function overlaps(modules: { name: string; module: ParsedModule }[]): Problem[] {
	const placed = modules
		.filter((m) => m.module.prefix.function !== ModuleFunction.ncp)
		.sort((a, b) => a.module.prefix.start - b.module.prefix.start);
	const out: Problem[] = [];
	for (let i = 1; i < placed.length; i++) {
		const before = placed[i - 1]!;
		const after = placed[i]!;
		if (before.module.prefix.end + SIZE_OF_CRC > after.module.prefix.start) {
			out.push(
				problem(
					'MODULES_OVERLAP',
					`${before.name} and ${after.name} overlap at ${address(after.module.prefix.start)}. They do not belong together.`,
					{
						file: after.name,
					},
				),
			);
		}
	}
	return out;
}
