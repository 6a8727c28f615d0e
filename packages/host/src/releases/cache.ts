/**
 * What has been fetched once needs no network again: modules by their SHA-256, and an index of the releases that they make up. Every blob is
 * verified when it is read and every release judged again when it is opened; what is damaged is removed and fetched anew. Safe for
 * several processes: files appear whole or not at all. Layout: docs/releases.md.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
	checkRelease,
	compareVersions,
	judgeFile,
	platformByName,
	type ReleaseQuery,
	type ReleaseSet,
	type SourcedModule,
} from '@linac/catalog';
import { LinacError, toHex } from '@linac/core';
import { cacheFolder } from '../cache-folder.js';
import { nodeDigests } from '../digests.js';
import { writeWhole } from '../files.js';

export interface CachedRelease extends ReleaseQuery {
	/** Where it was fetched from. */
	source: string;
	/** Bytes of its modules. */
	size: number;
}

export interface ReleaseCache {
	readonly folder: string;
	/** For parts of downloads. */
	readonly partialFolder: string;
	/** Throws `CACHE_NOT_WRITABLE`. To be asked before a download, so that nothing is fetched that cannot be kept. */
	ensureWritable(): Promise<void>;
	has(query: ReleaseQuery): Promise<boolean>;
	list(): Promise<CachedRelease[]>;
	/** Undefined when it is not there, or was damaged: then it is removed. */
	get(query: ReleaseQuery): Promise<ReleaseSet | undefined>;
	/** Throws `CACHE_NOT_WRITABLE`. */
	put(set: ReleaseSet): Promise<void>;
	remove(query: ReleaseQuery): Promise<boolean>;
	/** Keeps bytes under a name, e.g. a fetched package. Throws `CACHE_NOT_WRITABLE`. */
	keep(name: string, bytes: Uint8Array): Promise<void>;
	kept(name: string): Promise<Uint8Array | undefined>;
	/** Whether bytes are kept under a name. Their content is verified by `kept`. */
	isKept(name: string): Promise<boolean>;
}

interface IndexEntry {
	format: typeof INDEX_FORMAT;
	platform: string;
	version: string;
	source: string;
	modules: IndexModule[];
	application?: IndexModule;
}
interface IndexModule {
	slot: string;
	origin: string;
	sha256: string;
	size: number;
	standIn?: boolean;
}

const INDEX_FORMAT = 'linac-cache/1';
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function openCache(folder: string = cacheFolder()): ReleaseCache {
	const blobPath = (sha256: string) => join(folder, 'blobs', sha256.slice(0, 2), sha256);
	const indexPath = (q: ReleaseQuery) => join(folder, 'releases', q.platform, `${q.version}.json`);
	const namePath = (name: string) => join(folder, 'names', `${toHex(nodeDigests.sha256(new TextEncoder().encode(name)))}.json`);

	async function write(path: string, content: Uint8Array | string): Promise<void> {
		await writeWhole(path, content).catch((error: unknown) => {
			throw cacheNotWritable(folder, error);
		});
	}

	async function putBlob(bytes: Uint8Array): Promise<string> {
		const sha256 = toHex(nodeDigests.sha256(bytes));
		if ((await getBlob(sha256)) === undefined) await write(blobPath(sha256), bytes);
		return sha256;
	}

	async function getBlob(sha256: string): Promise<Uint8Array | undefined> {
		if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
		const path = blobPath(sha256);
		const bytes = await readOrNothing(path);
		if (bytes === undefined) return undefined;
		if (toHex(nodeDigests.sha256(bytes)) === sha256) return bytes;
		await remove(path);
		return undefined;
	}

	async function readIndex(query: ReleaseQuery): Promise<IndexEntry | undefined> {
		if (!SAFE_NAME.test(query.platform) || !SAFE_NAME.test(query.version)) return undefined;
		const path = indexPath(query);
		const bytes = await readOrNothing(path);
		if (bytes === undefined) return undefined;
		const entry = parseIndex(bytes);
		if (entry && entry.platform === query.platform && entry.version === query.version) return entry;
		await remove(path);
		return undefined;
	}

	const cache: ReleaseCache = {
		folder,
		partialFolder: join(folder, 'partial'),

		async ensureWritable() {
			const path = join(folder, 'writable');
			await write(path, '');
			await remove(path);
		},

		async has(query) {
			const entry = await readIndex(query);
			if (!entry) return false;
			// Sizes only: opening verifies the content.
			for (const m of [...entry.modules, ...(entry.application ? [entry.application] : [])]) {
				const info = await stat(blobPath(m.sha256)).catch(() => undefined);
				if (info?.size !== m.size) return false;
			}
			return true;
		},

		async list() {
			const out: CachedRelease[] = [];
			for (const platform of await namesIn(join(folder, 'releases'))) {
				for (const file of await namesIn(join(folder, 'releases', platform))) {
					if (!file.endsWith('.json')) continue;
					const query = { platform, version: file.slice(0, -5) };
					const entry = await readIndex(query);
					if (!entry || !(await cache.has(query))) continue;
					out.push({ ...query, source: entry.source, size: entry.modules.reduce((sum, m) => sum + m.size, 0) });
				}
			}
			return out.sort((a, b) =>
				a.platform < b.platform ? -1 : a.platform > b.platform ? 1 : compareVersions(b.version, a.version),
			);
		},

		async get(query) {
			const entry = await readIndex(query);
			const platform = platformByName(query.platform);
			if (!entry || !platform) return undefined;
			const files = [];
			for (const m of entry.modules) {
				const bytes = await getBlob(m.sha256);
				if (bytes) files.push({ name: m.origin, origin: m.origin, bytes });
			}
			const standIn = entry.modules.length > 0 && entry.modules.every((m) => m.standIn === true);
			const verdict = checkRelease(files, {
				platform,
				version: entry.version,
				source: entry.source,
				digests: nodeDigests,
				standIn,
			});
			if (!verdict.ok || files.length !== entry.modules.length) {
				await remove(indexPath(query));
				return undefined;
			}
			const application = entry.application && (await readApplication(entry.application, platform.name));
			return application ? { ...verdict.value, application } : verdict.value;
		},

		async put(set) {
			if (!SAFE_NAME.test(set.platform) || !SAFE_NAME.test(set.version)) return;
			const store = async (m: SourcedModule): Promise<IndexModule> => ({
				slot: m.slot,
				origin: m.origin,
				sha256: await putBlob(m.module.bytes),
				size: m.module.bytes.length,
				...(m.standIn ? { standIn: true } : {}),
			});
			const modules: IndexModule[] = [];
			for (const m of set.modules) modules.push(await store(m));
			const entry: IndexEntry = {
				format: INDEX_FORMAT,
				platform: set.platform,
				version: set.version,
				source: set.source,
				modules,
			};
			if (set.application) entry.application = await store(set.application);
			// The index last: it never names a blob that is not there.
			await write(indexPath(set), `${JSON.stringify(entry, null, '\t')}\n`);
		},

		async remove(query) {
			const there = (await readIndex(query)) !== undefined;
			if (there) await rm(indexPath(query), { force: true });
			return there;
		},

		async keep(name, bytes) {
			const sha256 = await putBlob(bytes);
			await write(namePath(name), `${JSON.stringify({ name, sha256 })}\n`);
		},

		async kept(name) {
			const sha256 = await readName(name);
			const blob = sha256 === undefined ? undefined : await getBlob(sha256);
			if (sha256 !== undefined && blob === undefined) await remove(namePath(name));
			return blob;
		},

		async isKept(name) {
			const sha256 = await readName(name);
			return sha256 !== undefined && (await stat(blobPath(sha256)).catch(() => undefined)) !== undefined;
		},
	};

	/** The blob that a name stands for. */
	async function readName(name: string): Promise<string | undefined> {
		const bytes = await readOrNothing(namePath(name));
		if (bytes === undefined) return undefined;
		try {
			const { sha256 } = JSON.parse(new TextDecoder().decode(bytes)) as { sha256?: unknown };
			if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) return sha256;
		} catch {}
		await remove(namePath(name));
		return undefined;
	}

	async function readApplication(m: IndexModule, platformName: string): Promise<SourcedModule | undefined> {
		const bytes = await getBlob(m.sha256);
		const platform = platformByName(platformName);
		if (!bytes || !platform) return undefined;
		const judged = judgeFile({ name: m.origin, bytes }, platform, nodeDigests);
		if (judged.role !== 'application' || !judged.module) return undefined;
		return { slot: m.slot, origin: m.origin, module: judged.module, sha256: m.sha256, ...(m.standIn ? { standIn: true } : {}) };
	}

	return cache;
}

function parseIndex(bytes: Uint8Array): IndexEntry | undefined {
	try {
		const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<IndexEntry>;
		const right =
			value.format === INDEX_FORMAT &&
			typeof value.platform === 'string' &&
			typeof value.version === 'string' &&
			typeof value.source === 'string' &&
			Array.isArray(value.modules) &&
			[...value.modules, ...(value.application ? [value.application] : [])].every(
				(m) =>
					typeof m?.slot === 'string' &&
					typeof m.origin === 'string' &&
					typeof m.sha256 === 'string' &&
					typeof m.size === 'number',
			);
		return right ? (value as IndexEntry) : undefined;
	} catch {
		return undefined;
	}
}

/** The disk is full, or the folder cannot be made or written: somebody has to choose another one. */
export function cacheNotWritable(folder: string, cause: unknown): LinacError {
	// What wrote may have told it in its own words; the system's code is in the innermost cause.
	const system = cause instanceof LinacError ? (cause.cause ?? cause) : cause;
	const code = (system as { code?: string } | undefined)?.code ?? String(system);
	return new LinacError('CACHE_NOT_WRITABLE', `The cache ${folder} cannot be written (${code}).`, {
		retry: 'operator',
		details: { path: folder, reason: code },
		cause,
		hint:
			code === 'ENOSPC'
				? 'The disk is full: make room, or set LINAC_CACHE to a folder on another disk.'
				: 'Set LINAC_CACHE to a folder that can be written, or check the rights of this one.',
	});
}

/** Takes away what is damaged. A cache that may only be read keeps it: it is never believed anyway. */
async function remove(path: string): Promise<void> {
	await rm(path, { force: true }).catch(() => {});
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
	try {
		return new Uint8Array(await readFile(path));
	} catch {
		return undefined;
	}
}

async function namesIn(folder: string): Promise<string[]> {
	try {
		return (await readdir(folder)).sort();
	} catch {
		return [];
	}
}
