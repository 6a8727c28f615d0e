/**
 * Where the page's Device OS comes from: a mirror folder beside the site. Nothing is asked of anybody else. Every file is verified by
 * `@linac/catalog` before it is used.
 */
import {
	type FurtherQuery,
	type MirrorReader,
	type MirrorSource,
	mirrorSource,
	type Platform,
	type ReleaseQuery,
	type ReleaseSet,
	type ReleaseSource,
	type ReleaseSummary,
	type SourcedModule,
} from '@linac/catalog';
import { asLinacError, LinacError, throwIfCancelled, unwrap, webEd25519 } from '@linac/core';
import { keptFurther } from './kept-releases.js';

/** Files of a mirror by HTTP. `base` ends with a slash. */
export function httpMirror(base: string): MirrorReader {
	return {
		name: base,
		async read(path, limit, signal) {
			const response = await fetch(new URL(path, base), { signal: signal ?? null });
			if (response.status === 404) return undefined;
			if (!response.ok) {
				throw new LinacError('SOURCE_UNREACHABLE', `${base}${path}: the server answers ${response.status}.`, { retry: 'job' });
			}
			const bytes = new Uint8Array(await response.arrayBuffer());
			return bytes.length > limit ? bytes.subarray(0, limit + 1) : bytes;
		},
	};
}

let mirror: MirrorSource | undefined;

/** In the order in which they are asked. */
export function sources(): ReleaseSource[] {
	mirror ??= mirrorSource({ reader: httpMirror(new URL('mirror/', siteAddress()).href), ed25519: webEd25519 });
	return [mirror];
}

/** The folder of the site: the worker's file lies in `assets` in it. */
function siteAddress(): string {
	return new URL(import.meta.env.DEV ? '/' : '../', globalThis.location.href).href;
}

/** Throws `RELEASE_NOT_AVAILABLE` with what every source answered. */
export async function openRelease(query: ReleaseQuery, signal?: AbortSignal): Promise<ReleaseSet> {
	const answers: string[] = [];
	for (const source of sources()) {
		throwIfCancelled(signal);
		try {
			return unwrap(await source.open(query, signal));
		} catch (error) {
			const e = asLinacError(error);
			if (e.code === 'CANCELLED') throw e;
			answers.push(e.message);
		}
	}
	throw new LinacError(
		'RELEASE_NOT_AVAILABLE',
		`Device OS ${query.version} for ${query.platform} is not here. ${answers.join(' ')}`,
		{
			retry: 'operator',
			hint: 'Choose a release that is marked as being here, or drop a zip that has it.',
		},
	);
}

/** The default application (Tinker), preferably one that `fits`; undefined when none can be had. */
export async function openApplication(
	platform: Platform,
	signal?: AbortSignal,
	fits: (application: SourcedModule) => boolean = () => true,
): Promise<SourcedModule | undefined> {
	let unfit: SourcedModule | undefined;
	for (const source of sources()) {
		if (!('openApplication' in source)) continue;
		try {
			const verdict = await (source as MirrorSource).openApplication(platform.name, signal);
			if (verdict.ok && fits(verdict.value)) return verdict.value;
			if (verdict.ok) unfit ??= verdict.value;
		} catch (error) {
			if (asLinacError(error).code === 'CANCELLED') throw error;
		}
	}
	return unfit;
}

/** A file that is no module, e.g. `{ kind: 'mbr', mcu: 'nrf52840' }`: the MBR that images for blank boards need. Undefined when none can be had. */
export async function openFurther(
	query: FurtherQuery,
	signal?: AbortSignal,
): Promise<{ bytes: Uint8Array; origin: string } | undefined> {
	const kept = await keptFurther(query.kind, query.mcu);
	if (kept) return kept;
	for (const source of sources()) {
		if (!('openFurther' in source)) continue;
		try {
			const found = await (source as MirrorSource).openFurther(query, signal);
			if (found) return found;
		} catch (error) {
			if (asLinacError(error).code === 'CANCELLED') throw error;
		}
	}
	return undefined;
}

/** What every source says that it has. A source that cannot be read has nothing. */
export async function listReleases(signal?: AbortSignal): Promise<ReleaseSummary[]> {
	const lists = await Promise.all(
		sources().map((source) =>
			source.list(signal).catch((error: unknown) => {
				if (asLinacError(error).code === 'CANCELLED') throw error;
				return [];
			}),
		),
	);
	return lists.flat();
}
