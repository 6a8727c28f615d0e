/** `linac backup`: what is on a device, in a file, and back. */
import type { MakeBackupOptions } from '../commands/backup.js';
import type { RestoreOptions } from '../commands/backup-restore.js';
import { collect, examples, type Registrar, withBackup, withDevice, withOutput, withWriting } from '../registration.js';

export function registerBackup({ add, runs }: Registrar): void {
	const backup = add(
		'backup',
		'keep settings, keys and application of a device in a file, and put them back',
		'Reads the settings of a device (DCT: keys, server address, claim code, ...), its application and its list of modules into one file. ' +
			'Writes nothing to the device, which restarts into DFU mode and back. Commands that write make such a backup by themselves first. ' +
			'The file holds private keys: only you can read it; keep it so.',
	);
	examples(
		withOutput(withDevice(backup))
			.optionsGroup('Where it goes:')
			.option('-o, --output <file>', 'default: a new file in the folder for backups (LINAC_BACKUPS)'),
		['linac backup', 'the only device that is connected'],
		['linac backup -o before-the-workshop.json', 'into a file of your choice'],
		['linac backup inspect FILE', 'what is in one; secrets are not shown'],
		['linac backup restore FILE', 'put settings and application back'],
	).action(runs<MakeBackupOptions>(async () => (await import('../commands/backup.js')).makeBackup));

	examples(
		withOutput(
			add(
				'inspect <file>',
				'show what is in a backup, without secrets',
				'Checks a backup and shows what is in it. Keys are shown by the SHA-256 of their public key only.',
				backup,
			),
		),
		['linac backup inspect boron.json', 'is it whole, and of which device is it?'],
	).action(runs<object>(async () => (await import('../commands/backup.js')).inspectBackup));

	examples(
		withOutput(
			withBackup(
				withWriting(
					withDevice(
						add(
							'restore <file>',
							'put settings and application of a backup back',
							'Shows what differs, asks, keeps what is there now in a new backup, writes, and reads back. What would make the device ' +
								'install something or restart in another way (update flags, module slots) is never put back (docs/backup.md).',
							backup,
						),
					)
						.optionsGroup('What to put back:')
						.option(
							'--only <part>',
							'dct, application, keys, server, claim-code, wifi or settings (may be given several times); default: all',
							collect,
						)
						.option('--to-another-device', 'the backup is of another device: its keys, claim code and numbers are left out')
						.option('--with-device-keys', 'with --to-another-device: these too. Two devices with one key disturb each other'),
				),
			),
		),
		['linac backup restore boron.json', 'everything that may be put back'],
		['linac backup restore boron.json --only keys', 'the keys alone'],
		['linac backup restore boron.json --dry-run', 'what differs?'],
	).action(runs<RestoreOptions>(async () => (await import('../commands/backup-restore.js')).restoreBackup));
}
