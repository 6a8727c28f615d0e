import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { particleCli, realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import type { CandidateFile } from '../index.js';
import { checkRelease } from '../index.js';

const file = (name: string): CandidateFile => ({ name, bytes: realModule(name) });
const boron220 = () => ['boron-bootloader@2.2.0.bin', 'boron-softdevice@2.2.0.bin', 'boron-system-part1@2.2.0.bin'].map(file);
const errors = (verdict: { problems: { code: string; severity: string }[] }) =>
	verdict.problems.filter((p) => p.severity === 'error').map((p) => p.code);

function updatesOf(version: '2.8.0' | '2.16.0' | '3.6.0'): CandidateFile[] {
	const folder = join(particleCli(version), 'assets', 'updates');
	return readdirSync(folder).map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));
}

test.each([
	['2.8.0', 'photon', '1.5.2', ['bootloader 502', 'system-part1 1512', 'system-part2 1512']],
	['2.8.0', 'xenon', '1.5.2', ['bootloader 502', 'system-part1 1512', 'softdevice 202']],
	['2.8.0', 'electron', '1.5.2', ['system-part1 1512', 'system-part2 1512', 'system-part3 1512']],
	['2.16.0', 'boron', '2.2.0', ['bootloader 1006', 'system-part1 2202', 'softdevice 202']],
	['2.16.0', 'electron', '2.2.0', ['bootloader 1006', 'system-part1 2202', 'system-part2 2202', 'system-part3 2202']],
	['3.6.0', 'tracker', '4.0.1', ['bootloader 1101', 'system-part1 4005', 'softdevice 202']],
	['3.6.0', 'esomx', '4.0.1', ['bootloader 1101', 'system-part1 4005', 'softdevice 202']],
	['3.6.0', 'p1', '2.3.1', ['bootloader 1006', 'system-part1 2302', 'system-part2 2302']],
] as const)(
	'out of all files of particle-cli %s those of %s %s are found by their headers',
	(cli, platform, version, modules) => {
		const verdict = checkRelease(updatesOf(cli), { platform, version, source: 'test' });
		if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join('\n'));
		expect(verdict.value.modules.map((m) => `${m.slot} ${m.module.prefix.version}`)).toEqual(modules);
		for (const m of verdict.value.modules) expect(m.module.prefix.platformId === 0).toBe(false);
	},
);

test('Electron files are put in place by their headers, although their names are rotated', () => {
	const verdict = checkRelease(updatesOf('2.16.0'), { platform: 'electron', version: '2.2.0', source: 'test' });
	expect(verdict.ok && verdict.value.modules.map((m) => [m.slot, m.origin])).toEqual([
		['bootloader', 'test: electron-bootloader@2.2.0+lto.bin'],
		['system-part1', 'test: electron-system-part2@2.2.0.bin'],
		['system-part2', 'test: electron-system-part3@2.2.0.bin'],
		['system-part3', 'test: electron-system-part1@2.2.0.bin'],
	]);
});

test('names decide nothing: files called anything at all are recognised', () => {
	const renamed = boron220().map((f, i) => ({ ...f, name: `photo-${i}.jpg` }));
	expect(checkRelease(renamed, { platform: 'boron', version: '2.2.0', source: 'test' }).ok).toBe(true);
});

test('a SoftDevice that carries the id of another board is used, and that is said', () => {
	const files = boron220();
	files[1] = file('argon-softdevice@2.2.0.bin');
	const verdict = checkRelease(files, { platform: 'boron', version: '2.2.0', source: 'test' });
	expect(verdict.ok).toBe(true);
	expect(verdict.problems).toContainEqual(
		expect.objectContaining({ code: 'SOFTDEVICE_SHARED', severity: 'info', file: 'argon-softdevice@2.2.0.bin' }),
	);
	// But a system part of another board is not.
	files[2] = file('argon-system-part1@2.2.0.bin');
	expect(errors(checkRelease(files, { platform: 'boron', version: '2.2.0', source: 'test' }))).toEqual(['RELEASE_INCOMPLETE']);
});

test('a set without a part is refused and names the part', () => {
	const verdict = checkRelease(boron220().slice(0, 2), { platform: 'boron', version: '2.2.0', source: 'test' });
	expect(errors(verdict)).toEqual(['RELEASE_INCOMPLETE']);
	expect(verdict.problems[0]?.message).toContain('system-part1');
});

test('modules of another release beside the wanted ones are passed over; alone they are refused', () => {
	const other = file('boron-system-part1@4.0.1.bin');
	expect(checkRelease([...boron220(), other], { platform: 'boron', version: '2.2.0', source: 'test' }).ok).toBe(true);
	const verdict = checkRelease([...boron220().slice(0, 2), other], { platform: 'boron', version: '2.2.0', source: 'test' });
	expect(errors(verdict)).toEqual(['RELEASE_INCOMPLETE']);
	expect(verdict.problems.find((p) => p.code === 'OTHER_RELEASE')?.message).toContain('release 4.0.1');
});

test('one flipped bit anywhere in a module keeps the whole release from being used, and the file is named', () => {
	const bytes = realModule('boron-bootloader@2.2.0.bin');
	for (const at of [0, 0x200, 0x204, 0x20a, 0x20c, 0x20e, 0x300, bytes.length >> 1, bytes.length - 40, bytes.length - 1]) {
		const damaged = new Uint8Array(bytes);
		damaged[at]! ^= 0x10;
		const files = boron220();
		files[0] = { name: 'boot.bin', bytes: damaged };
		const verdict = checkRelease(files, { platform: 'boron', version: '2.2.0', source: 'test' });
		expect(verdict.ok, `bit at ${at}`).toBe(false);
		expect(
			verdict.problems.some((p) => p.file === 'boot.bin'),
			`bit at ${at}`,
		).toBe(true);
	}
});

test('an HTML error page, an empty file and a cut file in place of modules are each named for what they are', () => {
	const files = boron220();
	files[0] = {
		name: 'bootloader.bin',
		bytes: new TextEncoder().encode('<!DOCTYPE html><html><head><title>Page not found</title></head></html>'),
	};
	files[1] = { name: 'softdevice.bin', bytes: new Uint8Array(0) };
	files[2] = { name: 'system-part1.bin', bytes: files[2]!.bytes.subarray(0, 100_000) };
	const verdict = checkRelease(files, { platform: 'boron', version: '2.2.0', source: 'test' });
	expect(verdict.ok).toBe(false);
	const told = Object.fromEntries(verdict.problems.filter((p) => p.file).map((p) => [p.file, p.message]));
	expect(told['bootloader.bin']).toMatch(/web page|HTML/i);
	expect(told['softdevice.bin']).toMatch(/empty/i);
	expect(told['system-part1.bin']).toMatch(/cut|short|end/i);
});

test('two different files for one place are refused, the same file twice is not', () => {
	const files = boron220();
	expect(checkRelease([...files, files[0]!], { platform: 'boron', version: '2.2.0', source: 'test' }).ok).toBe(true);
});

test('Tinker beside the modules is handed out as the application and is no part of the release', () => {
	const verdict = checkRelease([...boron220(), { name: 'tinker.bin', bytes: realTinker('boron') }], {
		platform: 'boron',
		version: '2.2.0',
		source: 'test',
	});
	expect(verdict.ok && verdict.value.modules.length).toBe(3);
	expect(verdict.ok && verdict.value.application?.slot).toBe('user-part');
});

test('a release that is not in the table is judged by what the platform needs, with a warning', () => {
	const verdict = checkRelease(
		['argon-bootloader@1.5.0.bin', 'argon-softdevice@1.5.0.bin', 'argon-system-part1@1.5.0.bin'].map(file),
		{ platform: 'argon', version: '1.5.0', source: 'test' },
	);
	expect(verdict.ok && [verdict.value.moduleVersion, verdict.value.modules.length]).toEqual([1502, 3]);
	expect(verdict.problems.map((p) => p.code)).toContain('RELEASE_NOT_IN_TABLE');
});

test('no files at all is an incomplete release, not a success', () => {
	expect(errors(checkRelease([], { platform: 'boron', version: '4.0.1', source: 'test' }))).toEqual(['RELEASE_INCOMPLETE']);
	expect(errors(checkRelease([], { platform: 'boron', version: '9.9.9', source: 'test' }))).toEqual(['RELEASE_INCOMPLETE']);
});
