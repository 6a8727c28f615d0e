/**
 * What plan, flash, update and verify have in common: read the files, find the device, work out which release is meant and open it.
 * Makes no decision about the device: that is the planner's.
 */
import type { ReleaseSet } from '@linac/catalog';
import type { Problem } from '@linac/core';
import { type DeviceSnapshot, type Goal, type GoalFile, type Permission, type Refusal, releaseNeeded } from '@linac/planner';
import type { DeviceSelector, JobLimits } from '@linac/programmer';
import { type DiscoveredDevice, listDevices } from '@linac/usb';
import { chooseDevice } from './choose-device.js';
import type { Connection } from './connect.js';
import type { Context, GoalOptions } from './context.js';
import { ExitCode } from './exit-codes.js';
import { defaultRelease, platformNamed, releaseNamed } from './facts.js';
import { type CommandFailure, refused, usage } from './failure.js';
import { readGoalFiles } from './goal-files.js';
import type { Sources } from './sources.js';
import { usbIds } from './usb-ids.js';

/** The files that were named. Throws with exit code 3 when one of them is no sound firmware: nothing has been looked at yet. */
export async function filesFor(
	context: Context,
	names: readonly string[],
	options: { applicationOnly?: boolean; local?: boolean } = {},
): Promise<GoalFile[]> {
	if (names.length === 0) return [];
	const files = await readGoalFiles(names, context.cwd, { nested: options.local ?? false });
	const problems = files.flatMap((f) => (f.module?.module.sound ? [] : f.problems.filter((p) => p.severity === 'error')));
	// What is wrong with the assets of a bundle does not matter where they are left out.
	const heeded = options.applicationOnly ? problems.filter((p) => !p.code.startsWith('ASSET_')) : problems;
	if (heeded.length > 0) {
		throw refused(ExitCode.inputRefused, heeded, 'Nothing was written. "linac inspect" shows what is in a file.');
	}
	if (!files.some((f) => f.module))
		throw usage('There is no firmware in what was named.', '"linac inspect" shows what is in a file.');
	if (heeded.length === problems.length) return files;
	return files.map((f) => (f.module ? f : { ...f, problems: f.problems.map((p) => ({ ...p, severity: 'info' as const })) }));
}

/** The one device that is meant. Throws with exit code 5 when that is not clear. */
export async function deviceFor(context: Context, connection: Connection, name: string | undefined) {
	return chooseDevice(await listDevices(connection.host, usbIds(), context.signal), connection.choose(name));
}

/** The same device again, also after it has restarted: by its id, or by its place where it tells none. */
export function selectorOf(found: DiscoveredDevice): DeviceSelector {
	return found.deviceId === undefined ? { location: found.location } : { deviceId: found.deviceId };
}

/** The waits of this system, and `operatorMs` for somebody at a terminal to press buttons or plug in a cable. */
export function limitsFor(context: Context, { environment }: Connection, operatorMs: number): Partial<JobLimits> {
	return { ...environment.limits, operatorMs: context.interactive ? operatorMs : 0 };
}

const permissions: readonly Permission[] = ['downgrade'];

export function goalOf(options: GoalOptions, files: GoalFile[], target: string | undefined): Goal {
	const allow = (options.allow ?? []).flatMap((a) => a.split(','));
	for (const a of allow) {
		if (!(permissions as readonly string[]).includes(a))
			throw usage(`There is nothing called "${a}" to allow.`, `It can be: ${permissions.join(', ')}.`);
	}
	if (options.applicationOnly && target !== undefined) {
		throw usage('--application-only and --target contradict each other.', 'Leave one of them out.');
	}
	return {
		files,
		applicationOnly: options.applicationOnly ?? false,
		allow: [...(allow as Permission[]), ...(options.experimental ? (['experimental'] as const) : [])],
		...(options.local ? { setupDone: true } : {}),
		...(options.bootloaderBy === undefined ? {} : { bootloaderWay: options.bootloaderBy }),
		...(target === undefined ? {} : { target }),
	};
}

/**
 * Opens the release that a job needs, and names it in the goal: the one that was named; for `update` without a name the default; else
 * what an application needs. Undefined: Device OS is left alone. Throws with exit code 8 when no source has it.
 */
export async function openFor(
	context: Context,
	sources: Sources,
	device: DeviceSnapshot,
	goal: Goal,
	options: { update: boolean },
): Promise<ReleaseSet | undefined> {
	const platform = platformNamed(device.platform);
	const named = goal.target ?? (options.update ? defaultRelease(platform).version : undefined);
	if (named !== undefined) goal.target = releaseNamed(named, platform).version;
	const version = releaseNeeded(device, goal);
	if (version === undefined) return undefined;
	if (goal.target === undefined)
		context.output.note(`The application needs a newer Device OS: ${version} will be installed with it.`);
	return sources.open({ platform: platform.name, version }, context.signal);
}

/** A refusal of the planner as a failure: about a file, exit code 3; else 4. */
export function planRefused(problems: readonly Problem[]): CommandFailure {
	const first = problems.find((p) => p.severity === 'error') ?? problems[0];
	const route = problems.flatMap((p) => (p as Refusal).route ?? []);
	const hints: string[] = [];
	if (route.length > 0) hints.push(`Go there in steps: ${route.map((v) => `--target ${v}`).join(', then ')}.`);
	if (problems.some((p) => /DOWNGRADE/.test(p.code) && !p.message.includes('--allow downgrade')))
		hints.push('If you mean it, add --allow downgrade.');
	hints.push('Nothing was written.');
	// A file that would make the device older is no bad file: permission is what is missing.
	const aboutFile = first?.file !== undefined && first.code !== 'DOWNGRADE_NOT_ALLOWED' && first.code !== 'NCP_NEVER_OLDER';
	return refused(aboutFile ? ExitCode.inputRefused : ExitCode.planRefused, problems, hints.join(' '));
}
