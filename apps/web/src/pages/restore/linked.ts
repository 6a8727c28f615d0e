/** What a link to this page has chosen: `#/restore?platform=boron&version=4.0.1` of a release, `#/restore?device=virtual:...` of a board. */
import type { ReleaseChoice } from '../../engine/release-choices.js';
import { route } from '../../shell/router.js';
import type { Card } from './device-cards.js';

const given = (name: string) => route.value.query.get(name) ?? undefined;

/** The release of the link, where it is one for this board. */
export function linkedRelease(
	{ platform }: Pick<Card, 'platform'>,
	releases: readonly ReleaseChoice[],
): ReleaseChoice | undefined {
	return given('platform') === platform ? releases.find((r) => r.version === given('version')) : undefined;
}

/** The board of the link first, and those that the release of the link is for; the others as they were. */
export function linkedFirst<T extends Pick<Card, 'key' | 'platform'>>(cards: readonly T[]): readonly T[] {
	const meant = (card: T) => card.key === given('device') || card.platform === given('platform');
	return [...cards.filter(meant), ...cards.filter((card) => !meant(card))];
}

/** The release of the link, for a sentence. */
export function linkedGoal(): { platform: string; version: string } | undefined {
	const [platform, version] = [given('platform'), given('version')];
	return platform !== undefined && version !== undefined ? { platform, version } : undefined;
}
