/** `linac inspect`: what firmware files are. */
import { examples, fileKinds, type Registrar, withOutput } from '../registration.js';

export function registerInspect({ add, runs }: Registrar): void {
	examples(
		withOutput(
			add(
				'inspect <files...>',
				'show what firmware files are, whether they are sound, and what they need',
				`Takes files apart without a device. ${fileKinds} Exit code 3 when a file is damaged or is no firmware.`,
			),
		),
		['linac inspect firmware.bin', 'one file'],
		['linac inspect release.zip --json', 'every module in a zip, for a program'],
	).action(runs<object>(async () => (await import('../commands/inspect.js')).inspect));
}
