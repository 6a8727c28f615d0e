/** What helps, in sentences, by the code of an error and the system that the browser runs on. Facts with their sources: docs/hosts.md. Pure. */

export type System = 'linux' | 'windows' | 'macos' | 'chromeos' | 'android' | 'other';

/** The system, as the browser names it. */
export function systemOf(userAgent: string): System {
	if (/Windows/.test(userAgent)) return 'windows';
	if (/Android/.test(userAgent)) return 'android';
	if (/CrOS/.test(userAgent)) return 'chromeos';
	if (/Mac OS X/.test(userAgent)) return 'macos';
	return /Linux/.test(userAgent) ? 'linux' : 'other';
}

const driver = [
	'Windows has no WinUSB driver for this board in this mode. Newer firmware asks for it by itself: the running board from Device OS 1.1.0 on (generation 3), DFU mode from 0.9.0 on (Photon, P1, Electron: 0.6.1).',
	'Unplug the board. In the Device Manager choose View, "Show hidden devices", uninstall the entries of this board, and plug it in again.',
	'With older firmware: bring it into DFU mode with its buttons, and bind WinUSB to it once with Zadig (zadig.akeo.ie): choose the board, WinUSB, "Replace Driver". Then restore it here.',
];
const otherProgram =
	'Another program uses the board: close Particle Workbench, serial monitors, other tabs that use it, and linac on the command line. If it stays so, unplug the board and plug it in again.';

/** Sentences; empty where the error's own hint says it best. */
export function adviceFor(code: string, system: System): readonly string[] {
	switch (code) {
		case 'USB_PERMISSION':
			if (system === 'linux')
				return ['This user may not open the board. On Linux a udev rule gives the right, once for this computer. It needs root.'];
			if (system === 'windows') return driver;
			if (system === 'macos') return [otherProgram];
			return ['The system does not let the browser open the board.'];
		case 'USB_BUSY':
			return [otherProgram];
		case 'USB_TRANSFER':
			return system === 'windows'
				? ['Either another program uses the board, or Windows has no driver for it.', otherProgram, ...driver]
				: ['Unplug the board and plug it in again; try another cable or port.'];
		case 'USB_DISCONNECTED':
		case 'DEVICE_NOT_FOUND':
			return [
				'The board has left. Check the cable (some only charge) and plug it in again. If it is plugged in and not shown, press "Connect a board".',
			];
		case 'USB_PERMISSION_NEEDED':
			return [
				'The browser shows a board in another mode only after you have chosen it once. Try again, and choose it in the list.',
			];
		default:
			return [];
	}
}
