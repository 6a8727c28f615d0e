/**
 * What differs between two files that somebody gives: modules field by field, images by part and by memory, archives (and what else holds several
 * modules) member by member. Which of the three is asked of the contents of both. Plain JSON.
 */
import { address, type Digests, equalBytes, type Problem, portableDigests, toHex, type Verdict } from '@linac/core';
import {
	contentKind,
	diffModules,
	type FieldDifference,
	type ModuleDiff,
	parseModule,
	readZip,
	splitModules,
} from '@linac/firmware';
import { diffImages, type ImageDiff } from '../read/diff-images.js';
import { type DiffRow, diffSummary, partRows, rangeRows } from '../read/diff-words.js';
import { type OpenedImage, openImage } from '../read/open-image.js';
import type { FileFinding } from './finding.js';
import { type InspectFileOptions, inspectFile } from './inspect-file.js';
import { moduleFinding, moduleTitle, platformNames } from './module-finding.js';

export interface ComparedFile {
	file: string;
	size: number;
	sha256: string;
	headline: string;
}

export interface FileComparison {
	format: 'linac-comparison/1';
	a: ComparedFile;
	b: ComparedFile;
	/** The same bytes. */
	identical: boolean;
	/** In one or two sentences. */
	summary: string;
	/** Of two modules. */
	module?: ModuleDiff;
	/** Of two images; the rows in words beside it. */
	image?: ImageDiff & { partRows: DiffRow[]; rangeRows: DiffRow[] };
	/** Of everything else. */
	members?: MemberDifference[];
	/** Why they cannot be compared, where they cannot. */
	problems: Problem[];
}

export interface MemberDifference {
	/**
	 * - `same`: the same bytes. `renamed`: the same bytes under another name.
	 * - `version`: the same module in another version. `content`: other bytes.
	 */
	kind: 'same' | 'renamed' | 'version' | 'content' | 'only-a' | 'only-b';
	a?: ComparedMember;
	b?: ComparedMember;
	/** Of two modules that differ: the fields that do. */
	fields?: FieldDifference[];
}

export interface ComparedMember {
	name: string;
	size: number;
	sha256: string;
	/** `bootloader 1101`; absent for what is no module. */
	module?: string;
}

interface Side {
	finding: FileFinding;
	bytes: Uint8Array;
	options: InspectFileOptions;
}

/** `options`: of A and of B, as for `inspectFile`. */
export function compareFiles(
	a: { file: string; bytes: Uint8Array; options?: InspectFileOptions },
	b: { file: string; bytes: Uint8Array; options?: InspectFileOptions },
	digests: Digests = portableDigests,
): FileComparison {
	const sides = [a, b].map(({ file, bytes, options = {} }): Side => {
		return { finding: inspectFile(file, bytes, { ...options, digests }), bytes, options: { ...options, digests } };
	});
	const [sideA, sideB] = sides as [Side, Side];
	const identical = equalBytes(a.bytes, b.bytes);
	return {
		format: 'linac-comparison/1',
		a: about(sideA.finding),
		b: about(sideB.finding),
		identical,
		...compared(sideA, sideB, identical, digests),
	};
}

function about({ file, size, sha256, headline }: FileFinding): ComparedFile {
	return { file, size, sha256, headline };
}

type Compared = Omit<FileComparison, 'format' | 'a' | 'b' | 'identical'>;

function compared(a: Side, b: Side, identical: boolean, digests: Digests): Compared {
	const kinds = [a.finding.kind, b.finding.kind];
	if (kinds.includes('none')) {
		const same = identical ? 'Both files have the same bytes.' : 'Their bytes differ.';
		const which = kinds[0] === 'none' ? (kinds[1] === 'none' ? 'Neither' : 'The first') : 'The second';
		const no = which === 'Neither' ? 'is' : 'is not';
		return { summary: `${same} ${which} ${no} firmware, so there is nothing else to compare.`, problems: [] };
	}
	if (kinds.every((k) => k === 'module')) return comparedModules(a, b, digests);
	if (kinds.includes('image') && kinds.every((k) => k === 'image' || k === 'module')) {
		const images = comparedImages(a, b);
		if (images) return images;
	}
	return comparedMembers(a, b, digests);
}

function comparedModules(a: Side, b: Side, digests: Digests): Compared {
	const [one, other] = [a, b].map((s) => parseModule(s.bytes, { file: s.finding.file, digests, platforms: platformNames }));
	if (!one?.ok || !other?.ok) return comparedMembers(a, b, digests);
	const module = diffModules(one.value, other.value, { platforms: platformNames });
	return { summary: moduleSummary(module), module, problems: [] };
}

function moduleSummary({ identical, fields, body }: ModuleDiff): string {
	if (identical) return 'They are the same module, byte for byte.';
	const meant = fields.filter((f) => !f.same && f.part !== 'body' && f.part !== 'vector-table');
	const names = meant.map((f) => f.name).join(', ');
	const header = meant.length === 0 ? 'Every field is the same' : `These fields differ: ${names}`;
	const code = body.same
		? 'the body is the same'
		: body.differing !== undefined
			? `${body.differing} of ${body.a} bytes of the body differ`
			: `the bodies have ${body.a} and ${body.b} bytes`;
	return `${header}; ${code}.`;
}

/** Undefined where one of them has no address, as an asset has none. */
function comparedImages(a: Side, b: Side): Compared | undefined {
	const [one, other] = [openSide(a), openSide(b)];
	if (!one.ok || !other.ok) return undefined;
	const diff = diffImages(one.value.reading, other.value.reading);
	return {
		summary: diffSummary(diff),
		image: { ...diff, partRows: partRows(diff), rangeRows: rangeRows(diff) },
		problems: [],
	};
}

function openSide({ finding, bytes, options }: Side): Verdict<OpenedImage> {
	const { base, ...rest } = options;
	// Intel HEX has its addresses in it.
	const given = base === undefined || contentKind(bytes) === 'intel-hex' ? rest : { ...rest, base };
	return openImage(finding.file, bytes, given);
}

interface Member extends ComparedMember {
	bytes: Uint8Array;
	/** Platform, function and index: two members with the same are the same thing in two versions. */
	place?: string;
}

function comparedMembers(a: Side, b: Side, digests: Digests): Compared {
	const [listA, listB] = [membersOf(a, digests), membersOf(b, digests)];
	const rest = new Set(listB);
	const take = (fits: (m: Member) => boolean): Member | undefined => {
		for (const m of rest) {
			if (!fits(m)) continue;
			rest.delete(m);
			return m;
		}
		return undefined;
	};
	// The same bytes first, so that a renamed file finds itself before a namesake does.
	const pairs = new Map<Member, Member | undefined>();
	for (const m of listA)
		pairs.set(
			m,
			take((o) => o.sha256 === m.sha256 && o.name === m.name),
		);
	for (const m of listA)
		if (!pairs.get(m))
			pairs.set(
				m,
				take((o) => o.sha256 === m.sha256),
			);
	for (const m of listA)
		if (!pairs.get(m))
			pairs.set(
				m,
				take((o) => o.place !== undefined && o.place === m.place),
			);
	for (const m of listA)
		if (!pairs.get(m))
			pairs.set(
				m,
				take((o) => o.place === undefined && o.name === m.name),
			);
	const members = [
		...listA.map((m) => memberDifference(m, pairs.get(m), digests)),
		...[...rest].map((m): MemberDifference => ({ kind: 'only-b', b: shown(m) })),
	];
	return { summary: membersSummary(members), members, problems: [] };
}

function membersOf(side: Side, digests: Digests): Member[] {
	return filesOf(side, digests).map((f): Member => {
		const parsed = parseModule(f.bytes, { file: f.name, digests });
		const member = { ...f, size: f.bytes.length, sha256: toHex(digests.sha256(f.bytes)) };
		if (!parsed.ok) return member;
		const { prefix } = parsed.value;
		const title = moduleTitle(moduleFinding(f.name, parsed.value, digests));
		// Assets have one place for all of them: their names tell them apart.
		const place = [prefix.platformId, prefix.function, prefix.index, ...(prefix.platformId === 0 ? [title] : [])].join('/');
		return { ...member, module: title, place };
	});
}

function filesOf(side: Side, digests: Digests): { name: string; bytes: Uint8Array }[] {
	const { finding, bytes } = side;
	const { file, kind } = finding;
	if (kind === 'zip' || kind === 'asset-bundle') {
		const listed = readZip(bytes, { file, digests });
		const entries = listed.ok ? listed.value.filter((e) => !e.isFolder) : [];
		return entries.flatMap((e) => {
			const data = e.read();
			return data.ok ? [{ name: e.name, bytes: data.value }] : [];
		});
	}
	if (kind === 'modules') {
		const split = splitModules(bytes, { file, digests });
		if (split.ok) return split.value.modules.map((m) => ({ name: `${file}@${m.offset}`, bytes: m.module.bytes }));
	}
	if (kind === 'image') {
		const opened = openSide(side);
		if (opened.ok) return opened.value.reading.parts.map((p) => ({ name: `${p.name} at ${address(p.start)}`, bytes: p.bytes }));
	}
	return [{ name: file, bytes }];
}

function shown({ name, size, sha256, module }: Member): ComparedMember {
	return { name, size, sha256, ...(module === undefined ? {} : { module }) };
}

function memberDifference(a: Member, b: Member | undefined, digests: Digests): MemberDifference {
	if (!b) return { kind: 'only-a', a: shown(a) };
	const both = { a: shown(a), b: shown(b) };
	if (a.sha256 === b.sha256) return { kind: a.name === b.name ? 'same' : 'renamed', ...both };
	const [one, other] = [a, b].map((m) => parseModule(m.bytes, { file: m.name, digests }));
	if (!one?.ok || !other?.ok) return { kind: 'content', ...both };
	const fields = diffModules(one.value, other.value, { platforms: platformNames }).fields.filter((f) => !f.same);
	const version = one.value.prefix.version !== other.value.prefix.version;
	return { kind: version ? 'version' : 'content', ...both, fields };
}

function membersSummary(members: readonly MemberDifference[]): string {
	const count = (...kinds: MemberDifference['kind'][]) => members.filter((m) => kinds.includes(m.kind)).length;
	const same = count('same', 'renamed');
	if (same === members.length) return 'Everything in them is the same.';
	const parts = [
		[count('version', 'content'), 'differ'],
		[count('only-a'), 'only in A'],
		[count('only-b'), 'only in B'],
		[same, 'the same'],
	] as const;
	return `Of their members ${parts
		.filter(([n]) => n > 0)
		.map(
			([n, words]) =>
				`${n} ${words === 'differ' && n === 1 ? 'differs' : words === 'differ' ? words : `${n === 1 ? 'is' : 'are'} ${words}`}`,
		)
		.join(', ')}.`;
}
