/** `linac serial` and `linac identify` as a user runs them, against a lab. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { particleCli, realModule } from '../support/real-firmware.js';
import { cleanEnv, document, Lab, linac, main, realSources, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const env: Record<string, string> = { LINAC_CACHE: join(folder.path, 'cache'), LINAC_OFFLINE: '1' };
let lab: Lab;
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
const id = (name: string) => lab.devices.find((d) => d.name === name)!.deviceId;

beforeAll(async () => {
	const photon = join(folder.path, 'photon-1.5.2');
	mkdirSync(photon);
	for (const name of ['photon-bootloader@1.5.2+lto.bin', 'photon-system-part1@1.5.2.bin', 'photon-system-part2@1.5.2.bin'])
		writeFileSync(join(photon, name), realModule(name));
	writeFileSync(join(folder.path, 'p1.bin'), realModule('p1-system-part1@2.3.1.bin'));
	expect(particleCli('3.6.0')).toBeTruthy();
	const devices = ['photon@2.3.1', 'boron@4.0.1', 'msom@6.2.0'].flatMap((d) => ['--device', d]);
	lab = await Lab.start([...devices, '--timing', 'none', ...realSources()], env);
	env.LINAC_USBIP = lab.address;
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

test('the serial ports are listed with the devices behind them', async () => {
	const list = document<{ port: string; platform: string; deviceId: string }[]>(await run('serial', 'list', '--json'));
	expect(list.map((d) => [d.platform, d.deviceId])).toEqual(lab.devices.map((d) => [d.name, d.deviceId]));
	expect((await run('serial', 'list')).stdout).toMatch(/^Port .*Device/);
});

describe('a device that listens', () => {
	beforeAll(async () => {
		await lab.type('listen photon');
		await lab.type('listen boron');
		await lab.type('listen msom');
	});

	test('tells who it is, and its secret only when that is asked for', async () => {
		const plain = await run('serial', 'identify', '--device', 'boron');
		expect(plain.stdout).toContain(id('boron'));
		expect(plain.stdout + plain.stderr).not.toContain('LINACSECRET');
		const json = await run('serial', 'identify', '--device', 'boron', '--json');
		expect(document(json)).toMatchObject({ deviceId: id('boron'), osVersion: '4.0.1', imei: expect.stringMatching(/^\d{15}$/) });
		expect(json.stdout).not.toContain('LINACSECRET');
		expect((await run('serial', 'identify', '--device', 'boron', '--secret')).stdout).toContain('LINACSECRET');
	});

	test('shows its modules in the table of "devices"', async () => {
		const serial = document<{ modules: { function: number; index: number; version: number; valid: boolean }[] }>(
			await run('serial', 'inspect', '--device', 'photon', '--json'),
		);
		expect(serial.modules).toContainEqual(expect.objectContaining({ function: 4, index: 2, version: 2302, valid: true }));
		const { stdout } = await run('serial', 'inspect', '--device', 'photon');
		expect(stdout).toMatch(/^Photon .*listening .*2\.3\.1 .*bootloader 1006, system-part1 2302/m);
	});

	test('has a MAC address where it has Wi-Fi, and says so where it has none', async () => {
		expect((await run('serial', 'mac', '--device', 'photon')).stdout).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}\n$/);
		const { code, stderr } = await run('serial', 'mac', '--device', 'boron');
		expect([code, stderr]).toEqual([5, expect.stringContaining('no Wi-Fi')]);
	});

	test('with Device OS 6 takes no firmware over serial; the command names the one that works', async () => {
		writeFileSync(join(folder.path, 'boron.bin'), realModule('boron-system-part1@4.0.1.bin'));
		const { code, stderr } = await run('serial', 'flash', 'boron.bin', '--device', 'msom', '--yes');
		expect(code).toBe(4);
		expect(stderr).toContain('linac flash');
	});
});

test('identify tells every device, and where each value came from', async () => {
	const list = document<{ deviceId: string; imei: string | null; via: Record<string, string> }[]>(
		await run('identify', '--all', '--json'),
	);
	expect(list.map((d) => d.deviceId)).toEqual(lab.devices.map((d) => d.deviceId));
	// Device OS 4.0.1 has no control request for the IMEI, 6.2.0 has.
	expect(list.map((d) => d.via.imei)).toEqual([undefined, 'serial', 'control']);
	expect(list[0]!.via).toMatchObject({ deviceId: 'usb', osVersion: 'control' });
});

test('--csv gives a header and a line for each device, with --no-header the line alone', async () => {
	const { stdout } = await run('identify', '--all', '--csv');
	const [header, ...lines] = stdout.trimEnd().split('\n');
	expect(header).toBe('deviceId,platform,mode,osVersion,serialNumber,imei,iccid,ncpVersion,ncpModuleVersion,location');
	expect(lines).toHaveLength(3);
	for (const line of lines) expect(line.split(',')).toHaveLength(10);
	const one = await run('identify', '--device', 'photon', '--csv', '--no-header');
	expect(one.stdout).toMatch(new RegExp(`^${id('photon')},photon,[a-z]+,2\\.3\\.1,[^\n]*\n$`));
	expect((await run('identify', '--csv', '--json', '--device', 'photon')).code).toBe(2);
});

test('a file for another kind of device is refused before anything is sent', async () => {
	const { code, stderr } = await run('serial', 'flash', 'p1.bin', '--device', 'photon', '--yes');
	expect([code, stderr]).toEqual([3, expect.stringContaining('WRONG_PLATFORM')]);
});

test('a Photon is made older over serial, its parts in reverse order, and afterwards the device has them', async () => {
	const refused = await run('serial', 'flash', 'photon-1.5.2', '--device', 'photon', '--yes');
	expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('--allow downgrade')]);
	const flash = ['serial', 'flash', 'photon-1.5.2', '--device', 'photon', '--allow', 'downgrade'];
	const dry = document<{ steps: { module?: { slot: string } }[] }>(await run(...flash, '--dry-run', '--json'));
	expect(dry.steps.flatMap((s) => s.module?.slot ?? [])).toEqual(['system-part2', 'system-part1']);
	const report = document<{ outcome: string; evidence: { slot: string; ok: boolean; after?: { version: number } }[] }>(
		await run(...flash, '--yes', '--json'),
	);
	expect(report.outcome).toBe('verified');
	expect(report.evidence.map((e) => [e.slot, e.after?.version])).toEqual([
		['bootloader', 1006],
		['system-part1', 1512],
		['system-part2', 1512],
	]);
	const again = await run(...flash, '--yes', '--json');
	expect(document<{ outcome: string }>(again).outcome).toBe('already');
});

test('the monitor prints what a device says, goes on after a restart, and ends well with Ctrl-C', async () => {
	const child = spawn(process.execPath, [main, 'serial', 'monitor', '--device', 'msom', '--json'], {
		env: cleanEnv(env),
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let [out, notes] = ['', ''];
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		out += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		notes += text;
	});
	const until = async (fits: () => boolean) => {
		for (let i = 0; i < 400 && !fits(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
		expect(fits(), notes + out).toBe(true);
	};
	await until(() => notes.includes('Listening to'));
	await lab.type('say msom hello');
	await until(() => out.includes('hello'));
	await lab.type('reset msom');
	await until(() => notes.match(/Listening to/g)?.length === 2);
	await lab.type('say msom again');
	await until(() => out.includes('again'));
	const ended = new Promise((resolve) => child.on('close', resolve));
	child.kill('SIGINT');
	expect(await ended).toBe(0);
	const lines = out
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line) as { time: string; text: string });
	expect(lines.map((l) => l.text)).toEqual(['hello', 'again']);
	expect(Date.parse(lines[0]!.time)).toBeGreaterThan(Date.parse('2020-01-01'));
});

test('a port that is not there, and a device that does not listen, are told with what to do', async () => {
	const nowhere = await run('serial', 'identify', '--port', 'usb:9-9');
	expect([nowhere.code, nowhere.stderr]).toEqual([6, expect.stringContaining('usb:9-9')]);
	const silent = await run('serial', 'identify', '--device', 'msom');
	expect([silent.code, silent.stderr]).toEqual([9, expect.stringContaining('dark blue')]);
});
