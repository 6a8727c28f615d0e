/** `linac releases`, and what is made of releases as a whole. */
import type { SourceOptions } from '../context.js';
import { examples, type Registrar, withOutput, withSources } from '../registration.js';

export function registerReleases({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withSources(
				add('releases', 'show Device OS versions, by platform and line')
					.optionsGroup('Which releases:')
					.option('-p, --platform <name>', 'only those for this kind of device, e.g. boron')
					.option('-l, --line <name>', 'only this line, e.g. 4.x or 4.0.x; or "lts", "preview", "legacy"')
					.option('-c, --channel <name>', 'only this channel: release, rc, beta, alpha, special')
					.option('-a, --all', 'every version; without it only the latest of each line'),
			),
		),
		['linac releases --platform boron', 'the latest of each line for a Boron'],
		['linac releases --line 4.0.x --all', 'every 4.0 version'],
	).action(
		runs<SourceOptions & { platform?: string; line?: string; channel?: string; all?: boolean }>(
			async () => (await import('../commands/releases.js')).releases,
		),
	);
}
