/** What the command line asks of the catalogue: platforms by name, releases by version, and complaints about names that nothing has. */
import {
	latestInLine,
	type Platform,
	platformById,
	platformByName,
	platforms,
	type ReleaseEntry,
	recommendedRelease,
	releaseByVersion,
	releasesFor,
} from '@linac/catalog';
import type { PlatformNames } from '@linac/firmware';
import { ExitCode } from './exit-codes.js';
import { CommandFailure } from './failure.js';

export { slotLabel as slotName } from '@linac/catalog';

export const platformNames: PlatformNames = { get: (id) => platformById(id)?.name };

/** Throws `UNKNOWN_PLATFORM` with the names that there are. */
export function platformNamed(name: string): Platform {
	const platform = platformByName(name);
	if (platform) return platform;
	throw new CommandFailure(ExitCode.usage, 'UNKNOWN_PLATFORM', `There is no platform "${name}".`, {
		hint: `Platforms: ${platforms.map((p) => p.name).join(', ')}.`,
	});
}

/**
 * A release by what the user wrote: a version (`4.0.1`, `v4.0.1`), `latest`, or a line (`lts`, `4.x`, `4.0.x`), of which the latest
 * is taken. Throws `UNKNOWN_RELEASE`, or `PLAN_RELEASE_NOT_FOR_PLATFORM` when the platform never had it.
 */
export function releaseNamed(text: string, platform: Platform): ReleaseEntry {
	const exact = releaseByVersion(text);
	const release =
		exact ?? (/^(latest|lts|preview|legacy|\d+(\.\d+)?(\.x)?)$/i.test(text.trim()) ? latestInLine(platform, text) : undefined);
	const there = releasesFor(platform);
	const hint = `"linac releases --platform ${platform.name} --all" lists the versions for this device.`;
	if (!release) {
		const what = /^\d+\.\d+\.\d+/.test(text)
			? `no Device OS version ${text} in the catalogue`
			: `no release "${text}" of Device OS for the ${platform.displayName}`;
		throw new CommandFailure(ExitCode.releaseUnavailable, 'UNKNOWN_RELEASE', `There is ${what}.`, { hint });
	}
	if (!release.platforms.includes(platform.name)) {
		const last = there[0];
		throw new CommandFailure(
			ExitCode.planRefused,
			'PLAN_RELEASE_NOT_FOR_PLATFORM',
			`Device OS ${release.version} was never made for the ${platform.displayName}.${last ? ` The newest for it is ${last.version}.` : ''}`,
			{ hint },
		);
	}
	return release;
}

/** What `update` installs when no version is named: the recommended release. */
export function defaultRelease(platform: Platform): ReleaseEntry {
	const recommended = recommendedRelease(platform);
	if (recommended) return recommended.release;
	throw new CommandFailure(
		ExitCode.planRefused,
		'PLAN_NO_RELEASE_FOR_PLATFORM',
		`There is no Device OS release for the ${platform.displayName}.`,
	);
}
