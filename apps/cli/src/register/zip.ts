/** `linac zip`: restore zips. */
import type { ZipOptions } from '../commands/zip.js';
import { examples, type Registrar, withOutput } from '../registration.js';
import { withRelease } from './hex.js';

export function registerZip({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withRelease(
				add(
					'zip',
					'make the restore zip of a release, with its manifest beside it',
					'Puts the modules of a Device OS version for one kind of board into a zip, named and laid out as in the download table of ' +
						'Particle\'s "Programming devices", and writes the JSON with their headers beside it. Every module is checked first. The same ' +
						'release gives the same file, whenever it is made.',
				),
			)
				.optionsGroup('Where it goes:')
				.option('-o, --out <file>', 'default: PLATFORM-VERSION.zip in the current folder')
				.option('--force', 'replace files that are there'),
		),
		['linac zip --platform boron --target 4.0.1', 'boron-4.0.1.zip and boron-4.0.1.json'],
		['linac zip -p p2 -t 5.8.2 --app firmware.bin -o p2.zip', 'with your application in place of Tinker'],
	).action(runs<ZipOptions>(async () => (await import('../commands/zip.js')).zip));
}
