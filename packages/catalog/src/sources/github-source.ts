/**
 * GitHub's releases of particle-iot/device-os: `GET /repos/particle-iot/device-os/releases/tags/v{version}` answers with `assets: [{ name, url,
 * size, browser_download_url }]`; the files are single modules (`boron-system-part1@4.0.1.bin`), in older releases zips of them. An asset's
 * `url` gives the bytes when asked for `application/octet-stream`, by a redirect. Without a token GitHub allows 60 questions an hour.
 * Form read in device-os-flash-util 0.15.2: lib/module.js (`_downloadRelease`).
 */
import { bad, type Digests, type Problem, problem, throwIfCancelled, type Verdict } from '@linac/core';
import { asPlatform } from '../platforms.js';
import { expectedModules } from '../releases.js';
import type { Platform, ReleaseSet, ReleaseSource } from '../types.js';
import { type CandidateFile, checkRelease } from './check-release.js';
import { type Download, isRecord, notThere, plainFileName, readJson } from './download.js';
import { tableOf } from './table-of.js';
import { unpackZip } from './zip-archive.js';

export interface GithubOptions {
	download: Download;
	/** Without a trailing slash. */
	baseUrl?: string;
	/** Raises the rate limit. Never written anywhere. */
	token?: string;
	digests?: Digests;
}

interface Asset {
	name: string;
	url: string;
	size: number | undefined;
}

const LARGEST_ASSET = 128 * 1024 * 1024;
const LARGEST_ANSWER = 8 * 1024 * 1024;

export function githubSource(options: GithubOptions): ReleaseSource {
	const base = (options.baseUrl ?? 'https://api.github.com').replace(/\/+$/, '');
	const name = 'GitHub releases';
	const headers = (accept: string): Record<string, string> => ({
		accept,
		...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
	});
	return {
		name,
		async list() {
			return tableOf(name);
		},
		async open(query, signal, onProgress): Promise<Verdict<ReleaseSet>> {
			const platform = asPlatform(query.platform);
			const url = `${base}/repos/particle-iot/device-os/releases/tags/v${encodeURIComponent(query.version)}`;
			let answer: Verdict<unknown>;
			try {
				const got = await options.download(
					{ url, headers: headers('application/vnd.github+json'), limit: LARGEST_ANSWER },
					signal,
				);
				answer = readJson(got, name);
			} catch (error) {
				return bad(notThere(error, name, `release v${query.version}`));
			}
			if (!answer.ok) return answer;
			const assets = readAssets(answer.value);
			if (!assets)
				return bad(problem('ANSWER_UNEXPECTED', `${name} answered ${url} in a form that is not known. It may have changed.`));
			const wanted = chooseAssets(assets, platform, query.version);
			if (wanted.length === 0) {
				return bad(
					problem('RELEASE_NOT_AT_SOURCE', `${name}: release ${query.version} has no files for ${platform.displayName}.`),
				);
			}
			const files: CandidateFile[] = [];
			const problems: Problem[] = [];
			for (const asset of wanted) {
				throwIfCancelled(signal);
				let bytes: Uint8Array;
				try {
					const request = {
						url: asset.url,
						headers: headers('application/octet-stream'),
						limit: LARGEST_ASSET,
						size: asset.size,
					};
					bytes = (
						await options.download(request, signal, (done, total) =>
							onProgress?.({ source: name, what: asset.name, done, total: total ?? asset.size }),
						)
					).bytes;
				} catch (error) {
					return bad(notThere(error, name, `${asset.name}, which it lists itself`));
				}
				if (!asset.name.endsWith('.zip')) {
					files.push({ name: asset.name, origin: `${name}: ${asset.name}`, bytes });
					continue;
				}
				const entries = unpackZip(bytes, { file: asset.name, digests: options.digests, wanted: (n) => n.endsWith('.bin') });
				if (!entries.ok) problems.push(...entries.problems);
				else
					for (const e of entries.value)
						files.push({ name: `${asset.name}/${e.name}`, origin: `${name}: ${asset.name}/${e.name}`, bytes: e.bytes });
			}
			const verdict = checkRelease(files, { platform, version: query.version, source: name, digests: options.digests });
			return verdict.ok || problems.length === 0 ? verdict : bad(...problems, ...verdict.problems);
		},
	};
}

function readAssets(value: unknown): Asset[] | undefined {
	if (!isRecord(value) || !Array.isArray(value.assets)) return undefined;
	const out: Asset[] = [];
	for (const entry of value.assets) {
		const name = isRecord(entry) ? plainFileName(entry.name) : undefined;
		const url = isRecord(entry) ? (entry.url ?? entry.browser_download_url) : undefined;
		if (name === undefined || typeof url !== 'string') continue;
		out.push({ name, url, size: isRecord(entry) && typeof entry.size === 'number' ? entry.size : undefined });
	}
	return out;
}

/**
 * Names are only used to spare the network: single modules whose name begins with the platform's, else the zips, those with the platform's
 * name first. What the files are is decided by their headers.
 */
function chooseAssets(assets: readonly Asset[], platform: Platform, version: string): Asset[] {
	const slots = expectedModules(platform, version).map((m) => m.slot.replace(/\d+$/, ''));
	const kinds = slots.length > 0 ? [...new Set(slots)] : platform.modules.map((m) => m.name.replace(/\d+$/, ''));
	const bins = assets.filter(
		(a) => a.name.endsWith('.bin') && a.name.startsWith(`${platform.name}-`) && kinds.some((kind) => a.name.includes(`-${kind}`)),
	);
	if (bins.length > 0) return bins;
	const zips = assets.filter((a) => a.name.endsWith('.zip'));
	const named = zips.filter((a) => a.name.split(/[-_.@]/).includes(platform.name));
	return named.length > 0 ? named : zips;
}
