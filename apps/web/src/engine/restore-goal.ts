/** Makes of what a person chose (release, application) what the programmer wants: files, and how releases are opened. */
import type { Platform, ReleaseSet, SourcedModule, SourceProgress } from '@linac/catalog';
import { asLinacError, LinacError, type Problem, portableDigests, unwrap } from '@linac/core';
import { type GoalFile, goalFilesOf } from '@linac/planner';
import { standInApplication, standInRelease } from '@linac/virtual';
import { defaultApplication } from './default-application.js';
import { openRelease } from './sources.js';
import type { ApplicationChoice } from './storage.js';

export interface JobSourcesOptions {
	/** Virtual devices can be tried where no release is at hand: they take modules of linac's own builder then. Real ones never do. */
	virtual: boolean;
	signal: AbortSignal;
	onProgress(progress: SourceProgress): void;
}

/** Releases and default applications of one job: each is opened once. */
export class JobSources {
	readonly #platform: Platform;
	readonly #options: JobSourcesOptions;
	readonly #releases = new Map<string, Promise<ReleaseSet>>();
	#standIn = false;

	constructor(platform: Platform, options: JobSourcesOptions) {
		this.#platform = platform;
		this.#options = options;
	}

	/** Some modules were made in the place of real ones. */
	get standIn(): boolean {
		return this.#standIn;
	}

	/** Throws `RELEASE_NOT_AVAILABLE`. */
	release(version: string): Promise<ReleaseSet> {
		const opened = this.#releases.get(version) ?? this.#open(version);
		this.#releases.set(version, opened);
		return opened;
	}

	async #open(version: string): Promise<ReleaseSet> {
		const { virtual, signal, onProgress } = this.#options;
		try {
			return await openRelease({ platform: this.#platform.name, version }, signal, onProgress);
		} catch (error) {
			if (!virtual || asLinacError(error).code !== 'RELEASE_NOT_AVAILABLE') throw error;
			this.#standIn = true;
			return standInRelease(this.#platform, version);
		}
	}

	/** Throws `APPLICATION_NOT_AVAILABLE`, or why the only one that can be had does not run on the release. */
	async application(version: string): Promise<SourcedModule> {
		const verdict = await defaultApplication(this.#platform, await this.release(version), this.#options.signal);
		if (!verdict.ok && this.#options.virtual) {
			this.#standIn = true;
			return standInApplication(this.#platform, version);
		}
		return unwrap(verdict);
	}

	/** The files of a job. Throws what `application` throws, or the problem of a file that is none. */
	async files(choice: ApplicationChoice, target: string): Promise<GoalFile[]> {
		if (choice.kind === 'keep') return [];
		if (choice.kind === 'default') {
			const module = await this.application(target);
			return [{ name: module.origin, module, problems: [] }];
		}
		const files = goalFilesOf(choice.name, choice.bytes, { digests: portableDigests });
		const [problem] = problemsOf(files, choice.name);
		if (problem) throw new LinacError(problem.code, problem.message, { hint: 'Choose another file. Nothing was written.' });
		return files;
	}
}

/** What forbids to use these files as an application. */
export function problemsOf(files: readonly GoalFile[], name: string): Problem[] {
	const problems = files.flatMap((f) => (f.module?.module.sound ? [] : f.problems.filter((p) => p.severity === 'error')));
	if (problems.length > 0 || files.some((f) => f.module)) return problems;
	return [{ code: 'NOT_FIRMWARE', severity: 'error', message: `There is no firmware in ${name}.`, file: name }];
}
