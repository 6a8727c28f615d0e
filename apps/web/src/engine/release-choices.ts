/** Which releases a device may be brought to, for a person to choose from: marked, with the one that is recommended and why. Not for opening them. */
import { type Platform, type ReleaseEntry, releasesFor } from '@linac/catalog';
import { type DeviceSnapshot, releaseCandidates } from '@linac/planner';
import { listReleases } from './sources.js';

export interface ReleaseChoice {
	version: string;
	line: ReleaseEntry['line'];
	/** `4.0.x`. */
	lineName: string;
	/** The latest final release of its line. */
	latestInLine: boolean;
	/** A pre-release, or of a line of previews: not shown until it is asked for. */
	preview: boolean;
	/** `offline`: it is here; `network`: a source that needs the network has it; `none`: no source lists it. */
	where: 'offline' | 'network' | 'none';
	/** Older than what is on the device. */
	older: boolean;
	/** Why this one is recommended; one release of them has it. */
	recommended?: string;
}

/** Newest first. `device`: what is known of it; without modules the recommendation is for the platform alone. */
export async function releaseChoices(device: DeviceSnapshot, platform: Platform, signal?: AbortSignal): Promise<ReleaseChoice[]> {
	const listed = (await listReleases(signal)).filter((r) => r.platform === platform.name);
	const where = (version: string): ReleaseChoice['where'] => {
		const own = listed.filter((r) => r.version === version);
		return own.some((r) => r.offline) ? 'offline' : own.length > 0 ? 'network' : 'none';
	};
	const candidates = releaseCandidates(device, platform);
	const best = candidates.find((c) => where(c.version) !== 'none') ?? candidates[0];
	const now = releasesFor(platform).find((r) => r.version === device.osVersion)?.moduleVersion ?? 0;
	return releasesFor(platform).map((release) => ({
		version: release.version,
		line: release.line,
		lineName: release.lineName,
		latestInLine: release.latestInLine,
		preview: release.line === 'preview' || release.channel !== 'release',
		where: where(release.version),
		older: release.moduleVersion < now,
		...(release.version === best?.version ? { recommended: best.why } : {}),
	}));
}
