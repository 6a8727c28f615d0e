/**
 * Where Device OS comes from, as the options say: folders and zips that were named, the cache, and, unless --offline, the network.
 * Shows downloads. Checking what comes in is the business of `@linac/catalog` and `@linac/host`.
 */
import { resolve } from 'node:path';
import type {
	FurtherQuery,
	Platform,
	ReleaseQuery,
	ReleaseSet,
	ReleaseSource,
	ReleaseSummary,
	SignedBy,
	SourcedModule,
	SourceProgress,
} from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import { cacheFolder, isFinal, openCache, openFurther, openRelease, standardSources } from '@linac/host';
import type { Context, SourceOptions } from './context.js';
import { ExitCode } from './exit-codes.js';
import { CommandFailure, usage } from './failure.js';
import { formatBytes } from './format.js';
import type { Output } from './output.js';
import { progressLine } from './progress.js';

export interface Sources {
	/** Begins to read what was named, while something else is waited for. What is wrong with it is told by whoever needs it first. */
	prepare(): void;
	/** Throws `RELEASE_NOT_AVAILABLE` with what every source answered. */
	open(query: ReleaseQuery, signal: AbortSignal): Promise<ReleaseSet>;
	/** The default application (Tinker) that goes with a release, preferably one that `fits`; undefined when none can be had. */
	application(
		platform: Platform,
		version: string,
		signal: AbortSignal,
		fits?: (application: SourcedModule) => boolean,
	): Promise<SourcedModule | undefined>;
	/** A file of a mirror that is no module, verified, e.g. `{ kind: 'mbr', mcu: 'nrf52840' }`; undefined when no mirror has it. */
	mirrorFile(query: FurtherQuery, signal: AbortSignal): Promise<{ bytes: Uint8Array; origin: string } | undefined>;
	/** Releases that need no network. */
	offline(signal: AbortSignal): Promise<ReleaseSummary[]>;
	/** Every release that some source says it has, those that need no network first. Asks nobody over the network. */
	all(signal: AbortSignal): Promise<ReleaseSummary[]>;
}

/** `told`: how far downloads are, for whoever shows them besides the terminal. */
export async function openSources(
	context: Context,
	options: SourceOptions,
	told?: (progress: SourceProgress) => void,
): Promise<Sources> {
	const paths = (options.source ?? []).map((path) => resolve(context.cwd, path));
	const cache = openCache(cacheFolder(context.env));
	if (options.mirrorKey !== undefined && paths.length === 0 && !context.env.LINAC_MIRROR)
		throw usage('--mirror-key is for mirrors, and none is named.', 'Name one with --source or LINAC_MIRROR.');
	const sources = standardSources({
		paths,
		cache,
		environment: context.env,
		...mirrorKey(context, options),
		onMirror: ({ name, signedBy }) => {
			if (signedBy) context.output.note(`Mirror ${name}: ${signedText(signedBy)}.`);
		},
		...(options.offline ? { offline: true } : {}),
	});
	const download = new DownloadProgress(context.output);
	const onProgress = (progress: SourceProgress) => {
		download.show(progress);
		told?.(progress);
	};
	let reading: Promise<void> | undefined;
	// What was named by the person and cannot be read, or holds nothing that can be used, ends the command: passing it over would use other files than was meant.
	const readNamed = (signal: AbortSignal) => {
		reading ??= (async () => {
			for (const source of sources.slice(0, paths.length)) await listed(source, signal);
		})().catch((error: unknown) => {
			reading = undefined;
			throw error;
		});
		return reading;
	};
	const open = async (query: ReleaseQuery, signal: AbortSignal) => {
		await readNamed(signal);
		try {
			const { release, tried } = await openRelease({ ...query, sources, cache, signal, onProgress });
			for (const t of tried) if (t.code.startsWith('MIRROR_')) context.output.note(`LINAC_MIRROR is passed over: ${t.message}`);
			return release;
		} catch (error) {
			if (!(error instanceof LinacError) || error.code !== 'RELEASE_NOT_AVAILABLE') throw error;
			const network = options.offline ? 'leave out --offline' : 'connect to the network';
			throw new LinacError(error.code, error.message, {
				retry: error.retry,
				details: error.details,
				hint: `Name a folder or zip that has it with --source, or ${network}. "linac releases --platform ${query.platform} --all" shows what can be had without network.`,
				cause: error,
			});
		} finally {
			download.end();
		}
	};
	const offline = async (signal: AbortSignal) => {
		const out: ReleaseSummary[] = [];
		for (const [i, source] of sources.entries()) {
			try {
				// Files that were named and what is in the cache; other sources list what the network has.
				for (const summary of await listed(source, signal)) if (summary.offline) out.push(summary);
			} catch (error) {
				// What LINAC_MIRROR names is asked when it is there: a share may be away for a while.
				if (i < paths.length || source.offline !== true || endsCommand(error) || isFinal(source, asLinacError(error)))
					throw error;
				context.output.note(`LINAC_MIRROR is passed over: ${(error as Error).message}`);
			}
		}
		return out;
	};
	return {
		prepare() {
			readNamed(context.signal).catch(() => {});
		},
		open,
		offline,
		async all(signal) {
			const network = sources.filter((s) => s.offline !== true);
			// What a source of the network says that it has is a table of linac's.
			const lists = await Promise.all(network.map((source) => source.list(signal)));
			return [...(await offline(signal)), ...lists.flat()];
		},
		async application(platform, version, signal, fits = () => true) {
			const release = await open({ platform: platform.name, version }, signal).catch((error: unknown) => {
				// Only a release that cannot be had leaves the question open. A mirror that was refused stays refused.
				if (endsCommand(error) || /^(MIRROR|KEY)_/.test(asLinacError(error).code)) throw error;
				return undefined;
			});
			// One that does not fit is better than none: whoever asked can say why it does not.
			let unfit: SourcedModule | undefined;
			const take = (application: SourcedModule | undefined) => {
				if (application && fits(application)) return application;
				unfit ??= application;
				return undefined;
			};
			const own = take(release?.application);
			if (own) return own;
			for (const source of sources) {
				if (!hasApplications(source)) continue;
				try {
					const verdict = await source.openApplication(platform.name, signal, onProgress, fits);
					const found = take(verdict.ok ? verdict.value : undefined);
					if (found) return found;
				} catch (error) {
					if (endsCommand(error) || isFinal(source, asLinacError(error))) throw error;
				} finally {
					download.end();
				}
			}
			return unfit;
		},
		async mirrorFile(query, signal) {
			await readNamed(signal);
			return openFurther(sources, query, signal);
		},
	};
}

/** The key that `--mirror-key` names: a file beside the caller, or the key itself. */
export function mirrorKey(context: Context, options: Pick<SourceOptions, 'mirrorKey'>): { mirrorKey?: string } {
	const named = options.mirrorKey ?? context.env.LINAC_MIRROR_KEY;
	if (named === undefined || named === '') return {};
	return { mirrorKey: named.startsWith('ed25519:') ? named : resolve(context.cwd, named) };
}

/** Who signed a mirror, and what that is worth. */
export function signedText(signedBy: SignedBy): string {
	return `signed by key ${signedBy.keyId}, ${signedBy.trusted ? 'which you trust' : 'not checked against a key that you trust (--mirror-key)'}`;
}

type ApplicationSource = ReleaseSource & {
	openApplication(
		platform: string,
		signal?: AbortSignal,
		onProgress?: (progress: SourceProgress) => void,
		fits?: (application: SourcedModule) => boolean,
	): Promise<import('@linac/core').Verdict<SourcedModule>>;
};

function hasApplications(source: ReleaseSource): source is ApplicationSource {
	return 'openApplication' in source;
}

/** A named source that holds nothing is an input that is refused, as is one that is missing or damaged. */
async function listed(source: ReleaseSource, signal: AbortSignal): Promise<ReleaseSummary[]> {
	try {
		return await source.list(signal);
	} catch (error) {
		if (!(error instanceof LinacError) || error.code !== 'SOURCE_EMPTY') throw error;
		const { hint, retry, details } = error;
		throw new CommandFailure(ExitCode.inputRefused, error.code, error.message, { hint, retry, details, cause: error });
	}
}

/** What no other source and no stand-in makes good. */
function endsCommand(error: unknown): boolean {
	return error instanceof LinacError && (error.code === 'CANCELLED' || error.code === 'CACHE_NOT_WRITABLE');
}

/** Redraws at most this often, in milliseconds. */
const redrawMs = 100;

class DownloadProgress {
	readonly #output: Output;
	#what = '';
	#began = 0;
	#last = 0;
	#drawn = false;

	constructor(output: Output) {
		this.#output = output;
	}

	show({ source, what, done, total }: SourceProgress): void {
		const now = performance.now();
		if (what !== this.#what) {
			this.#clear();
			this.#what = what;
			this.#began = now;
			if (!this.#output.json)
				this.#output.note(`Downloading ${what} (${source})${total === undefined ? '' : `, ${formatBytes(total)}`} ...`);
		}
		if (!this.#output.live || total === undefined || now - this.#last < redrawMs) return;
		this.#last = now;
		this.#drawn = true;
		this.#output.raw(`\r\u001b[2K${progressLine('downloading', done, total, now - this.#began, this.#output.errorWidth - 1)}`);
	}

	end(): void {
		this.#clear();
		this.#what = '';
	}

	#clear(): void {
		if (this.#drawn) this.#output.raw('\r\u001b[2K');
		this.#drawn = false;
	}
}
