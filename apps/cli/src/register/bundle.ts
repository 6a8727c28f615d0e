/** `linac bundle`: applications with their assets. */
import type { BundleOptions } from '../commands/bundle/create.js';
import { examples, type Registrar, withOutput } from '../registration.js';

export function registerBundle({ add, runs }: Registrar): void {
	const bundle = add(
		'bundle <application>',
		'put an application and its assets into one file, for Asset OTA',
		'Writes into the application which assets it needs, and puts both into a .zip as "particle bundle" makes it. First every asset is ' +
			'compressed and measured, and the whole is held against the room that the devices have: nothing is written that does not fit. ' +
			'Without --assets, project.properties of this folder, or else beside the application, says where the assets are (assetOtaDir). ' +
			'APPLICATION is the .bin file that your compiler made, for Device OS 5.5.0 or newer.',
	);
	// So that the options of "bundle list" and the others are their own.
	bundle.enablePositionalOptions();
	examples(
		withOutput(
			bundle
				.optionsGroup('What goes into it:')
				.option('--assets <folder|project.properties>', 'the folder with the assets, or the file that names it')
				.optionsGroup('Where it goes:')
				.option('-o, --out <file.zip>', 'name of the bundle; default: bundle_APPLICATION.zip in this folder')
				.option('--force', 'replace the file if it is there already'),
		),
		['linac bundle firmware.bin', 'with the assets that project.properties names'],
		['linac bundle firmware.bin --assets sounds/ -o product.zip', 'with the files of a folder'],
		['linac bundle verify product.zip', 'would a device find every asset?'],
	).action(runs<BundleOptions>(async () => (await import('../commands/bundle/create.js')).bundle));

	examples(
		withOutput(
			add(
				'list <file>',
				'show what is in a bundle, and what of it the application asks for',
				'FILE is a bundle of any tool, or an application.',
				bundle,
			),
		),
		['linac bundle list product.zip', 'its assets, their sizes, and the store that they go into'],
		['linac bundle list firmware.bin', 'the assets that an application asks for'],
	).action(runs<object>(async () => (await import('../commands/bundle/look.js')).listBundle));

	examples(
		withOutput(
			add(
				'strip <file>',
				'take a bundle apart: the application as the compiler made it, and the assets',
				'The application is written without its list of assets: byte for byte what it was before it was bundled.',
				bundle,
			)
				.optionsGroup('Where it goes:')
				.option('-o, --out <app.bin|folder>', 'a .bin for the application alone, or a folder for all of it')
				.option('--force', 'replace files that are there already'),
		),
		['linac bundle strip product.zip -o firmware.bin', 'the application alone'],
		['linac bundle strip product.zip -o product/', 'product/firmware.bin and product/assets/...'],
	).action(runs<{ output?: string; force?: boolean }>(async () => (await import('../commands/bundle/strip.js')).stripBundle));

	examples(
		withOutput(
			add(
				'verify <file>',
				'check that a bundle is whole: each asset the one that is asked for, and room for all',
				'Checks application and archive, that every asset that the application asks for is there with the right SHA-256, that nothing else ' +
					'is, that devices take the names, and that all of it fits into their store. Exit code 3 when something is wrong.',
				bundle,
			),
		),
		['linac bundle verify product.zip', 'before it is handed out'],
		['linac bundle verify product.zip --json', 'in a script'],
	).action(runs<object>(async () => (await import('../commands/bundle/look.js')).verifyBundle));
}
