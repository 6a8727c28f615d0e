/** `linac export`: images with scripts for other programmers. */
import type { ExportCommandOptions } from '../commands/export.js';
import { examples, type Registrar, withOutput } from '../registration.js';
import { withImage, withUnitFields } from './hex.js';

export function registerExport({ add, runs }: Registrar): void {
	examples(
		withOutput(
			withUnitFields(
				withImage(
					add(
						'export',
						'make a folder with images, scripts and a page for somebody who programs boards with another tool',
						'Writes a folder that can be handed to a contract manufacturer: the images, a script for sh and one for Windows that stop at the ' +
							'first error and say what to do, a README.txt for the operator (wiring, mode, commands, what a good run prints), and a ' +
							'manifest with the SHA-256 of every file. linac itself is not needed there.',
					).option(
						'--for <tool>',
						'the program that the boards are programmed with: jlink, nrfjprog, openocd, stm32cubeprogrammer or dfu-util',
					),
				),
			)
				.optionsGroup('Where it goes:')
				.option('-o, --out <folder>', 'default: PLATFORM-VERSION-TOOL in the current folder')
				.option('--force', 'write into a folder that has files in it, and replace those of the same name'),
		),
		['linac export -p boron -t 4.0.1 --app app.bin --for jlink -o handover', 'for J-Link Commander'],
		['linac export -p photon -t 2.2.0 --for openocd', 'for OpenOCD, with Tinker in it'],
		['linac export -p p2 -t 5.8.2 --app app.bin --for dfu-util', 'over USB, without a debugger'],
	).action(runs<ExportCommandOptions>(async () => (await import('../commands/export.js')).exportCommand));
}
