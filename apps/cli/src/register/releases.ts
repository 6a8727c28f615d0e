/** `linac releases`, and what is made of releases as a whole. */
import type { MirrorOptions, VerifyMirrorOptions } from '../commands/releases-mirror.js';
import type { SourceOptions } from '../context.js';
import { collect, examples, type Registrar, withOutput, withSources } from '../registration.js';

export function registerReleases({ add, runs }: Registrar): void {
	const releases = examples(
		withOutput(
			withSources(
				add('releases', 'show Device OS versions, by platform and line; make a mirror of them')
					.optionsGroup('Which releases:')
					.option('-p, --platform <name>', 'only those for this kind of device, e.g. boron')
					.option('-l, --line <name>', 'only this line, e.g. 4.x or 4.0.x; or "lts", "preview", "legacy"')
					.option('-c, --channel <name>', 'only this channel: release, rc, beta, alpha, special')
					.option('-a, --all', 'every version; without it only the latest of each line'),
			),
		),
		['linac releases --platform boron', 'the latest of each line for a Boron'],
		['linac releases --line 4.0.x --all', 'every 4.0 version'],
		['linac releases mirror --help', 'a folder for work without a network'],
	).action(
		runs<SourceOptions & { platform?: string; line?: string; channel?: string; all?: boolean }>(
			async () => (await import('../commands/releases.js')).releases,
		),
	);
	releases.enablePositionalOptions();

	const mirror = examples(
		withOutput(
			withSources(
				add(
					'mirror <dir>',
					'make a folder with all that is needed to work without a network, or add to one',
					'Fetches releases, checks every module, and writes them into DIR with their hashes, with the default application and, where ' +
						'linac has it, the MBR. Every command takes the folder with --source or LINAC_MIRROR, and verifies it before use. Running ' +
						'it again adds what is missing. Exit code 8 when something that was asked for cannot be had.',
					releases,
				)
					.optionsGroup('What goes into it:')
					.option('-p, --platform <name>', 'for this kind of device (may be given several times); default: all', collect)
					.option(
						'-t, --target <version>',
						'this version, or the latest of this line (may be given several times); default: lts',
						collect,
					)
					.optionsGroup('Signature:')
					.option('--sign <file>', 'sign it with this private Ed25519 key (PEM)'),
			),
		),
		['linac releases mirror dist/ --platform boron --target 4.0.1', 'one release for one platform'],
		['linac releases mirror dist/ --sign key.pem', 'the latest LTS for every platform, signed'],
		['linac flash --target 4.0.1 --source dist/ --offline', 'use it'],
	).action(runs<MirrorOptions>(async () => (await import('../commands/releases-mirror.js')).mirror));
	mirror.enablePositionalOptions();

	examples(
		withOutput(
			add(
				'verify <dir>',
				'check every file of a mirror',
				'Checks the signature, every hash and every module, and names files that do not belong to the mirror. Exit code 3 when something is wrong.',
				mirror,
			)
				.optionsGroup('Signature:')
				.option('--mirror-key <file>', 'public key that must have signed it: PEM, or "ed25519:..."; default: LINAC_MIRROR_KEY'),
		),
		['linac releases mirror verify dist/ --mirror-key key.pub.pem', 'complete, unchanged, and from whom it should be?'],
	).action(runs<VerifyMirrorOptions>(async () => (await import('../commands/releases-mirror.js')).verifyMirrorCommand));
}
