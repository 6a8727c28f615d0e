/** `linac matrix`: what may be programmed how. */
import { Option } from 'commander';
import { examples, type Registrar, withOutput } from '../registration.js';

export function registerMatrix({ add, runs }: Registrar): void {
	examples(
		withOutput(
			add(
				'matrix [table]',
				'show which parts a device has, what can be written in which mode, and with which programmer',
				'Prints the tables that somebody who programs boards needs: "components" by device, file by mode ("modes"), "programmers" by ' +
					'generation, and pins, mode and limits of each device for "swd". Without a name: all four. They are made from the facts that ' +
					'linac itself works with.',
			)
				.optionsGroup('What to show:')
				.option('-p, --platform <name>', 'only what is about this kind of device, e.g. boron')
				.addOption(new Option('--format <how>', 'how to print it').choices(['table', 'markdown']).default('table')),
		),
		['linac matrix', 'all four tables'],
		['linac matrix swd --platform photon', 'pins and mode of a Photon for SWD'],
		['linac matrix --format markdown > matrix.md', 'for a wiki'],
	).action(runs<{ platform?: string; format?: string }>(async () => (await import('../commands/matrix.js')).matrix));
}
