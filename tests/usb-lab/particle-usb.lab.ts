/**
 * npm's particle-usb on a real kernel, with its own native module, against every platform that knows control requests: what it is told is what the
 * device is, and what it flashes is what the device runs afterwards.
 */
import { assetStore, firstSystemThatTellsAssets, platforms, releaseByVersion } from '@linac/catalog';
import { equalBytes, seededRandom } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checked, NotPossible, type Operation } from './compatibility.js';
import { type BenchDevice, inMode, LabBench, running, toDfu, usbId, usualVersion } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { kindOf, ParticleUsbInGuest, type SeenModule } from './particle-usb-in-guest.js';

const why = noLabHere();
if (why) throw new Error(why);

// A Core knows no control requests. For the X SoM, which was never sold, no system part is to be had.
const withRequests = platforms.filter((p) => p.mcu !== 'stm32f1' && usualVersion(p.name) !== undefined);

let bench: LabBench;
let guest: Guest;
let tool: ParticleUsbInGuest;

beforeAll(async () => {
	bench = await LabBench.start(withRequests.map((p) => ({ platform: p.name })));
	await Promise.all(bench.devices.map((d) => inMode(d, ['normal', 'safe', 'listening'])));
	guest = await bootGuest({ attach: bench.devices });
	tool = new ParticleUsbInGuest(guest);
});
afterAll(async () => {
	await tool?.end();
	await guest?.close();
	await bench?.close();
});

const row = (it: BenchDevice, operation: string): Operation => ({
	platform: it.platform.name,
	device: it.label,
	tool: 'particle-usb',
	toolVersion: tool.version,
	operation,
});

describe.each(withRequests.map((p) => [p.name, p] as const))('%s', (_, platform) => {
	let it: BenchDevice;
	let id: string;

	beforeEach(async () => {
		it = bench.devices.find((d) => d.platform === platform)!;
		id = it.device.deviceId;
		await running(guest, it);
	});

	test('is listed and opened, and tells its id, its type and its version', () =>
		checked(row(it, 'list, open, read id and version'), async () => {
			const listed = await tool.getDevices({ types: [platform.name] });
			expect(listed.map((d) => d.type)).toEqual([platform.name]);
			await tool.with(id, async (device) => {
				expect(device).toMatchObject({ id, type: platform.name, platformId: platform.id, isInDfuMode: false });
				expect(device.firmwareVersion).toBe(it.version);
				expect(await tool.on(id, 'getDeviceId')).toBe(id);
			});
			return it.version;
		}));

	test('tells the modules that are in its flash, and which of them are damaged', () =>
		checked(row(it, 'modules'), async () => {
			const told = await tool.with(id, () => tool.on<SeenModule[]>(id, 'getFirmwareModuleInfo'));
			const inFlash = it.device.installedModules().filter((m) => m.function !== ModuleFunction.ncp);
			for (const kind of [ModuleFunction.system, ModuleFunction.bootloader, ModuleFunction.user]) {
				const versions = (list: { version: number }[]) => list.map((m) => m.version).sort();
				const seen = told.filter((m) => kindOf(m) === kind);
				expect(versions(seen), `function ${kind}`).toEqual(versions(inFlash.filter((m) => m.function === kind)));
			}
			expect(told.flatMap((m) => m.validityErrors)).toEqual([]);
			return `${told.length} modules`;
		}));

	test('goes to listening mode and comes back', () =>
		checked(row(it, 'listening mode and back'), async () =>
			tool.with(id, async () => {
				await tool.on(id, 'enterListeningMode');
				expect(it.device.mode).toBe('listening');
				expect(await tool.on(id, 'getDeviceMode')).toMatch(/listening/i);
				await tool.on(id, 'leaveListeningMode');
				await inMode(it, ['normal', 'safe']);
				expect(await tool.on(id, 'getDeviceMode')).toMatch(/normal/i);
				return undefined;
			}),
		));

	test('restarts in safe mode, and restarts from it', () =>
		checked(row(it, 'safe mode and reset'), async () => {
			await tool.with(id, () => tool.on(id, 'enterSafeMode'));
			await inMode(it, 'safe');
			await running(guest, it);
			await tool.with(id, () => tool.on(id, 'reset'));
			// Only then it is not a mode of its own any more.
			await inMode(it, it.device.installedModules().some((m) => m.function === ModuleFunction.user) ? 'normal' : 'safe');
			return undefined;
		}));

	test.runIf(platform.dct.setupDone !== undefined)('takes the setup-done flag', () =>
		checked(row(it, 'setup done'), async () => {
			await tool.with(id, async (device) => {
				expect(device.isGen3Device).toBe(true);
				await tool.on(id, 'setSetupDone', true);
			});
			return undefined;
		}),
	);

	test.runIf(platform.components.cellular)('tells ICCID and IMEI', () =>
		checked(row(it, 'ICCID and IMEI'), async () => {
			const asked = tool.with(id, () => tool.on<{ iccid: string; imei?: string }>(id, 'getCellularInfo'));
			// Generation 2 has no such request; the IMEI came with Device OS 5.8.0 (device-os: system/src/control/cellular.cpp).
			if (platform.generation < 3) {
				await expect(asked).rejects.toThrow(/Not supported/);
				return new NotPossible('RequestError: Not supported');
			}
			const told = await asked;
			expect(told.iccid).toMatch(/^\d{19}$/);
			const number = releaseByVersion(it.version!)!.moduleVersion;
			if (number < 5800) expect(told.imei || undefined).toBeUndefined();
			else expect(told.imei).toMatch(/^\d{15}$/);
			return number < 5800 ? 'ICCID alone' : undefined;
		}),
	);

	test('tells the assets that are stored, where it can', () =>
		checked(row(it, 'assets'), async () => {
			const asked = tool.with(id, () => tool.on<{ available: { name: string }[]; required: unknown[] }>(id, 'getAssetInfo'));
			const number = releaseByVersion(it.version!)?.moduleVersion ?? 0;
			if (number < firstSystemThatTellsAssets() || !assetStore(platform, number)) {
				await expect(asked).rejects.toThrow(/Not supported/);
				return new NotPossible('RequestError: Not supported');
			}
			const told = await asked;
			expect(told.available.map((a) => a.name)).toEqual([...it.device.storedAssets().keys()]);
			expect(told.required).toEqual([]);
			return `${told.available.length} stored`;
		}));

	test('tells whether it is protected, where it can', () =>
		checked(row(it, 'protection state'), async () => {
			const asked = tool.with(id, () => tool.on<{ protected: boolean }>(id, 'getProtectionState'));
			// Protection came with Device OS 6.0.0.
			if ((releaseByVersion(it.version!)?.moduleVersion ?? 0) < 6000) {
				await expect(asked).rejects.toThrow(/Not supported/);
				return new NotPossible('RequestError: Not supported');
			}
			expect(await asked).toEqual({ protected: false });
			return 'open';
		}));

	test('goes to DFU mode, takes an application and a row of bytes there, and gives back the same', () =>
		checked(row(it, 'DFU mode, write and read'), async () => {
			await tool.with(id, () => tool.on(id, 'enterDfuMode'));
			await inMode(it, 'dfu');
			await guest.enumerated(it.busid, { usbId: usbId(platform, true) });
			const internal = platform.alternates.find((a) => a.storage === 'internal')!;
			const slot = platform.modules.filter((m) => m.function === ModuleFunction.user).at(-1)!;
			const at = platform.memory.find((r) => r.name === slot.region)!.start;
			const before = it.device.flash('internal').read(at, 24_576).slice();
			const bytes = seededRandom(platform.id).bytes(20_001);
			await tool.with(id, async (device) => {
				expect(device.isInDfuMode).toBe(true);
				await tool.on(id, 'writeOverDfu', bytes, { altSetting: internal.number, startAddr: at });
				expect(equalBytes(it.device.flash('internal').read(at, bytes.length), bytes)).toBe(true);
			});
			// A fresh start of the bootloader: right after a write it would send CLRSTATUS outside of dfuERROR, which stalls.
			it.device.pressModeAndReset();
			await toDfu(guest, it);
			await tool.with(id, async () => {
				const back = await tool.on<Uint8Array>(id, 'readOverDfu', {
					altSetting: internal.number,
					startAddr: at,
					size: bytes.length,
				});
				expect(equalBytes(back, bytes)).toBe(true);
			});
			it.device.pressModeAndReset();
			await toDfu(guest, it);
			await tool.with(id, () => tool.on(id, 'writeOverDfu', before, { altSetting: internal.number, startAddr: at, leave: true }));
			await running(guest, it);
			return `${bytes.length} bytes`;
		}));
});
