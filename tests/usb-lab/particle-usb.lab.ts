/**
 * npm's particle-usb on a real kernel, with its own native module, against every platform that knows control requests: what it is told is what the
 * device is, and what it flashes is what the device runs afterwards.
 */
import { platforms, type ReleaseSet, releasesFor, type SourcedModule, slotByName } from '@linac/catalog';
import { equalBytes, seededRandom } from '@linac/core';
import { contentBytes, ModuleFunction } from '@linac/firmware';
import { standInRelease } from '@linac/virtual';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realRelease } from '../support/release-files.js';
import { checked, type Operation } from './compatibility.js';
import { type BenchDevice, inMode, LabBench, realVersions, running, toDfu, usbId, usualVersion } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { ParticleUsbInGuest, type SeenModule } from './particle-usb-in-guest.js';

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
	device: [it.version, it.standIn ? 'stand-in' : ''].filter(Boolean).join(' '),
	tool: 'particle-usb',
	toolVersion: tool.version,
	operation,
});

/** Names of particle-usb for kinds of modules, before Device OS 5.6.0 and from then on, lower case. */
const functionOf: Record<string, number> = {
	bootloader: ModuleFunction.bootloader,
	systempart: ModuleFunction.system,
	system_part: ModuleFunction.system,
	userpart: ModuleFunction.user,
	user_part: ModuleFunction.user,
	radiostack: ModuleFunction.radioStack,
	radio_stack: ModuleFunction.radioStack,
	ncpfirmware: ModuleFunction.ncp,
	ncp_firmware: ModuleFunction.ncp,
};

function kindOf({ type }: SeenModule): number | undefined {
	return functionOf[type.toLowerCase()];
}

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
			const told = await tool.with(id, () => tool.on<{ iccid: string; imei: string }>(id, 'getCellularInfo'));
			expect(told).toEqual({ iccid: expect.stringMatching(/^\d{19}$/), imei: expect.stringMatching(/^\d{15}$/) });
			return undefined;
		}),
	);

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

interface Update {
	platform: string;
	from: string;
	to: string;
}

const realUpdates: Update[] = ['argon', 'boron', 'bsom', 'b5som', 'tracker', 'photon', 'p1', 'electron'].flatMap((platform) => {
	const versions = realVersions(platform).filter((v) => v !== '4.0.2');
	return versions.slice(1).map((to, i) => ({ platform, from: versions[i]!, to }));
});
// From the newest but one with a real layout of its own to the newest, where only stand-ins can be had.
const standInUpdates: Update[] = ['p2', 'msom', 'trackerm', 'boron'].map((platform) => {
	const all = releasesFor(platform).map((r) => r.version);
	return { platform, from: '5.9.0', to: all[0]! };
});

describe('a device that particle-usb has updated runs the new version', () => {
	test.each([...realUpdates, ...standInUpdates].map((u) => [`${u.platform} from ${u.from} to ${u.to}`, u] as const))(
		'%s',
		async (_, update) => {
			const it = bench.add({ platform: update.platform, version: update.from });
			await checked(row(it, 'update to another release'), async () => {
				await inMode(it, ['normal', 'safe', 'listening']);
				await guest.attach(it);
				const release = releaseFor(update);
				await flashRelease(it, release);
				await tool.with(it.device.deviceId, async (device) => {
					expect(device.firmwareVersion).toBe(update.to);
					const told = await tool.on<SeenModule[]>(it.device.deviceId, 'getFirmwareModuleInfo');
					for (const { module } of release.modules.filter((m) => !skipped(it, m))) {
						const { function: kind, index, version } = module.prefix;
						if (kind === ModuleFunction.radioStack) continue;
						const there = told.filter((m) => kindOf(m) === kind && (kind !== ModuleFunction.system || m.index === index));
						expect(there.map((m) => m.version)).toContain(version);
					}
					expect(told.flatMap((m) => m.validityErrors)).toEqual([]);
				});
				expect(it.device.mode).toBe('normal');
				return `to ${update.to}`;
			});
			await guest.detach(it.busid);
			it.device.unplug();
		},
	);
});

function releaseFor({ platform, to }: Update): ReleaseSet {
	return realVersions(platform).includes(to) ? realRelease(platform, to) : standInRelease(platform, to);
}

/** What no USB tool writes: encrypted parts, and firmware of another chip. */
function skipped(it: BenchDevice, { module, slot }: SourcedModule): boolean {
	return module.prefix.function === ModuleFunction.ncp || slotByName(it.platform, slot)?.encrypted === true;
}

/** Bootloaders by control requests, then everything else over DFU, as particle-cli does it too. */
async function flashRelease(it: BenchDevice, release: ReleaseSet): Promise<void> {
	const id = it.device.deviceId;
	const internal = it.platform.alternates.find((a) => a.storage === 'internal')!;
	const modules = release.modules.filter((m) => !skipped(it, m));
	const overDfu = (m: SourcedModule) => slotByName(it.platform, m.slot)?.transports.includes('dfu') === true;
	// The second bootloader of an RTL872x asks for the first.
	const byRequest = modules.filter((m) => !overDfu(m)).sort((a, b) => b.module.prefix.index - a.module.prefix.index);
	for (const { module } of byRequest) {
		await tool.with(id, () => tool.on(id, 'updateFirmware', module.bytes));
		await inMode(it, ['normal', 'safe', 'listening', 'off']);
		await running(guest, it);
	}
	await tool.with(id, () => tool.on(id, 'enterDfuMode'));
	await toDfu(guest, it);
	const rest = modules.filter(overDfu);
	await tool.with(id, async () => {
		for (const [i, { module }] of rest.entries()) {
			const startAddr = module.prefix.start + internal.addressOffset;
			await tool.on(id, 'writeOverDfu', contentBytes(module), {
				altSetting: internal.number,
				startAddr,
				leave: i === rest.length - 1,
			});
		}
	});
	await running(guest, it);
}
