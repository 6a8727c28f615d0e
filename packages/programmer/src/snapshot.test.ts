import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { platformByName, platforms, releases } from '@linac/catalog';
import { type Digests, seededRandom, VirtualClock } from '@linac/core';
import { createModule, type ParsedModule, parseModule } from '@linac/firmware';
import { listDevices } from '@linac/usb';
import { standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { expect, test } from 'vitest';
import { realFiles, realTinker } from '../../../tests/support/real-firmware.js';
import { type Environment, usbIdsOf } from './environment.js';
import { knownModule } from './known-modules.js';
import { takeSnapshot } from './snapshot.js';

const digests: Digests = { crc32, sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()) };

function parsed(bytes: Uint8Array): ParsedModule {
	const verdict = parseModule(bytes, { digests });
	if (!verdict.ok) throw new Error(JSON.stringify(verdict.problems));
	return verdict.value;
}

function real(platform: string, cli: '2.16.0' | '3.6.0' | '2.8.0', version: string): ParsedModule[] {
	return realFiles(cli)
		.filter((f) => f.name.startsWith(`${platform}-`) && f.name.includes(`@${version}`))
		.map((f) => parsed(f.bytes));
}

async function plugged(platformName: string, modules: ParsedModule[]) {
	const clock = new VirtualClock();
	const bus = new VirtualBus();
	const device = new VirtualDevice({ platform: platformByName(platformName)!, clock, timing: 'none', modules, setupDone: true });
	bus.add(device);
	device.plug();
	const environment: Environment = { host: virtualUsbHost(bus), platforms, releases, clock, digests };
	const find = async () => {
		await clock.sleep(3000);
		const [found] = await listDevices(environment.host, platforms.map(usbIdsOf));
		return found!;
	};
	return { device, environment, find, clock };
}

const key = (m: { function: number; index: number; version: number; valid: boolean }) =>
	`${m.function}.${m.index} ${m.version} ${m.valid}`;

test('a running Boron and the same Boron in DFU mode tell the same modules', async () => {
	const modules = [...real('boron', '2.16.0', '2.2.0'), parsed(realTinker('boron'))];
	const b = await plugged('boron', modules);
	const running = await takeSnapshot(await b.find(), b.environment);
	expect(running).toMatchObject({
		platform: 'boron',
		mode: 'normal',
		osVersion: '2.2.0',
		depth: 'reported',
		deviceId: b.device.deviceId,
		setupDone: true,
	});
	await b.find();
	b.device.pressModeAndReset();
	const read = await takeSnapshot(await b.find(), b.environment);
	expect(read).toMatchObject({
		platform: 'boron',
		mode: 'dfu',
		osVersion: '2.2.0',
		depth: 'read',
		deviceId: b.device.deviceId,
		setupDone: true,
	});
	expect(read.modules!.map(key).sort()).toEqual(running.modules!.map(key).sort());
	expect(read.modules!.map(key).sort()).toEqual(
		modules.map((m) => `${m.prefix.function}.${m.prefix.index} ${m.prefix.version} true`).sort(),
	);
	const known = modules.map((m) => knownModule(m, digests).contentSha256);
	for (const m of read.modules!) expect(known).toContain(m.contentSha256);
});

test('a look that is to be deep brings a running device into DFU mode, reads it, and lets it run again', async () => {
	const b = await plugged('boron', [...real('boron', '2.16.0', '2.2.0'), parsed(realTinker('boron'))]);
	const snapshot = await takeSnapshot(await b.find(), b.environment, { depth: 'read' });
	expect(snapshot).toMatchObject({ mode: 'normal', depth: 'read', osVersion: '2.2.0' });
	expect(snapshot.modules!.every((m) => m.contentSha256 !== undefined)).toBe(true);
	await b.find();
	expect(b.device.mode).toBe('normal');
});

test.each(['photon', 'p1', 'electron'])(
	'a %s in DFU mode is read part by part, whatever its files are called',
	async (platform) => {
		const modules = [...real(platform, '2.16.0', '2.2.0'), parsed(realTinker(platform))];
		const b = await plugged(platform, modules);
		await b.find();
		b.device.pressModeAndReset();
		const read = await takeSnapshot(await b.find(), b.environment);
		expect(read).toMatchObject({ platform, mode: 'dfu', osVersion: '2.2.0' });
		expect(read.modules!.map(key).sort()).toEqual(
			modules.map((m) => `${m.prefix.function}.${m.prefix.index} ${m.prefix.version} true`).sort(),
		);
	},
);

test('an application of a P2 is found by the suffix at the end of its region, since it has no fixed start', async () => {
	const p2 = platformByName('p2')!;
	const app = parsed(
		createModule(
			{
				platformId: p2.id,
				function: 5,
				index: 1,
				version: 6,
				end: 0x085ffffc,
				align: 8,
				suffix: 'dynamic',
				body: seededRandom(3).bytes(50_000),
			},
			digests,
		),
	);
	const release = standInRelease(p2, '5.6.0');
	const b = await plugged('p2', [...release.modules.map((m) => m.module), app]);
	await b.find();
	b.device.pressModeAndReset();
	const read = await takeSnapshot(await b.find(), b.environment);
	expect(read.osVersion).toBe('5.6.0');
	expect(read.modules).toContainEqual(
		expect.objectContaining({
			function: 5,
			index: 1,
			version: 6,
			valid: true,
			start: app.prefix.start,
			contentSha256: knownModule(app, digests).contentSha256,
		}),
	);
});

test('a module with one wrong byte is reported as damaged in DFU mode, and a blank slot as absent', async () => {
	const b = await plugged('boron', real('boron', '2.16.0', '2.2.0'));
	b.device.flash('internal').put(0x60000, Uint8Array.of(1, 2, 3, 4));
	await b.find();
	b.device.pressModeAndReset();
	const read = await takeSnapshot(await b.find(), b.environment);
	expect(read.modules!.find((m) => m.function === 4)).toMatchObject({ version: 2202, valid: false });
	expect(read.modules!.find((m) => m.function === 5)).toBeUndefined();
	expect(read.osVersion).toBeUndefined();
});
