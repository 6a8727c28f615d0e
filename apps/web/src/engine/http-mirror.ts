/** A mirror folder beside the site, read by HTTP. What a mirror is and how it is verified: `@linac/catalog`. */
import { type MirrorReader, mirrorSource } from '@linac/catalog';
import { LinacError, webEd25519 } from '@linac/core';
import type { ReleasePlace } from './release-place.js';
import { fetchFromSite } from './site.js';

/** Files of a mirror by HTTP. `base` ends with a slash. */
function httpReader(base: string): MirrorReader {
	return {
		name: base,
		async read(path, limit, signal) {
			// What the manifest names never changes under its name, or it is refused; the manifest itself is always asked for.
			const cache = path.includes('/') ? 'default' : 'no-cache';
			const response = await fetchFromSite(new URL(path, base), cache, signal);
			if (response.status === 404) return undefined;
			if (!response.ok) {
				throw new LinacError('SOURCE_UNREACHABLE', `${base}${path}: the server answers ${response.status}.`, { retry: 'job' });
			}
			const bytes = new Uint8Array(await response.arrayBuffer());
			return bytes.length > limit ? bytes.subarray(0, limit + 1) : bytes;
		},
	};
}

/** `base` ends with a slash. */
export function httpMirror(base: string): ReleasePlace {
	const source = mirrorSource({ reader: httpReader(base), ed25519: webEd25519 });
	return {
		name: source.name,
		// It is on a server: without a network only what is kept here can be had.
		list: async (signal) => (await source.list(signal)).map((r) => ({ ...r, offline: false })),
		open(query, signal, onProgress) {
			onProgress?.({ source: source.name, what: `Device OS ${query.version} for ${query.platform}`, done: 0 });
			return source.open(query, signal);
		},
		async application(platform, _fits, signal) {
			const verdict = await source.openApplication(platform.name, signal);
			return verdict.ok ? verdict.value : undefined;
		},
		further: (query, signal) => source.openFurther(query, signal),
	};
}
