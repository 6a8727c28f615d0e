/**
 * Particle's Device OS API: `GET /v1/device-os/versions/{version}?platform_id={id}` answers `{ version, base_url, modules: [{ filename,
 * prefixInfo, suffixInfo, crc }] }`, and each file is at `{base_url}/{filename}`. `version` may also be `latest` or a module number.
 * Form read in particle-cli 3.49.2: src/cmd/api.js:350, src/lib/device-os-version-util.js and its test. Needs no log-in.
 */
import { bad, type Digests, problem, throwIfCancelled, type Verdict } from '@linac/core';
import { asPlatform } from '../platforms.js';
import type { ReleaseSet, ReleaseSource } from '../types.js';
import { type CandidateFile, checkRelease } from './check-release.js';
import { type Download, isRecord, notThere, plainFileName, readJson } from './download.js';
import { tableOf } from './table-of.js';

export interface DeviceOsApiOptions {
	download: Download;
	/** Without a trailing slash. */
	baseUrl?: string;
	digests?: Digests;
	name?: string;
}

const LARGEST_MODULE_FILE = 4 * 1024 * 1024;
const LARGEST_ANSWER = 4 * 1024 * 1024;

export function deviceOsApiSource(options: DeviceOsApiOptions): ReleaseSource {
	const base = (options.baseUrl ?? 'https://api.particle.io').replace(/\/+$/, '');
	const name = options.name ?? 'Device OS API';
	return {
		name,
		async list() {
			return tableOf(name);
		},
		async open(query, signal, onProgress): Promise<Verdict<ReleaseSet>> {
			const platform = asPlatform(query.platform);
			const url = `${base}/v1/device-os/versions/${encodeURIComponent(query.version)}?platform_id=${platform.id}`;
			let answer: Verdict<unknown>;
			try {
				answer = readJson(
					await options.download({ url, headers: { accept: 'application/json' }, limit: LARGEST_ANSWER }, signal),
					name,
				);
			} catch (error) {
				return bad(notThere(error, name, `release ${query.version} for ${platform.displayName}`));
			}
			if (!answer.ok) return answer;
			const listed = readVersionAnswer(answer.value, url, name);
			if (!listed.ok) return listed;
			const files: CandidateFile[] = [];
			for (const filename of listed.value.filenames) {
				throwIfCancelled(signal);
				const fileUrl = `${listed.value.baseUrl}/${encodeURIComponent(filename)}`;
				try {
					const got = await options.download({ url: fileUrl, limit: LARGEST_MODULE_FILE }, signal, (done, total) =>
						onProgress?.({ source: name, what: filename, done, total }),
					);
					files.push({ name: filename, origin: `${name}: ${filename}`, bytes: got.bytes });
				} catch (error) {
					return bad(notThere(error, name, `${filename}, which it lists itself`));
				}
			}
			return checkRelease(files, { platform, version: listed.value.version, source: name, digests: options.digests });
		},
	};
}

function readVersionAnswer(
	value: unknown,
	url: string,
	source: string,
): Verdict<{ version: string; baseUrl: string; filenames: string[] }> {
	const wrong = (what: string) =>
		bad(
			problem('ANSWER_UNEXPECTED', `${source} answered ${url} in a form that is not known: ${what}. It may have changed.`, {
				field: what,
			}),
		);
	if (!isRecord(value)) return wrong('not an object');
	const { version, base_url: baseUrl, modules } = value;
	if (typeof version !== 'string') return wrong('version');
	if (typeof baseUrl !== 'string' || !/^https?:\/\//.test(baseUrl)) return wrong('base_url');
	if (!Array.isArray(modules) || modules.length === 0) return wrong('modules');
	const filenames: string[] = [];
	for (const entry of modules) {
		// Applications are listed too; they are no part of Device OS (the CLI leaves them out by the same field).
		if (isRecord(entry) && isRecord(entry.prefixInfo) && entry.prefixInfo.moduleFunction === 'user_part') continue;
		const filename = plainFileName(isRecord(entry) ? entry.filename : undefined);
		if (filename === undefined) return wrong('modules[].filename');
		filenames.push(filename);
	}
	return { ok: true, value: { version, baseUrl: baseUrl.replace(/\/+$/, ''), filenames }, problems: [] };
}
