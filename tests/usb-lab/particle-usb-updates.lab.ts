/** What npm's particle-usb flashes to a device is what the device runs afterwards: whole releases, of real modules wherever they can be had. */
import { type ReleaseSet, releasesFor, type SourcedModule, slotByName } from '@linac/catalog';
import { contentBytes, ModuleFunction } from '@linac/firmware';
import { standInRelease } from '@linac/virtual';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realRelease } from '../support/release-files.js';
import { checked } from './compatibility.js';
import { type BenchDevice, inMode, LabBench, newerNcp, realVersions, running, toDfu } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';
import { kindOf, ParticleUsbInGuest, type SeenModule } from './particle-usb-in-guest.js';

const why = noLabHere();
if (why) throw new Error(why);

let bench: LabBench;
let guest: Guest;
let tool: ParticleUsbInGuest;

beforeAll(async () => {
	bench = await LabBench.start();
	guest = await bootGuest();
	tool = new ParticleUsbInGuest(guest);
});
afterAll(async () => {
	await tool?.end();
	await guest?.close();
	await bench?.close();
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

test.each([...realUpdates, ...standInUpdates].map((u) => [`${u.platform} from ${u.from} to ${u.to}`, u] as const))(
	'what particle-usb has flashed is what the device runs: %s',
	async (_, update) => {
		const it = bench.add({ platform: update.platform, version: update.from });
		const id = it.device.deviceId;
		const about = { platform: update.platform, device: it.label, tool: 'particle-usb', toolVersion: tool.version };
		try {
			await checked({ ...about, operation: 'update to another release' }, async () => {
				await inMode(it, ['normal', 'safe', 'listening']);
				await guest.attach(it);
				const modules = toWrite(it, update);
				await flash(it, modules);
				await tool.with(id, async (device) => {
					expect(device.firmwareVersion).toBe(update.to);
					const told = await tool.on<SeenModule[]>(id, 'getFirmwareModuleInfo');
					expect(told.flatMap((m) => m.validityErrors)).toEqual([]);
					for (const { module } of modules) {
						const { function: kind, index, version } = module.prefix;
						// Device OS tells the SoftDevice's version by Nordic's number.
						if (kind === ModuleFunction.radioStack) continue;
						const there = told.filter((m) => kindOf(m) === kind && (kind !== ModuleFunction.system || m.index === index));
						expect(there.map((m) => m.version)).toContain(version);
					}
				});
				expect(it.device.mode).toBe('normal');
				return `to ${update.to}`;
			});
		} finally {
			await guest.detach(it.busid);
			it.device.unplug();
		}
	},
);

/** The modules to write: not encrypted ones, which no USB tool writes, and NCP firmware only where it is newer than what the device has. */
function toWrite(it: BenchDevice, { platform, from, to }: Update): SourcedModule[] {
	const real = realVersions(platform).includes(to);
	const release: ReleaseSet = real ? realRelease(platform, to) : standInRelease(platform, to);
	const wanted = release.modules.filter(
		(m) => m.module.prefix.function !== ModuleFunction.ncp && slotByName(it.platform, m.slot)?.encrypted !== true,
	);
	return [...newerNcp(platform, from, to), ...wanted];
}

/** Bootloaders by control requests, then everything else over DFU, as particle-cli does it too; NCP firmware last, because it asks for the new system part. */
async function flash(it: BenchDevice, modules: SourcedModule[]): Promise<void> {
	const id = it.device.deviceId;
	const internal = it.platform.alternates.find((a) => a.storage === 'internal')!;
	const overDfu = (m: SourcedModule) => slotByName(it.platform, m.slot)?.transports.includes('dfu') === true;
	const ofNcp = (m: SourcedModule) => m.module.prefix.function === ModuleFunction.ncp;
	// The second bootloader of an RTL872x asks for the first.
	const bootloaders = modules
		.filter((m) => !overDfu(m) && !ofNcp(m))
		.sort((a, b) => b.module.prefix.index - a.module.prefix.index);
	const byRequest = async ({ module }: SourcedModule) => {
		const { times } = await guest.enumerated(it.busid);
		await tool.with(id, () => tool.on(id, 'updateFirmware', module.bytes));
		// It puts the module in its place and restarts.
		await guest.enumerated(it.busid, { after: times });
		await running(guest, it);
	};
	for (const bootloader of bootloaders) await byRequest(bootloader);
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
	for (const ncp of modules.filter(ofNcp)) await byRequest(ncp);
}
