/** The application that boards are delivered with (Tinker), for a release: the one that came with it where it runs on it, else any that a source has. */
import type { Platform, ReleaseSet, SourcedModule } from '@linac/catalog';
import { bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { judgeApplication, surroundingsOfRelease } from '@linac/image';
import { openApplication } from './sources.js';

/** Bad with `APPLICATION_NOT_AVAILABLE`, or with why the only one that can be had does not run there. Good with warnings and notes about it. */
export async function defaultApplication(
	platform: Platform,
	release: ReleaseSet,
	signal: AbortSignal,
): Promise<Verdict<SourcedModule>> {
	const surroundings = surroundingsOfRelease(platform, release);
	const judged = (application: SourcedModule) => judgeApplication(application, application.origin, surroundings);
	const fits = (application: SourcedModule) => judged(application).every((p) => p.severity !== 'error');
	const own = release.application && fits(release.application) ? release.application : undefined;
	const found = own ?? (await openApplication(platform, signal, fits));
	if (!found) {
		const message = `No source has a default application for the ${platform.displayName}. Give your own, or choose none.`;
		return bad(problem('APPLICATION_NOT_AVAILABLE', message));
	}
	if (fits(found)) return good(found, judged(found));
	const advice = 'It is the default application that the source has. Give your own, or choose none.';
	const wrong = judged(found).filter((p) => p.severity === 'error');
	return bad(...wrong.map((p): Problem => ({ ...p, message: `${p.message} ${advice}` })));
}
