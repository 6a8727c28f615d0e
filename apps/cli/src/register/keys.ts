/** `linac keys`: the keys by which device and cloud know each other. */
import type { Command } from 'commander';
import type { KeyOptions, ServerOptions } from '../commands/keys.js';
import { examples, type Registrar, withBackup, withDevice, withOutput, withWriting } from '../registration.js';

export function registerKeys({ add, runs }: Registrar): void {
	const keys = add(
		'keys',
		'save, load and make the keys of a device, and tell it its server',
		'A device has a private key, whose public half the cloud knows, the public key of its server, and the address of that. They stand in the ' +
			'DCT; these commands read and write them in DFU mode, check them, and read back. No other program is needed. Private keys are never shown.',
	);
	examples(
		keys,
		['linac keys save device.pem', 'a copy of the private key'],
		['linac keys new', 'a new private key; prints its public key'],
		['linac keys address', 'which server the device goes to'],
	);
	const add2 = (name: string, summary: string, description: string) => add(name, summary, description, keys);
	const changing = (command: Command, optional = true) => withOutput(withBackup(withWriting(withDevice(command)), optional));

	examples(
		withOutput(
			withDevice(
				add2(
					'save <file>',
					'save the private key of a device',
					'Reads the private key from the device and checks it. The file is readable by you only; a file that is there is never ' +
						'overwritten. Writes nothing to the device.',
				),
			)
				.optionsGroup('How:')
				.option('--format <which>', 'pem or der; default: by the name of the file (.der), else PEM'),
		),
		['linac keys save device.pem', 'as PEM'],
		['linac keys save device.der', 'as DER, as particle-cli has it'],
	).action(runs<KeyOptions>(async () => (await import('../commands/keys.js')).saveKey));

	examples(
		changing(
			add2(
				'load <file>',
				'give a device a private key',
				'Checks the key (PEM or DER): its kind must be what this device wants (RSA 1024 on Photon, P1 and Core, EC P-256 elsewhere), ' +
					'and its numbers must belong together. The key that is there is kept in a backup.',
			),
		),
		['linac keys load device.pem', 'from a file of "linac keys save" or openssl'],
	).action(runs<KeyOptions>(async () => (await import('../commands/keys.js')).loadKey));

	examples(
		changing(
			add2(
				'new',
				'make a new private key for a device, and print its public key',
				'Makes a key of the kind that the device wants and writes it. The old one is kept in a backup first. Prints the public key, which ' +
					'has to be registered with the cloud before the device can connect again. The private key is nowhere but on the device.',
			),
			false,
		),
		['linac keys new > device.pub.pem', 'and then register device.pub.pem'],
	).action(runs<KeyOptions>(async () => (await import('../commands/keys.js')).newKey));

	examples(
		changing(
			add2(
				'server <file>',
				'give a device the public key of its server',
				'Checks the key (PEM or DER; RSA 2048 on Photon, P1 and Core, EC P-256 elsewhere) and writes it, with --host also the address.',
			)
				.optionsGroup('The server:')
				.option('--host <name>', 'name or IPv4 address of the server')
				.option('--port <number>', 'port; default: that of the protocol'),
		),
		['linac keys server server.pub.pem --host cloud.example.com', 'key and address'],
	).action(runs<ServerOptions>(async () => (await import('../commands/keys.js')).serverKey));

	examples(
		changing(
			add2(
				'address [host[:port]]',
				'show or set the server that a device goes to',
				'Without an address: shows it, and writes nothing.',
			)
				.optionsGroup('The server:')
				.option('--default', 'remove the address: the device goes to Particle'),
		),
		['linac keys address', 'show it'],
		['linac keys address cloud.example.com:5684', 'set it'],
	).action(runs<ServerOptions>(async () => (await import('../commands/keys.js')).serverAddress));
}
