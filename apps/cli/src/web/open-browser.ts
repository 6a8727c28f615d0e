/** Shows an address in the browser of this computer's user, where there is one. */
import { spawn } from 'node:child_process';
import { hostDifferences } from '@linac/host';

/** Resolves with whether the system took the address; whether a window appeared, nobody is told. */
export function openBrowser(url: string): Promise<boolean> {
	const [command = '', ...args] = hostDifferences().openAddress.value;
	return new Promise((resolve) => {
		const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
		child.once('error', () => resolve(false));
		child.once('spawn', () => {
			child.unref();
			resolve(true);
		});
	});
}
