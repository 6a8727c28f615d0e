/** `linac hex inspect|verify|diff|convert`: what is in an image, and the same image in another form. */
import type { Command } from 'commander';
import type { ConvertOptions } from '../commands/hex/convert.js';
import type { InspectOptions } from '../commands/hex/inspect.js';
import type { OpenOptions } from '../commands/hex/open.js';
import type { VerifyOptions } from '../commands/hex/verify.js';
import { collect, examples, type Registrar, withOutput } from '../registration.js';

function withImageFile(command: Command): Command {
	return command
		.optionsGroup('How the file is read:')
		.option('-p, --platform <name>', 'the kind of board it should be for; default: what its modules say')
		.option('--base <address>', 'for a file of plain bytes: the address of its first byte, e.g. 0x08000000');
}

/** Declares the four below `hex`. */
export function registerHexReaders(hex: Command, { add, runs }: Registrar): void {
	examples(
		withOutput(
			withImageFile(
				add(
					'inspect <file>',
					'show what is in an image, drawn to scale',
					'Takes an image apart (Intel HEX, or plain bytes with --base): modules, MBR, SoftDevice, registers, settings, and what nobody knows. ' +
						'Draws it to scale beside the places that the chip has, and says what is wrong and what a blank board would miss. ' +
						'Exit code 3 when something in it is damaged or wrong.',
					hex,
				),
			)
				.optionsGroup('How it is drawn:')
				.option('--svg <file>', 'draw the map into this file, too')
				.option('--ascii', 'draw with ASCII only')
				.option('--force', 'replace a file that is there'),
		),
		['linac hex inspect boron.hex', 'the map, on the terminal'],
		['linac hex inspect boron.hex --svg map.svg', '... and as a drawing'],
		['linac hex inspect dump.bin --base 0', 'what was read out of a chip'],
	).action(runs<InspectOptions>(async () => (await import('../commands/hex/inspect.js')).hexInspect));

	examples(
		withOutput(
			withImageFile(
				add(
					'verify <file>',
					'would a blank board start with this image, and if not, why?',
					'Judges an image as a blank (erased) chip would see it: MBR, registers and bootloader included, which a board from the factory has ' +
						'already. Exit code 0: it starts into its application (before Device OS 4.0.0 on Gen 3: into listening mode, until it is set ' +
						'up). 7: it does not, or that cannot be proved. 3: the file is no image, or contradicts itself.',
					hex,
				),
			)
				.optionsGroup('What may be:')
				.option('--allow <what>', 'take for right what linac does not know: "unknown-mbr" or "unknown-softdevice"', collect),
		),
		['linac hex verify boron.hex', 'before it goes to the line'],
		['linac hex verify boron.hex --json', 'for a script'],
	).action(runs<VerifyOptions>(async () => (await import('../commands/hex/verify.js')).hexVerify));

	examples(
		withOutput(
			withImageFile(
				add(
					'diff <a> <b>',
					'compare two images, by module and by memory',
					'Compares what two images put into memory, however they are written down. Exit code 0 when both give the same memory, 7 when they differ.',
					hex,
				),
			),
		),
		['linac hex diff published.hex mine.hex', 'what is different in mine?'],
	).action(runs<OpenOptions>(async () => (await import('../commands/hex/diff.js')).hexDiff));

	examples(
		withOutput(
			withImageFile(
				add(
					'convert <input>',
					'the same image as Intel HEX, as plain bytes, or as a folder of module files',
					'INPUT is an Intel HEX file, a file of plain bytes (with --base), or a folder of modules. What it is, is read from its contents; what ' +
						'becomes of it, from the end of the name given with -o: .hex, .bin, or a slash for a folder.',
					hex,
				),
			)
				.optionsGroup('What becomes of it:')
				.option('-o, --out <name>', 'FILE.hex, FILE.bin, or FOLDER/')
				.option('--range <from-to>', 'only these addresses, e.g. 0x0-0x100000; the second one is the first that is left out')
				.option('--fill <byte>', 'for plain bytes: what stands between the pieces, two hex digits; default ff')
				.option('--force', 'replace files that are there'),
		),
		['linac hex convert boron.hex --range 0x0-0x100000 -o flash.bin', 'the flash as plain bytes'],
		['linac hex convert dump.bin --base 0x08000000 -o dump.hex', 'and back'],
		['linac hex convert boron.hex -o modules/', 'every module as a file'],
	).action(runs<ConvertOptions>(async () => (await import('../commands/hex/convert.js')).hexConvert));
}
