/** `linac flash`, `update`, `plan` and `verify`: bring a device to what is wanted, say how, or say whether it is there. */
import type { GoalOptions, WriteOptions } from '../context.js';
import {
	examples,
	fileKinds,
	type Registrar,
	withBootloaderWay,
	withChanging,
	withGoal,
	withLocal,
	withOutput,
} from '../registration.js';

export function registerFlash({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withChanging(
				withLocal(
					withBootloaderWay(
						withGoal(
							add(
								'flash [files...]',
								'program files, and Device OS with them, and check the result',
								'Looks at what is really on the device, shows what it is going to do and why, does it, reads it back, and says what is now ' +
									`on the device. ${fileKinds} Without --target, Device OS is only updated when an application needs a newer one. ` +
									'Running the same command again after an interruption finishes the job. With --local, FILES are all that belongs on the ' +
									'device: bootloader, SoftDevice, network processor, system parts and application, each sent in the mode that it needs.',
							),
							'Device OS version to install, e.g. 4.0.1',
						),
					),
				),
			),
		),
		['linac flash firmware.bin', 'program an application'],
		['linac flash firmware.bin --target 4.0.1', 'program Device OS 4.0.1 and an application'],
		['linac flash my-release/ --dry-run --explain', 'show what a folder of modules would do, and why'],
		['linac flash --local boron-2.2.0/', 'all of a folder or zip (docs/manual-flow.md)'],
		['linac flash firmware.bin --yes --json > report.json', 'in a script'],
	).action(runs<WriteOptions>(async () => (await import('../commands/flash.js')).flash));
}

export function registerUpdate({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withChanging(
				withBootloaderWay(
					withGoal(
						add(
							'update',
							'bring Device OS to its latest version, or to the one you name',
							'Updates Device OS and everything that belongs to it (bootloader, SoftDevice, network processor). The application stays as ' +
								'it is. Without --target: the latest version of the newest long-term support line for this kind of device.',
						),
						'Device OS version to install; default: the latest long-term support version for this device',
					),
				),
			),
		),
		['linac update', 'to the latest long-term support version'],
		['linac update --target 2.3.1 --allow downgrade', 'to an older version, on purpose'],
	).action(runs<WriteOptions>(async () => (await import('../commands/flash.js')).update));
}

export function registerPlan({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withLocal(
				withBootloaderWay(
					withGoal(
						add(
							'plan [files...]',
							'show what "flash" would do, without doing it',
							`Makes the plan that "linac flash" would carry out, and prints it. Writes nothing. ${fileKinds}`,
						),
						'Device OS version to install, e.g. 4.0.1',
					),
				),
			),
		),
		['linac plan --target 4.0.1', 'the steps to Device OS 4.0.1'],
		['linac plan firmware.bin --target 4.0.1 --explain', '... with the reason for each step'],
		['linac plan --target 4.0.1 --json > plan.json', '... to keep or to review'],
	).action(runs<GoalOptions>(async () => (await import('../commands/plan.js')).plan));
}

export function registerVerify({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withGoal(
				add(
					'verify [files...]',
					'compare a device with a Device OS version or with files',
					'Reads the modules back from the device and compares them with what they should be, byte by byte (by SHA-256). Writes nothing. ' +
						'For this the device restarts into DFU mode and back. Exit code 7 when something differs.',
				),
				'Device OS version that should be on the device',
			),
		),
		['linac verify --target 4.0.1', 'is this device on 4.0.1, completely?'],
		['linac verify firmware.bin', 'is this application on the device?'],
	).action(runs<GoalOptions>(async () => (await import('../commands/verify.js')).verify));
}
