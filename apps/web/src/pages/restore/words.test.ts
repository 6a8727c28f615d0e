import { expect, it } from 'vitest';
import { adviceFor, systemOf } from './advice.js';
import { onThePage } from './words.js';

it('says on the page what a button does where the command line says which command to run', () => {
	expect(onThePage('Check the cable, then run the same command again: it continues where it was.')).toBe(
		'Check the cable, then continue the job.',
	);
	expect(onThePage('Run the same command again. There is no system part.', 'plug it in again')).toBe(
		'Plug it in again. There is no system part.',
	);
	expect(onThePage('It is half-written. Run `linac restore`.')).toBe('It is half-written. Restore it.');
	expect(onThePage('Press RESET, or run `linac usb reset`: it starts. `linac restore` does that too.')).toBe(
		'Press RESET: it starts. Restoring it does that too.',
	);
	expect(onThePage('`linac restore --target 4.0.1` installs a Device OS, or `linac restore --app FILE` an application.')).toBe(
		'Restoring it to 4.0.1 installs a Device OS, or restoring it with a file of your own an application.',
	);
});

it('shortens a whole SHA-256 and leaves a device id alone', () => {
	expect(onThePage(`It has ${'ab'.repeat(32)}.`)).toBe('It has abababababab...');
	expect(onThePage('e00fce68e7387b1e60726e2d')).toBe('e00fce68e7387b1e60726e2d');
});

it('knows the system by what the browser says of itself', () => {
	const agent = (system: string) => `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36`;
	expect(systemOf(agent('X11; Linux x86_64'))).toBe('linux');
	expect(systemOf(agent('Windows NT 10.0; Win64; x64'))).toBe('windows');
	expect(systemOf(agent('Macintosh; Intel Mac OS X 10_15_7'))).toBe('macos');
	expect(systemOf(agent('X11; CrOS x86_64 14541.0.0'))).toBe('chromeos');
	expect(systemOf(agent('Linux; Android 14; Pixel 8'))).toBe('android');
});

it('answers a refused device with a rule on Linux, a driver on Windows, and the other program on a Mac', () => {
	expect(adviceFor('USB_PERMISSION', 'linux').join(' ')).toContain('udev rule');
	expect(adviceFor('USB_PERMISSION', 'windows').join(' ')).toContain('WinUSB');
	expect(adviceFor('USB_PERMISSION', 'macos').join(' ')).toContain('Another program');
	expect(adviceFor('UPDATE_NOT_APPLIED', 'linux')).toEqual([]);
});
