/**
 * Releases out of npm's particle-cli packages, which carried Device OS modules up to 3.13 (`assets/updates`) and carry default applications
 * (`assets/knownApps`). The npm client is asked for everything that is its business: which registry, which address, which token. A package that
 * has been fetched is kept, so that the next platform needs no network.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	asPlatform,
	type Download,
	type ReleaseSet,
	type ReleaseSource,
	type SourcedModule,
	type SourceProgress,
	tarballs,
	tarballsWith,
	tarballsWithApplication,
} from '@linac/catalog';
import { bad, type Clock, cancelled, LinacError, problem, systemClock, throwIfCancelled, type Verdict } from '@linac/core';
import type { ReleaseCache } from './cache.js';
import { NAME, packageName, releaseIn, tinkerIn } from './particle-cli-package.js';

/** Runs the npm client: exit code and output. Throws when it cannot be started. */
export type RunNpm = (args: string[], signal?: AbortSignal) => Promise<{ code: number; stdout: string; stderr: string }>;

export interface NpmSourceOptions {
	download: Download;
	cache?: ReleaseCache;
	runNpm?: RunNpm;
	/** Milliseconds until the registry (or npm's proxy) must have taken a connection, the client's own start included. */
	connectMs?: number;
	/** For the proxy variables that npm honours. */
	environment?: Record<string, string | undefined>;
	clock?: Clock;
}

type OnProgress = ((progress: SourceProgress) => void) | undefined;

/** npm's own defaults are two more tries and five minutes for each answer. */
const PATIENCE = ['--fetch-retries=0', '--fetch-timeout=30000'];
const LARGEST_PACKAGE = 64 * 1024 * 1024;

export interface NpmSource extends ReleaseSource {
	/** The default application (Tinker) for a platform: the first that `fits`, where it is given. */
	openApplication(
		platform: string,
		signal?: AbortSignal,
		onProgress?: (progress: SourceProgress) => void,
		fits?: (application: SourcedModule) => boolean,
	): Promise<Verdict<SourcedModule>>;
}

export function npmSource(options: NpmSourceOptions): NpmSource {
	const runNpm = options.runNpm ?? spawnNpm;
	const environment = options.environment ?? process.env;
	let versionsThere: Promise<ReadonlySet<string>> | undefined;

	/** Versions that the registry has. Asked once. */
	async function published(signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
		await registryReachable(runNpm, options.connectMs ?? 3000, options.clock ?? systemClock, environment, signal);
		const view = await runNpm(['view', 'particle-cli', 'versions', '--json', ...PATIENCE], signal);
		try {
			if (view.code === 0) return new Set(JSON.parse(view.stdout) as string[]);
		} catch {}
		throw new LinacError(
			'SOURCE_UNREACHABLE',
			`npm could not be asked which particle-cli packages there are: ${lastLine(view.stderr)}`,
			{
				retry: 'job',
				hint: 'Check npm and its registry.',
			},
		);
	}

	async function fetchPackage(version: string, signal: AbortSignal | undefined, onProgress: OnProgress): Promise<Uint8Array> {
		const spec = `particle-cli@${version}`;
		const view = await runNpm(['view', spec, 'dist.tarball', 'dist.integrity', '--json', ...PATIENCE], signal);
		const dist = readDist(view.stdout);
		let bytes: Uint8Array;
		try {
			if (!dist.tarball) throw new LinacError('HTTP_ERROR', 'npm gave no address.');
			const got = await options.download({ url: dist.tarball, limit: LARGEST_PACKAGE }, signal, (done, total) =>
				onProgress?.({ source: NAME, what: spec, done, total }),
			);
			bytes = got.bytes;
		} catch (error) {
			if (error instanceof LinacError && ['CANCELLED', 'CACHE_NOT_WRITABLE'].includes(error.code)) throw error;
			// A registry behind a log-in or a proxy: npm knows how to fetch from it.
			bytes = await packWithNpm(spec, runNpm, signal);
		}
		if (dist.integrity !== undefined && !integrityRight(bytes, dist.integrity)) {
			throw new LinacError('DOWNLOAD_DAMAGED', `${spec} does not have the checksum that the registry says. Fetch it again.`, {
				retry: 'job',
			});
		}
		await options.cache?.keep(packageName(version), bytes);
		return bytes;
	}

	/** The first of the versions that is kept, else the first that is published. */
	async function firstPackage(versions: readonly string[], signal: AbortSignal | undefined, onProgress: OnProgress) {
		throwIfCancelled(signal);
		for (const version of versions) {
			const bytes = await options.cache?.kept(packageName(version));
			if (bytes) return { version, bytes };
		}
		if (versions.length === 0) return undefined;
		// Megabytes that cannot be kept would be fetched again for every platform.
		await options.cache?.ensureWritable();
		versionsThere ??= published(signal).catch((error: unknown) => {
			versionsThere = undefined;
			throw error;
		});
		const there = await versionsThere;
		const version = versions.find((v) => there.has(v));
		return version === undefined ? undefined : { version, bytes: await fetchPackage(version, signal, onProgress) };
	}

	return {
		name: NAME,
		async list() {
			const seen = new Set<string>();
			for (const t of tarballs)
				for (const [version, names] of Object.entries(t.releases)) for (const n of names) seen.add(`${n} ${version}`);
			return [...seen].map((key) => {
				const [platform, version] = key.split(' ') as [string, string];
				return { platform, version, source: NAME, offline: false };
			});
		},
		async open(query, signal, onProgress): Promise<Verdict<ReleaseSet>> {
			const platform = asPlatform(query.platform);
			const versions = tarballsWith(platform, query.version).reverse();
			if (versions.length === 0) {
				return bad(
					problem('RELEASE_NOT_AT_SOURCE', `No particle-cli package has release ${query.version} for ${platform.displayName}.`, {
						field: 'version',
					}),
				);
			}
			const found = await firstPackage(versions, signal, onProgress);
			if (!found)
				return bad(problem('RELEASE_NOT_AT_SOURCE', `The npm registry has none of particle-cli ${versions.join(', ')}.`));
			return releaseIn(found, platform, query.version);
		},
		async openApplication(name, signal, onProgress, fits = () => true) {
			const platform = asPlatform(name);
			let versions = tarballsWithApplication(platform);
			for (;;) {
				const found = await firstPackage(versions, signal, onProgress);
				if (!found) break;
				const application = tinkerIn(found, platform);
				if (application && fits(application)) return { ok: true, value: application, problems: [] };
				versions = versions.filter((v) => v !== found.version);
			}
			const message = `No particle-cli package has a default application for ${platform.displayName} that fits.`;
			return bad(problem('APPLICATION_NOT_AT_SOURCE', message));
		},
	};
}

function readDist(stdout: string): { tarball?: string; integrity?: string } {
	try {
		const value = JSON.parse(stdout) as Record<string, unknown>;
		const tarball = value['dist.tarball'];
		const integrity = value['dist.integrity'];
		return { ...(typeof tarball === 'string' ? { tarball } : {}), ...(typeof integrity === 'string' ? { integrity } : {}) };
	} catch {
		return {};
	}
}

/** Subresource integrity, as npm uses it: `sha512-` and base64; several may stand side by side. */
function integrityRight(bytes: Uint8Array, integrity: string): boolean {
	const known = integrity.split(/\s+/).filter((part) => /^sha(1|256|384|512)-/.test(part));
	return (
		known.length === 0 ||
		known.some((part) => {
			const [algorithm, value] = part.split(/-(.*)/s) as [string, string];
			return createHash(algorithm).update(bytes).digest('base64') === value;
		})
	);
}

async function packWithNpm(spec: string, runNpm: RunNpm, signal: AbortSignal | undefined): Promise<Uint8Array> {
	const folder = await mkdtemp(join(tmpdir(), 'linac-npm-'));
	try {
		const packed = await runNpm(['pack', spec, '--silent', ...PATIENCE, '--pack-destination', folder], signal);
		const file = (await readdir(folder)).find((n) => n.endsWith('.tgz'));
		if (packed.code !== 0 || file === undefined) {
			throw new LinacError('SOURCE_UNREACHABLE', `npm could not fetch ${spec}: ${lastLine(packed.stderr)}`, {
				retry: 'job',
				hint: 'Check npm and its registry.',
			});
		}
		return new Uint8Array(await readFile(join(folder, file)));
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

/** npm itself would try for minutes; so its registry, or the proxy that it goes through, is called first. */
async function registryReachable(
	runNpm: RunNpm,
	limitMs: number,
	clock: Clock,
	environment: Record<string, string | undefined>,
	signal: AbortSignal | undefined,
): Promise<void> {
	const begin = clock.now();
	const config = await runNpm(['config', 'get', 'registry', 'https-proxy', 'proxy'], signal);
	const lines = config.stdout.split('\n');
	const value = (key: string) => {
		const text = lines.find((l) => l.startsWith(`${key}=`) || l.startsWith(`${key} = `))?.replace(/^[^=]*=\s*/, '');
		return ['', 'null', 'undefined'].includes(text?.trim() ?? '') ? undefined : text?.trim();
	};
	const named = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY']
		.map((key) => environment[key])
		.find((v) => v !== undefined && v !== '');
	let url: URL;
	try {
		url = new URL(value('https-proxy') ?? value('proxy') ?? named ?? value('registry') ?? '');
	} catch {
		return;
	}
	const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
	// The client took its part of the time; half a second is left at least.
	const connectMs = Math.max(500, limitMs - (clock.now() - begin));
	await new Promise<void>((resolve, reject) => {
		const socket = connect({ host: url.hostname, port });
		const timer = new AbortController();
		const end = (error?: LinacError) => {
			timer.abort();
			signal?.removeEventListener('abort', stop);
			socket.destroy();
			if (error) reject(error);
			else resolve();
		};
		const stop = () => end(cancelled(signal?.reason));
		const out = (why: string) =>
			end(
				new LinacError('SOURCE_UNREACHABLE', `npm's registry cannot be reached (${why}).`, {
					retry: 'job',
					hint: 'Check the network, or give a folder with the files of the release.',
				}),
			);
		signal?.addEventListener('abort', stop, { once: true });
		clock.sleep(connectMs, timer.signal).then(
			() => out(`no connection within ${limitMs / 1000} seconds`),
			() => {},
		);
		socket.once('connect', () => end());
		socket.once('error', (error: { code?: string }) => out(error.code ?? String(error)));
	});
}

const spawnNpm: RunNpm = (args, signal) =>
	new Promise((resolve, reject) => {
		const windows = process.platform === 'win32';
		const child = spawn(windows ? 'npm.cmd' : 'npm', args, { stdio: ['ignore', 'pipe', 'pipe'], shell: windows, signal });
		let stdout = '';
		let stderr = '';
		child.stdout.on('data', (chunk: Buffer) => {
			stdout += chunk.toString();
		});
		child.stderr.on('data', (chunk: Buffer) => {
			stderr += chunk.toString();
		});
		child.once('error', (error: { name?: string; code?: string }) => {
			if (error.name === 'AbortError') reject(cancelled(signal?.reason));
			else
				reject(
					new LinacError('SOURCE_UNREACHABLE', `The npm client cannot be run (${error.code ?? String(error)}).`, {
						retry: 'operator',
						cause: error,
					}),
				);
		});
		child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
	});

function lastLine(text: string): string {
	const lines = text.split('\n').map((l) => l.replace(/^npm (error|ERR!)\s*/, '').trim());
	return lines.find((l) => l !== '' && !l.startsWith('npm warn')) ?? 'it failed without a message';
}
