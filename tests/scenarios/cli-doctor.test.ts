/** `linac doctor` as a user has it: what it says of boards in all sorts of states, and that the command which it names helps. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTinker } from '../support/real-firmware.js';
import { document, Lab, linacProcess, realSources, temporaryFolder } from './cli-harness.js';

interface Doctor {
	outcome: string;
	exitCode: number;
	host: { code: string; severity: string; message: string }[];
	devices: {
		deviceId: string;
		mode: string;
		reachable: boolean;
		findings: { code: string; severity: string; message: string; hint?: string }[];
		commands: string[];
		snapshot?: { depth: string; mode: string };
		error?: { code: string };
	}[];
}

const folder = temporaryFolder();
const env: Record<string, string> = { LINAC_CACHE: join(folder.path, 'cache'), LINAC_OFFLINE: '1' };
const run = (...args: string[]) => linacProcess(args, { cwd: folder.path, env });
let lab: Lab;
const [healthy, other] = [0, 1].map((i) => () => lab.devices[i]!.deviceId);
const doctor = async (deviceId: string, ...more: string[]) => {
	const result = await run('doctor', '--device', deviceId, '--json', ...more);
	const seen = document<Doctor>(result);
	expect(seen.exitCode).toBe(result.code);
	return { ...seen, code: result.code, device: seen.devices[0]! };
};
const codes = (d: { findings: { code: string; severity: string }[] }) =>
	d.findings.filter((f) => f.severity !== 'info').map((f) => f.code);

beforeAll(async () => {
	lab = await Lab.start(['--device', 'boron@2.2.0', '--device', 'boron@2.2.0', '--timing', 'none', ...realSources()], env);
	env.LINAC_USBIP = lab.address;
	writeFileSync(join(folder.path, 'tinker.bin'), realTinker('boron'));
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

describe('boards', () => {
	test('a sound one has nothing wrong: exit code 0, in words and as JSON', async () => {
		const { code, stdout, stderr } = await run('doctor', '--device', healthy!());
		expect(code).toBe(0);
		expect(stderr).toBe('');
		expect(stdout).toMatch(/^This computer$/m);
		expect(stdout).toMatch(/ok +It answers\. It is running, with Device OS 2\.2\.0\./);
		expect(stdout).toContain('Nothing is wrong.');
		const { outcome, device } = await doctor(healthy!());
		expect({ outcome, commands: device.commands, wrong: codes(device) }).toEqual({ outcome: 'healthy', commands: [], wrong: [] });
	});

	test('--deep reads everything back and returns a device to its mode', async () => {
		for (const [command, mode] of [
			['reset', 'normal'],
			['start-listening', 'listening'],
			['dfu', 'dfu'],
		] as const) {
			expect(await run('usb', command, '--device', other!())).toMatchObject({ code: 0 });
			expect((await doctor(other!(), '--deep')).device.snapshot, mode).toMatchObject({ depth: 'read', mode });
			const [listed] = document<{ mode: string }[]>(await run('devices', '--device', other!(), '--json'));
			expect(listed!.mode).toBe(mode);
		}
		await run('usb', 'reset', '--device', other!());
	});

	test('one whose setup is not marked as done: the command that is named puts it right', async () => {
		await run('usb', 'setup-done', '--reset', '--device', other!());
		const { code, device } = await doctor(other!());
		expect(code).toBe(7);
		expect(codes(device)).toContain('SETUP_NOT_DONE');
		expect(device.commands[0]).toBe(`linac usb setup-done --device ${other!()}`);
		expect(await run(...device.commands[0]!.split(' ').slice(1))).toMatchObject({ code: 0 });
		expect((await doctor(other!())).code).toBe(0);
	});

	test('one that waits in DFU mode for no reason: the command that is named starts it', async () => {
		await run('usb', 'dfu', '--device', other!());
		const { code, device } = await doctor(other!());
		expect(code).toBe(7);
		expect(codes(device)).toEqual(['IN_DFU_MODE']);
		expect(await run(...device.commands[0]!.split(' ').slice(1))).toMatchObject({ code: 0 });
		expect((await doctor(other!())).code).toBe(0);
	});

	test('one whose cable was pulled in the middle of a job: what is damaged, and what repairs it', async () => {
		const name = lab.devices[1]!.name;
		await run('usb', 'dfu', '--device', other!());
		const args = ['flash', 'tinker.bin', '--target', '4.0.1', '--device', other!(), '--yes', ...realSources()];
		const at = { fits: /Write system-part1/, act: () => lab.type(`unplug-at ${name} 100`) };
		expect((await linacProcess(args, { cwd: folder.path, env, at })).code).not.toBe(0);
		await lab.type(`plug ${name}`);
		const { code, device } = await doctor(other!());
		expect(code).toBe(7);
		expect(device.mode).toBe('dfu');
		expect(codes(device)).toContain('STAYS_IN_DFU');
		expect(device.commands[0]).toMatch(/^linac restore/);
		for (const f of device.findings) expect(f.message).toMatch(/^[A-Z].*\.$/s);
	});
});

describe('the way to the boards', () => {
	test('a USB/IP server that does not answer is exit code 5, with the reason', async () => {
		const result = await run('doctor', '--usbip', '127.0.0.1:9', '--json');
		expect(result.code).toBe(5);
		expect(document<Doctor>(result).host).toContainEqual(
			expect.objectContaining({ code: 'USBIP_UNREACHABLE', severity: 'error' }),
		);
	});

	test('a folder that cannot be written is exit code 9', async () => {
		writeFileSync(join(folder.path, 'file'), '');
		const result = await linacProcess(['doctor', '--json', '--device', healthy!()], {
			env: { ...env, LINAC_CACHE: join(folder.path, 'file', 'cache') },
		});
		expect(result.code).toBe(9);
		expect(document<Doctor>(result).host).toContainEqual(expect.objectContaining({ code: 'FOLDER_NOT_WRITABLE' }));
	});

	test('--watch says what has come while it looked', async () => {
		const { name } = lab.devices[0]!;
		await lab.type(`unplug ${name}`);
		const at = { fits: /Plug the device in now/, act: () => lab.type(`plug ${name}`) };
		const result = await linacProcess(['doctor', '--watch', '--wait', '60', '--json'], { env, at });
		expect(result.code).toBe(0);
		expect(document<{ finding: { code: string; message: string } }>(result).finding).toMatchObject({
			code: 'WATCH_FOUND',
			message: expect.stringContaining('2b04:c00d'),
		});
		expect(result.stderr).toContain('arrived:');
	});

	test('--watch that sees nothing says so, and names the cable among the reasons', async () => {
		const { code, stdout } = await run('doctor', '--watch', '--wait', '1');
		expect(code).toBe(5);
		expect(stdout).toMatch(/nothing new appeared/);
		expect(stdout).toMatch(/only charges/);
	});
});

describe('the udev rule', () => {
	test('is printed as a file that can be piped', async () => {
		const { code, stdout, stderr } = await run('doctor', '--print-udev-rule');
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		expect(stdout.split('\n').filter((l) => l !== '' && !/^(#|SUBSYSTEMS==)/.test(l))).toEqual([]);
	});

	test.runIf(process.platform === 'linux')('is not written where nobody can be asked', async () => {
		expect(await run('doctor', '--install-udev-rule')).toMatchObject({ code: 10 });
	});

	test('--wait takes seconds', async () => {
		expect(await run('doctor', '--watch', '--wait', 'long')).toMatchObject({ code: 2 });
	});
});
