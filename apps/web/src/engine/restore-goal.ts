/** Makes of what a person chose (release, application) what the programmer wants: files, and how releases are opened. */
import { asPlatform, type Platform, type ReleaseSet, releaseByVersion, type SourcedModule } from '@linac/catalog';
import { asLinacError, LinacError, type Problem, portableDigests } from '@linac/core';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { type GoalFile, goalFilesOf } from '@linac/planner';
import { standInApplication, standInRelease } from '@linac/virtual';
import { openApplication, openRelease } from './sources.js';
import type { ApplicationChoice } from './storage.js';

/** Virtual devices can be tried where no release is at hand: they take modules of linac's own builder then. Real ones never do. */
export async function openReleaseFor(
	virtual: boolean,
	platform: string,
	version: string,
	signal?: AbortSignal,
): Promise<ReleaseSet> {
	try {
		return await openRelease({ platform, version }, signal);
	} catch (error) {
		if (!virtual || asLinacError(error).code !== 'RELEASE_NOT_AVAILABLE') throw error;
		return standInRelease(platform, version);
	}
}

/** The default application for a release, `undefined` when none can be had that runs on it. */
export async function openDefaultApplication(
	virtual: boolean,
	platformName: string,
	version: string,
	signal?: AbortSignal,
): Promise<SourcedModule | undefined> {
	const platform = asPlatform(platformName);
	const number = releaseByVersion(version)?.moduleVersion ?? 0;
	const runs = ({ module }: { module: ParsedModule }) =>
		module.dependencies.every((d) => d.function !== ModuleFunction.system || d.version <= number);
	const found = await openApplication(platform, signal, runs);
	if (found && runs(found)) return found;
	return virtual ? standInApplication(platform, version) : undefined;
}

/** The files of a job. Throws `APPLICATION_NOT_AVAILABLE`, or the problem of a file that is none. */
export async function filesOf(
	choice: ApplicationChoice,
	platform: Platform,
	target: string,
	virtual: boolean,
	signal?: AbortSignal,
): Promise<GoalFile[]> {
	if (choice.kind === 'keep') return [];
	if (choice.kind === 'default') {
		const module = await openDefaultApplication(virtual, platform.name, target, signal);
		if (module) return [{ name: module.origin, module, problems: [] }];
		throw new LinacError(
			'APPLICATION_NOT_AVAILABLE',
			`No default application (Tinker) for Device OS ${target} on the ${platform.displayName} is here.`,
			{ retry: 'operator', hint: 'Choose a file of your own, or keep the application that is on the board.' },
		);
	}
	const files = goalFilesOf(choice.name, choice.bytes, { digests: portableDigests });
	const [problem] = problemsOf(files, choice.name);
	if (problem) throw new LinacError(problem.code, problem.message, { hint: 'Choose another file. Nothing was written.' });
	return files;
}

/** What forbids to use these files as an application. */
export function problemsOf(files: readonly GoalFile[], name: string): Problem[] {
	const problems = files.flatMap((f) => (f.module?.module.sound ? [] : f.problems.filter((p) => p.severity === 'error')));
	if (problems.length > 0 || files.some((f) => f.module)) return problems;
	return [{ code: 'NOT_FIRMWARE', severity: 'error', message: `There is no firmware in ${name}.`, file: name }];
}
