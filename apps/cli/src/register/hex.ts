/** `linac hex`: images for programmers, and what is in them. */
import type { Command } from 'commander';
import type { HexOptions } from '../commands/hex/options.js';
import { collect, examples, type Registrar, withOutput, withSources } from '../registration.js';
import { registerHexReaders } from './hex-readers.js';

/** Options that say which release and which application. */
export function withRelease(command: Command): Command {
	return withSources(releaseOptions(command));
}

function releaseOptions(command: Command): Command {
	return command
		.optionsGroup('What goes into it:')
		.option('-p, --platform <name>', 'the kind of board, e.g. boron')
		.option('-t, --target <version>', 'Device OS version; default: the latest long-term support version for this board')
		.option('--app <file>', 'your application (.bin); default: the default application that the source has (Tinker)')
		.option('--no-app', 'no application');
}

/** Options of every command that makes an image of a release for a blank chip. */
export function withImage(command: Command): Command {
	return withSources(
		releaseOptions(command)
			.option('--mbr <file>', "a hex file with Nordic's MBR, where linac has not learned it yet (nRF52840 boards)")
			.option('--nfc-pins <use>', 'nRF52840: what the two NFC pins are, "gpio" or "nfc"; default: as published for the board')
			.option('--no-uicr', "nRF52840: leave the chip's UICR registers out, for boards that have them set")
			.option(
				'--allow <what>',
				'allow something unusual: "unknown-mbr"; for lists of units "repeated-keys" (may be given several times)',
				collect,
			),
	);
}

/** The settings of one unit, under the names that the columns of a list of units have. */
export function withUnitFields(command: Command): Command {
	return command
		.optionsGroup('Settings of one unit (docs/unit-data.md):')
		.option('--device-private-key <file>', 'its private key (PEM or DER)')
		.option('--server-public-key <file>', 'the public key of the server (PEM or DER)')
		.option('--server-address <host[:port]>', 'the server that it connects to')
		.option('--claim-code <code>', 'claim code, 63 characters')
		.option('--antenna <which>', 'internal, external; on Wi-Fi devices also auto')
		.option('--setup-done <yes|no>', 'whether it starts without waiting to be set up (nRF52840 before 4.0.0)');
}

export function registerHex(registrar: Registrar): void {
	const { add, runs } = registrar;
	const hex = add(
		'hex',
		'make one file with everything that a blank board needs, for a programmer (J-Link, OpenOCD, ...)',
		'Puts bootloader, system parts, SoftDevice, MBR, registers and application of a Device OS version into one Intel HEX file. Every module ' +
			'is checked first, the application is judged against the release, and the finished file is read back and judged as a blank board ' +
			'would see it. With --base, takes a restore image that you have and replaces its application only.',
	);
	examples(
		withOutput(
			withUnitFields(withImage(hex))
				.optionsGroup('How it is made:')
				.option(
					'--base <file>',
					'take this restore image (.hex), check it, replace its application with --app, and keep the rest',
				)
				.option('--units <file>', 'make one image for each row of this CSV file, into the folder --out')
				.option('--layout <which>', '"sorted", or "classic" for files as Particle published them', 'sorted')
				.optionsGroup('Where it goes:')
				.option('-o, --out <file>', 'default: PLATFORM-VERSION.hex in the current folder; with --units, a folder')
				.option('--force', 'replace files that are there'),
		),
		['linac hex learn restore.hex', "nRF52840, once: learn Nordic's MBR from any restore image"],
		['linac hex -p boron -t 4.0.1 --app firmware.bin', 'boron-4.0.1.hex: everything for a blank Boron'],
		['linac hex --base restore.hex --app firmware.bin', 'your application in a restore image that you have'],
		['linac hex -p photon --units units.csv -o units/', 'one image a unit, with its keys and settings'],
		['linac hex inspect boron.hex', 'what is in it, drawn to scale'],
		['linac hex verify boron.hex', 'would a blank board start with it?'],
	).action(runs<HexOptions>(async () => (await import('../commands/hex/make.js')).hex));

	examples(
		withOutput(
			add(
				'learn <file>',
				"learn Nordic's MBR from a hex file that holds it",
				"nRF52840 boards need Nordic's master boot record in the first 4096 bytes of their flash. No Device OS release holds it, and it is " +
					"not linac's to hand out. Any restore image of such a board has it (Particle's documentation site publishes them), and so " +
					"has Nordic's hex file of SoftDevice S140 7.0.1. It is recognised by its SHA-256 and kept in the cache.",
				hex,
			),
		).option('--allow <what>', 'keep one that is not known: "unknown-mbr"', collect),
		['linac hex learn boron-restore.hex', 'once on a computer; a copy of the cache takes it along'],
	).action(runs<{ allow?: string[] }>(async () => (await import('../commands/hex/learn.js')).hexLearn));

	registerHexReaders(hex, registrar);
}
