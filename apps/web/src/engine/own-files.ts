/**
 * Files of Device OS that the person gave: zips and folders of modules, kept in this browser so that they are there next time, and the MBR of a restore
 * image. They come before every other source, and are judged each time they are used. Not for applications that a job is given.
 */
import {
	type CandidateFile,
	checkRelease,
	fileSource,
	mbrFacts,
	platformById,
	platforms,
	type ReleaseQuery,
	releaseByModuleVersion,
	unpackZip,
} from '@linac/catalog';
import { asLinacError, bad, LinacError, type Problem, problem } from '@linac/core';
import { contentKind, ModuleFunction, parseIntelHex, parseModule } from '@linac/firmware';
import { findMbr } from '@linac/image';
import type { ReleasePlace } from './release-place.js';
import { type OwnSet, releaseShelves as shelf } from './release-shelves.js';

/** A file as the page gives it. */
export interface GivenFile {
	/** With the folders above it, as far as they were given: `boron/4.0.1/boron-bootloader@4.0.1.bin`. */
	path: string;
	file: File;
}

export interface AddedFiles {
	sets: OwnSet[];
	/** MCUs whose MBR was found. */
	mbrs: string[];
	/** What is wrong with files that were not taken. */
	problems: Problem[];
}

/** Bytes of one file, and of all that are given at once: every release for a platform has less. */
const LARGEST = 256 * 1024 * 1024;

/** Keeps what is of use. Throws `STORAGE_FULL` when the browser has no room for it. */
export async function addOwnFiles(given: readonly GivenFile[]): Promise<AddedFiles> {
	const out: AddedFiles = { sets: [], mbrs: [], problems: [] };
	const loose: CandidateFile[] = [];
	const size = given.reduce((sum, g) => sum + g.file.size, 0);
	if (size > LARGEST) {
		const message = `The files have ${Math.round(size / 1e6)} MB; ${LARGEST / 1024 / 1024} MB are taken at once. Give the zip or folder of one release.`;
		return { ...out, problems: [problem('FILE_TOO_LARGE', message, { expected: LARGEST, found: size })] };
	}
	for (const { path, file } of given) {
		const bytes = new Uint8Array(await file.arrayBuffer());
		const kind = contentKind(bytes);
		if (kind === 'zip') await addZip(path, bytes, out);
		else if (kind === 'intel-hex') await addHex(path, bytes, out);
		else if (path.endsWith('.bin') || given.length === 1) loose.push({ name: path, bytes });
	}
	if (loose.length > 0) await addSet(nameOf(loose), loose, out);
	if (out.sets.length + out.mbrs.length + out.problems.length === 0) {
		out.problems.push(problem('NO_FILES', 'There are no module files (.bin), zips or restore images among what you gave.'));
	}
	return out;
}

async function addZip(name: string, bytes: Uint8Array, out: AddedFiles): Promise<void> {
	const entries = unpackZip(bytes, { file: name, wanted: (entry) => entry.endsWith('.bin') });
	if (entries.ok) await addSet(name, entries.value, out);
	else out.problems.push(...entries.problems);
}

async function addHex(name: string, bytes: Uint8Array, out: AddedFiles): Promise<void> {
	const hex = parseIntelHex(bytes, { file: name });
	if (!hex.ok) {
		out.problems.push(...hex.problems);
		return;
	}
	const problems: Problem[] = [];
	for (const mcu of new Set(platforms.map((p) => p.mcu))) {
		if (!mbrFacts({ mcu })) continue;
		const mbr = findMbr(hex.value.image, { mcu }, { file: name });
		if (mbr.ok) {
			await put(() => shelf.further.put({ key: `mbr ${mcu}`, origin: name, bytes: mbr.value.bytes }));
			out.mbrs.push(mcu);
		}
		problems.push(...mbr.problems);
	}
	out.problems.push(...problems);
}

async function addSet(name: string, files: readonly CandidateFile[], out: AddedFiles): Promise<void> {
	const modules = files.map((f) => ({ name: f.name, bytes: f.bytes }));
	let releases: ReleaseQuery[];
	try {
		releases = await fileSource({ name, read: async () => modules }).list();
	} catch (error) {
		const { code, message } = asLinacError(error);
		out.problems.push(problem(code, message, { file: name }));
		return;
	}
	if (releases.length === 0) {
		out.problems.push(...whyNoRelease(name, modules));
		return;
	}
	const set: OwnSet = {
		key: crypto.randomUUID(),
		name,
		releases: releases.map(({ platform, version }) => ({ platform, version })),
		files: modules.length,
		size: modules.reduce((sum, m) => sum + m.bytes.length, 0),
		added: new Date().toISOString(),
	};
	await put(() => shelf.ownFiles.put({ key: set.key, files: modules }));
	await put(() => shelf.own.put(set));
	// The same zip given again takes the place of the one before.
	for (const old of await shelf.own.all()) if (old.name === name && old.key !== set.key) await removeOwnFiles(old.key);
	out.sets.push(set);
}

/** What is missing for the first release that a system part among the files belongs to. */
function whyNoRelease(name: string, files: readonly CandidateFile[]): Problem[] {
	for (const file of files) {
		const parsed = parseModule(file.bytes, { file: file.name });
		const prefix = parsed.ok && parsed.value.sound ? parsed.value.prefix : undefined;
		const platform = prefix && platformById(prefix.platformId);
		if (!platform || prefix.function !== ModuleFunction.system) continue;
		const release = releaseByModuleVersion(platform, prefix.version);
		if (!release) {
			const message = `${name} holds system part ${prefix.version} for ${platform.displayName}, which is of no release in linac's table.`;
			return [problem('RELEASE_NOT_IN_TABLE', message, { file: name, found: prefix.version })];
		}
		const verdict = checkRelease(files, { platform, version: release.version, source: name });
		if (!verdict.ok) return verdict.problems.filter((p) => p.severity === 'error');
	}
	const message = `${name} holds no system part, so it is no release. Give all modules of a release together, as a zip or folder.`;
	return [problem('RELEASE_INCOMPLETE', message, { file: name })];
}

function nameOf(files: readonly CandidateFile[]): string {
	const [first] = files;
	const top = first?.name.split('/')[0];
	const folder = top !== undefined && files.every((f) => f.name.startsWith(`${top}/`)) ? top : undefined;
	return folder ?? (files.length === 1 ? first!.name : `${files.length} files`);
}

async function put(work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (error) {
		if ((error as DOMException).name !== 'QuotaExceededError') throw error;
		throw new LinacError('STORAGE_FULL', 'The browser has no room to keep these files.', {
			retry: 'operator',
			hint: 'Remove releases or files that are kept here, or make room on the disk.',
			cause: error,
		});
	}
}

/** Newest first. */
export async function ownFiles(): Promise<OwnSet[]> {
	return (await shelf.own.all()).sort((a, b) => b.added.localeCompare(a.added));
}

export async function removeOwnFiles(key: string): Promise<void> {
	await shelf.own.remove(key);
	await shelf.ownFiles.remove(key);
}

async function open({ platform, version }: ReleaseQuery) {
	for (const set of await ownFiles()) {
		if (!set.releases.some((r) => r.platform === platform && r.version === version)) continue;
		const kept = await shelf.ownFiles.get(set.key);
		if (kept) return checkRelease(kept.files, { platform, version, source: set.name });
	}
	return bad(problem('RELEASE_NOT_AT_SOURCE', 'It is not among your own files.', { field: 'version' }));
}

export const ownPlace: ReleasePlace = {
	name: 'your own files',
	async list() {
		const sets = await ownFiles();
		return sets.flatMap((set) => set.releases.map((r) => ({ ...r, source: set.name, offline: true })));
	},
	open,
	/** One that came with a release: an application alone is not what every board is to get. */
	async application(platform, fits) {
		for (const set of await ownFiles()) {
			const release = set.releases.find((r) => r.platform === platform.name);
			const verdict = release && (await open(release));
			const application = verdict?.ok ? verdict.value.application : undefined;
			if (application && fits(application)) return application;
		}
		return undefined;
	},
	// The MBR of an image that was given is kept with the others.
	further: async () => undefined,
};
