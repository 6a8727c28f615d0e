/** `linac demo`: a whole job without hardware. */
import { examples, type Registrar, withOutput } from '../registration.js';

export function registerDemo({ add, runs }: Registrar): void {
	examples(
		withOutput(add('demo', 'show a whole job on a virtual Boron: plan, program, pull the cable, finish, prove'))
			.optionsGroup('How:')
			.option('--speed <factor>', 'how much faster than real flash the virtual device runs', '20'),
		['linac demo', 'takes about a minute; downloads Device OS once'],
	).action(runs<{ speed?: string }>(async () => (await import('../commands/demo.js')).demo));
}
