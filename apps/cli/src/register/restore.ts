/** `linac restore`: whatever state the device is in, find out what is wrong and put it right. */
import type { RestoreCommandOptions } from '../commands/restore.js';
import { collect, examples, type Registrar, withChanging, withDevice, withOutput, withSources } from '../registration.js';

export function registerRestore({ add, runs }: Registrar): void {
	const command = add(
		'restore',
		'find out what is wrong with a device, say it in plain words, and put it right',
		'For a device that blinks strangely: boot loop, safe mode, listening or DFU mode only, a wrong application, a job that was cut short. Looks at ' +
			'everything that is on the device, says what is wrong, and brings it to a Device OS version: the one you name, else the one that it has most ' +
			'probably had. The application stays where it is whole. A device that is not on USB at all is waited for, and the buttons to press are named. ' +
			'Running the same command again after an interruption goes on.',
	);
	withSources(withDevice(command.optionsGroup('What to bring it to:')))
		.optionsGroup('What to bring it to:')
		.option(
			'-t, --target <version>',
			'Device OS version; default: the one that the device has most probably had, else the latest long-term support version',
		)
		.option('--app <file>', 'application to install; default: the one on the device where it is whole, else Tinker')
		.option('-p, --platform <name>', 'what kind of device it is, e.g. boron: helps where the device itself does not answer')
		.option('--allow <what>', 'allow something that can lose something: "downgrade" (may be given several times)', collect)
		.option(
			'--experimental',
			'if nothing else works, also try what nobody has tried on a board: a bootloader by way of a module slot',
		)
		.option('--explain', 'say in plain words why each step is there and what happens if it is interrupted');
	examples(
		withOutput(withChanging(command)),
		['linac restore', 'say what is wrong, ask, and put it right'],
		['linac restore --dry-run', 'only say what is wrong and what would be done'],
		['linac restore --target 4.0.1 --app firmware.bin', 'to a certain Device OS, with your application'],
	).action(runs<RestoreCommandOptions>(async () => (await import('../commands/restore.js')).restoreCommand));
}
