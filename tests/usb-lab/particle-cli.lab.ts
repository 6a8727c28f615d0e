/**
 * npm's particle-cli on a real kernel, offline and without login. It starts slowly in emulation, so one call works on several devices at once wherever the
 * tool can do that; what came of it is looked at device by device. It prints "Flash success!" for modules too that it has left out without a word:
 * what was flashed is what stands in the device's flash afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Platform, platforms, releaseByVersion, slotByName } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { contentBytes, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { standInApplication } from '@linac/virtual';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTinker } from '../support/real-firmware.js';
import { realRelease } from '../support/release-files.js';
import { parsed } from '../support/virtual-lab.js';
import { checked, NotPossible, type Operation } from './compatibility.js';
import {
	type BenchDevice,
	inMode,
	LabBench,
	modulesOf,
	newerNcp,
	realVersions,
	running,
	toDfu,
	usbId,
	usualVersion,
} from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { ParticleCli, wordsOf } from './particle-cli.js';

const why = noLabHere();
if (why) throw new Error(why);

// A Core knows no control requests. The X SoM was never sold: no release of its is in the catalogue. Of an A SoM, never sold either, particle-cli says
// "Unknown platform ID: 22", and then does nothing with any device.
const unknownToTool = new Set([22]);
const tried = platforms.filter(
	(p) =>
		!unknownToTool.has(p.id) && p.mcu !== 'stm32f1' && releaseByVersion(usualVersion(p.name) ?? '')?.platforms.includes(p.name),
);

let bench: LabBench;
let guest: Guest;
let tool: ParticleCli;

beforeAll(async () => {
	bench = await LabBench.start(tried.map((p) => ({ platform: p.name, modules: withOtherApplication(p) })));
	await Promise.all(bench.devices.map((d) => inMode(d, 'normal')));
	guest = await bootGuest({ attach: bench.devices });
	tool = new ParticleCli(guest);
});
afterAll(async () => {
	await guest?.close();
	await bench?.close();
});

/** Those of its usual release, with an application that the tests will not flash. */
function withOtherApplication(platform: Platform): ParsedModule[] {
	const version = usualVersion(platform.name)!;
	const system = modulesOf(platform.name, version).modules.filter((m) => m.prefix.function !== ModuleFunction.user);
	return [...system, standInApplication(platform, version, { version: 6 }).module];
}

const row = (it: Pick<BenchDevice, 'platform' | 'version' | 'standIn'>, operation: string): Operation => ({
	platform: it.platform.name,
	device: [it.version, it.standIn ? 'stand-in' : ''].filter(Boolean).join(' '),
	tool: 'particle-cli',
	toolVersion: tool.version,
	operation,
});

const byName = tried.map((platform) => ({ name: platform.name, platform }));
const deviceOf = (platform: Platform): BenchDevice => {
	const found = bench.devices.find((d) => d.platform === platform)!;
	// Its application is invented everywhere; what counts is Device OS.
	return { ...found, standIn: !realVersions(platform.name).includes(found.version!) };
};

/** One call for all devices; whoever looks at a device first makes it. Its failure is each device's. */
function once<T>(call: () => Promise<T>): () => Promise<T> {
	let made: Promise<T> | undefined;
	return () => {
		made ??= call();
		return made;
	};
}

/**
 * `particle usb VERB ID` for one after the other. Given several, the tool opens and closes all that are connected once for each of them, all at the same time,
 * and where they restart meanwhile it ends with "Unable to close USB device", a TimeoutError, or not at all.
 */
async function oneByOne(verb: string, devices: readonly BenchDevice[] = bench.devices): Promise<void> {
	for (const it of devices) await tool.done(['usb', verb, it.device.deviceId], { timeoutMs: 180_000 });
}

/** By its button. */
async function back(it: BenchDevice): Promise<void> {
	it.device.pressReset();
	await inMode(it, 'normal');
	await running(guest, it);
}

async function allRunning(): Promise<void> {
	for (const it of bench.devices) await running(guest, it);
}

describe('what particle-cli does with all devices that are connected', () => {
	const listedNormal = once(() => tool.list());
	test.each(byName)('$name is listed with its id and its name', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb list'), async () => {
			const said = (await listedNormal()).get(deviceOf(platform).device.deviceId);
			expect(said).toMatch(/\w/);
			expect(said).not.toContain(',');
			return said!;
		}),
	);

	const listening = once(async () => {
		await tool.done(['usb', 'start-listening', '--all']);
		return tool.list();
	});
	test.each(byName)('$name goes to listening mode', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb start-listening'), async () => {
			const listed = await listening();
			const { device } = deviceOf(platform);
			expect(device.mode).toBe('listening');
			expect(listed.get(device.deviceId)).toMatch(/, LISTENING$/);
		}),
	);

	test.each(byName)('$name identifies itself in listening mode', ({ platform }) =>
		checked(row(deviceOf(platform), 'serial identify'), async () => {
			await listening();
			const it = deviceOf(platform);
			const said = await tool.done(['serial', 'identify', '--port', await portOf(it)]);
			expect(said).toContain(`Your device id is ${it.device.deviceId}`);
			expect(said).toContain(`Your system firmware version is ${it.version}`);
			const cellular = platform.components.cellular ? /IMEI is \d{15}[\s\S]*ICCID is \d{19,20}/ : undefined;
			if (cellular) expect(said).toMatch(cellular);
			return cellular ? 'with IMEI and ICCID' : undefined;
		}),
	);

	const stopped = once(() => listening().then(() => tool.done(['usb', 'stop-listening', '--all'])));
	test.each(byName)('$name leaves listening mode', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb stop-listening'), async () => {
			await stopped();
			expect(deviceOf(platform).device.mode).toBe('normal');
		}),
	);

	const ports = once(() => tool.done(['serial', 'list']));
	test.each(byName)('$name has a serial port', ({ platform }) =>
		checked(row(deviceOf(platform), 'serial list'), async () => {
			const it = deviceOf(platform);
			const line = (await ports()).split('\n').find((l) => l.toLowerCase().includes(it.device.deviceId));
			expect(line?.split(' ')[0]).toBe(await portOf(it));
		}),
	);

	test.each(byName)('$name tells its modules, all of them whole', ({ platform }) =>
		checked(row(deviceOf(platform), 'serial inspect'), async () => {
			const it = deviceOf(platform);
			const said = await tool.done(['serial', 'inspect', '--port', await portOf(it)]);
			expect(said).not.toMatch(/FAIL/);
			const told = said.match(/Integrity: PASS|integrity.*PASS/gi) ?? [];
			for (const { version } of it.device.installedModules().filter((m) => m.function === ModuleFunction.system))
				expect(said).toContain(String(version));
			return `${told.length} modules`;
		}),
	);

	const inDfu = once(async () => {
		await oneByOne('dfu');
		for (const it of bench.devices) await guest.enumerated(it.busid, { usbId: usbId(it.platform, true) });
		return tool.list();
	});
	test.each(byName)('$name goes to DFU mode', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb dfu'), async () => {
			const listed = await inDfu();
			const { device } = deviceOf(platform);
			expect(device.mode).toBe('dfu');
			expect(listed.get(device.deviceId)).toMatch(/, DFU$/);
		}),
	);

	const reset = once(async () => {
		await inDfu();
		await oneByOne('reset');
		await allRunning();
	});
	test.each(byName)('$name leaves DFU mode by a reset', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb reset'), async () => {
			await reset();
			expect(deviceOf(platform).device.mode).toBe('normal');
		}),
	);

	const safe = once(async () => {
		const modes = new Map<Platform, string>();
		// One after the other here too: where all of them come back at once, the kernel may give up on one.
		for (const it of bench.devices) {
			if (it.device.mode === 'dfu') await back(it);
			await oneByOne('safe-mode', [it]);
			// The tool does not wait for it. What comes instead is what the row says.
			await inMode(it, 'safe', 30_000).catch(() => {});
			await running(guest, it);
			modes.set(it.platform, it.device.mode);
			await back(it);
		}
		return modes;
	});
	test.each(byName)('$name restarts in safe mode', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb safe-mode'), async () => {
			expect((await safe()).get(platform)).toBe('safe');
		}),
	);

	const setUp = once(async () => {
		await safe();
		await oneByOne(
			'setup-done',
			bench.devices.filter((it) => it.platform.dct.setupDone !== undefined),
		);
	});
	test.each(byName.filter(({ platform }) => platform.dct.setupDone !== undefined))('$name is set up', ({ platform }) =>
		checked(row(deviceOf(platform), 'usb setup-done'), async () => {
			await setUp();
			const { device } = deviceOf(platform);
			expect(device.mode).toBe('normal');
			expect(device.readDct(platform.dct.setupDone!, 1)[0]).toBe(1);
		}),
	);
});

describe('an application that particle-cli has flashed runs', () => {
	test.each(byName)('$name, from normal mode, with flash --local', ({ platform }) =>
		checked(row(deviceOf(platform), 'flash --local application'), async () => {
			const it = deviceOf(platform);
			await running(guest, it);
			const { module, path } = applicationFile(it);
			const said = await tool.done(['flash', '--local', it.device.deviceId, path, '--application-only']);
			expect(said).toContain('Flash success!');
			await running(guest, it);
			expect(it.device.mode, it.device.why).toBe('normal');
			expect(holds(it, module)).toBe(true);
			return `user-part ${module.prefix.version}`;
		}),
	);

	test.each(byName)('$name, in DFU mode, with flash --usb', ({ platform }) =>
		checked(row(deviceOf(platform), 'flash --usb application'), async () => {
			const it = deviceOf(platform);
			await toDfu(guest, it);
			const module = standInApplication(platform, it.version!, { version: 8, size: 20_000, seed: 8 }).module;
			const path = join(guest.folder, `${platform.name}-other.bin`);
			writeFileSync(path, module.bytes);
			const result = await tool.run(['flash', '--usb', path]);
			if (result.status !== 0) return new NotPossible(wordsOf(result));
			await running(guest, it);
			expect(it.device.mode, it.device.why).toBe('normal');
			expect(holds(it, module)).toBe(true);
			return `user-part ${module.prefix.version}`;
		}),
	);
});

interface Update {
	platform: string;
	from: string;
	to: string;
}
const updates: Update[] = [
	{ platform: 'boron', from: '2.2.0', to: '4.0.1' },
	{ platform: 'argon', from: '2.2.0', to: '4.0.1' },
	{ platform: 'bsom', from: '1.5.2', to: '2.2.0' },
	{ platform: 'b5som', from: '2.2.0', to: '4.0.1' },
	{ platform: 'tracker', from: '2.2.0', to: '4.0.1' },
	{ platform: 'photon', from: '1.5.2', to: '2.2.0' },
	{ platform: 'p1', from: '2.2.0', to: '2.3.1' },
	{ platform: 'electron', from: '2.2.0', to: '2.3.1' },
];

describe('a folder of Device OS modules that particle-cli has flashed runs', () => {
	test.each(updates)('$platform from $from to $to', async ({ platform, from, to }) => {
		const it = bench.add({ platform, version: from });
		await checked(row({ ...it, standIn: false }, `flash --local folder of ${to}`), async () => {
			await inMode(it, ['normal', 'listening', 'safe']);
			await guest.attach(it);
			const release = realRelease(platform, to);
			const folder = join(guest.folder, `${platform}-${to}`);
			mkdirSync(folder);
			const ncp = newerNcp(platform, from, to);
			for (const { slot, module } of [...release.modules, ...ncp])
				writeFileSync(join(folder, `${platform}-${slot}@${to}.bin`), module.bytes);
			// Device OS before 2.0.0 of these cannot be asked to go there, says the tool.
			if (it.platform.mcu === 'stm32f2' && from.startsWith('1.')) await toDfu(guest, it);
			const absent = release.modules.filter(({ module }) => !holds(it, module));
			const said = await tool.done(['flash', '--local', it.device.deviceId, folder]);
			expect(said).toContain('Flash success!');
			await running(guest, it);
			// It starts again by itself when it has something to apply. Without its NCP firmware a system waits in safe mode for it.
			const ncpLeft = ncp.filter(({ module }) => ncpOf(it) !== module.prefix.version);
			await inMode(it, ncpLeft.length > 0 ? 'safe' : 'normal');
			const flashed = absent.filter(({ module }) => holds(it, module)).map((m) => m.slot);
			const told = said.match(/^Flashing \S+\.bin$/gm)?.length ?? 0;
			for (const { slot, module } of release.modules) {
				const written = flashed.includes(slot) || !absent.some((m) => m.slot === slot);
				if (module.prefix.function !== ModuleFunction.radioStack && !slotByName(it.platform, slot)?.encrypted)
					expect(written, `${slot} ${module.prefix.version} is not in flash`).toBe(true);
			}
			const left = release.modules.filter(({ slot }) => !flashed.includes(slot)).map((m) => m.slot);
			expect(told).toBeGreaterThan(0);
			const waits = ncpLeft.map(({ slot }) => `; ${slot}: left out without a word, so it waits in safe mode`).join('');
			return `${flashed.join(', ')}${left.length ? `; ${left.join(', ')}: left out or there already` : ''}${waits}`;
		});
		await guest.detach(it.busid);
		it.device.unplug();
	});
});

function ncpOf({ device }: BenchDevice): number | undefined {
	return device.installedModules().find((m) => m.function === ModuleFunction.ncp)?.version;
}

/** Tinker as the tool itself has it, where this Device OS can run it; else a stand-in. */
function applicationFile(it: BenchDevice): { module: ParsedModule; path: string } {
	const system = releaseByVersion(it.version!)!.moduleVersion;
	const tinker = parsed(realTinker(it.platform.name, '3.51.0'));
	const runs = tinker.dependencies.every((d) => d.function !== ModuleFunction.system || d.version <= system);
	const is128 = tinker.prefix.start === 0xd4000 && system >= 3102;
	const module =
		runs && !is128 ? tinker : standInApplication(it.platform, it.version!, { version: 7, size: 20_000, seed: 7 }).module;
	const path = join(guest.folder, `${it.platform.name}-application.bin`);
	writeFileSync(path, module.bytes);
	return { module, path };
}

async function portOf(it: BenchDevice): Promise<string> {
	const { serialPort } = await guest.enumerated(it.busid, { usbId: usbId(it.platform, false) });
	expect(serialPort).toMatch(/^\/dev\/ttyACM/);
	return serialPort!;
}

/** Whether its bytes stand in flash where its header says. */
function holds({ device }: BenchDevice, module: ParsedModule): boolean {
	const bytes = contentBytes(module);
	const { start } = module.prefix;
	const flash = device.flash('internal');
	return flash.contains(start, bytes.length) && equalBytes(flash.read(start, bytes.length), bytes);
}
