/** Words of the restore page: numbers and times as people read them, states in plain words. Not for logic. */
import type { Step } from '@linac/planner';
import type { EvidenceRow } from '@linac/programmer';

/** `0.4 s`, `12 s`, `1 min 05 s`. Milliseconds in. */
export function duration(ms: number): string {
	if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
	const seconds = Math.round(ms / 1000);
	if (seconds < 60) return `${seconds} s`;
	return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

export const modes = {
	normal: 'runs',
	listening: 'listening mode',
	safe: 'safe mode',
	dfu: 'DFU mode',
} as const;

/** What the device would do if it was started after a step. */
export const starts: Record<Step['after']['boots'], string> = {
	normal: 'it runs normally',
	listening: 'it waits in listening mode',
	safe: 'it runs in safe mode, without the application',
	dfu: 'it stays in DFU mode',
	dead: 'it does not start',
};

export const ifPulled: Record<Step['ifInterrupted']['way'], string> = {
	'same-command': 'Plug it in again: the job goes on.',
	'same-command-after-button': 'Bring it into DFU mode with its buttons: the job goes on.',
	none: 'Only a debug probe (SWD) could help.',
};

export const proofs: Record<EvidenceRow['proof'], string> = {
	'read-back-sha256': 'read back, SHA-256',
	'device-hash': 'SHA-256 told by the device',
	'copy-read-back-sha256': 'installed from a copy that was read back, SHA-256',
	'reported-version': 'version told by the device',
	none: 'not proved',
};

export const working = { erase: 'erasing', write: 'writing', 'read-back': 'reading back', send: 'sending' } as const;

/**
 * The engine speaks to somebody at a command line too; here the same is done by buttons. `again`: what stands for running the command again. Hashes are
 * shortened: the report has all of them.
 */
export function onThePage(text: string, again = 'continue the job'): string {
	return text
		.replace(/\s*Run `linac restore`\.?/g, ' Restore it.')
		.replace(/run `linac restore`/g, 'restore it')
		.replace(/, or run `linac usb reset`|`linac usb dfu`, or /g, '')
		.replace(/ with `linac restore --app FILE`/g, ', as a file of your own')
		.replace(/`linac restore(?: --target ([^\s`]+))?( --app FILE)?`/g, (_, target, file, at: number, whole: string) => {
			const verb = at === 0 || /[.:] $/.test(whole.slice(0, at)) ? 'Restoring it' : 'restoring it';
			return `${verb}${target ? ` to ${target}` : ''}${file ? ' with a file of your own' : ''}`;
		})
		.replace(/[Rr]un the (same )?command again(?:: it continues (?:where it was|from what is on the device))?/g, (whole) =>
			whole.startsWith('R') ? again.charAt(0).toUpperCase() + again.slice(1) : again,
		)
		.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b\.?/g, '$1...')
		.trim();
}
