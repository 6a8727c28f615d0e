/**
 * The documentation site's restore zips: `/assets/files/device-restore/{version}/{platform}.zip`, with a manifest of the headers beside it as
 * `{platform}.json`. Stored entries `softdevice.bin`, `system-part1.bin`, `bootloader.bin`, `tinker.bin`, ... Form read in the site's own
 * script (device-restore-usb). The published files of 6.0.0 are error pages and those of some Tracker releases are incomplete: each file is judged
 * by its header, so such a zip is refused with reasons.
 */
import { bad, type Digests, problem, type Verdict } from '@linac/core';
import { contentKind } from '@linac/firmware';
import { asPlatform } from '../platforms.js';
import type { ReleaseSet, ReleaseSource } from '../types.js';
import { checkRelease } from './check-release.js';
import { type Download, notThere } from './download.js';
import { tableOf } from './table-of.js';
import { unpackZip } from './zip-archive.js';

export interface DocsOptions {
	download: Download;
	/** Without a trailing slash. */
	baseUrl?: string;
	digests?: Digests;
}

const LARGEST_ZIP = 32 * 1024 * 1024;

export function docsSource(options: DocsOptions): ReleaseSource {
	const base = (options.baseUrl ?? 'https://docs.particle.io').replace(/\/+$/, '');
	const name = 'docs restore zips';
	return {
		name,
		async list() {
			return tableOf(name);
		},
		async open(query, signal, onProgress): Promise<Verdict<ReleaseSet>> {
			const platform = asPlatform(query.platform);
			const file = `${platform.name}.zip`;
			const url = `${base}/assets/files/device-restore/${encodeURIComponent(query.version)}/${file}`;
			let bytes: Uint8Array;
			try {
				const got = await options.download({ url, limit: LARGEST_ZIP }, signal, (done, total) =>
					onProgress?.({ source: name, what: `${query.version}/${file}`, done, total }),
				);
				bytes = got.bytes;
			} catch (error) {
				return bad(notThere(error, name, `release ${query.version} for ${platform.displayName}`));
			}
			if (contentKind(bytes) === 'html') {
				return bad(problem('ANSWER_IS_WEB_PAGE', `${name} answered ${url} with a web page instead of a zip file.`, { file }));
			}
			const entries = unpackZip(bytes, { file, digests: options.digests, wanted: (n) => n.endsWith('.bin') });
			if (!entries.ok) return entries;
			const files = entries.value.map((e) => ({
				name: `${file}/${e.name}`,
				origin: `${name}: ${query.version}/${file}/${e.name}`,
				bytes: e.bytes,
			}));
			return checkRelease(files, { platform, version: query.version, source: name, digests: options.digests });
		},
	};
}
