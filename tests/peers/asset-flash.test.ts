/**
 * Assets against Particle's own code: bundles and asset modules that binary-version-reader makes, and particle-usb as the host. What particle-usb
 * stores on a virtual device linac finds there, and what linac stores particle-usb lists.
 */
import { createRequire } from 'node:module';
import { platformByName, platforms, releases } from '@linac/catalog';
import { systemClock, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { program } from '@linac/programmer';
import { standInApplication, standInRelease, VirtualBus, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { afterEach, describe, expect, test } from 'vitest';
import { goal, goalFile } from '../scenarios/programming-setup.js';
import { assetApplication, realAssetApplication } from '../support/asset-applications.js';
import { bundleGoal } from '../support/asset-bundles.js';
import { type PeerDevice, particleUsb } from '../support/particle-usb.js';

const reader = createRequire(import.meta.url)('binary-version-reader') as {
	createAssetModule(data: Buffer, name: string): Promise<Buffer>;
	createApplicationAndAssetBundle(
		application: { name: string; data: Buffer },
		assets: { name: string; data: Buffer }[],
	): Promise<Buffer>;
	unpackApplicationAndAssetBundle(bundle: Buffer): Promise<{ application: { data: Buffer } }>;
};

const assets = [
	{ name: 'cat.txt', data: Buffer.from('meow '.repeat(2000)) },
	{ name: 'dog.txt', data: Buffer.from('woof') },
];
const sha = (data: Uint8Array) => toHex(nodeDigests.sha256(data));
const listed = assets.map((a) => ({ name: a.name, hash: sha(a.data) }));

const bus = new VirtualBus();
const host = virtualUsbHost(bus);
const peer = particleUsb(host);
const opened: PeerDevice[] = [];
const onBus: VirtualDevice[] = [];

afterEach(async () => {
	for (const device of opened.splice(0)) await device.close().catch(() => {});
	for (const device of onBus.splice(0)) device.unplug();
});

function plugged(name: string, version: string): VirtualDevice {
	const modules = [...standInRelease(name, version).modules, standInApplication(name, version)].map((m) => m.module);
	const device = new VirtualDevice({ platform: platformByName(name)!, clock: systemClock, timing: 'none', modules });
	bus.add(device);
	device.plug();
	onBus.push(device);
	return device;
}

/** The device, open and running; it may be restarting. */
async function open(device: VirtualDevice): Promise<PeerDevice> {
	for (let n = 0; n < 200; n++) {
		try {
			const candidate = await peer.openDeviceById(device.deviceId);
			opened.push(candidate);
			if (!candidate.isInDfuMode) return candidate;
			await candidate.close();
		} catch {
			// Not there yet.
		}
		await systemClock.sleep(20);
	}
	throw new Error('It did not come.');
}

async function bundleFor(name: string): Promise<Uint8Array> {
	const application = name === 'trackerm' ? realAssetApplication('trackerm') : assetApplication(name);
	return new Uint8Array(
		await reader.createApplicationAndAssetBundle({ name: 'app.bin', data: Buffer.from(application) }, assets),
	);
}

const flash = (files: ReturnType<typeof bundleGoal>, applicationOnly = false) =>
	program({
		host,
		platforms,
		releases,
		clock: systemClock,
		digests: nodeDigests,
		goal: goal(undefined, files, { applicationOnly }),
	});

describe.each(['boron', 'trackerm'])('a bundle of the other tool for a %s', (name) => {
	test('that linac programs is listed by particle-usb, name for name and hash for hash', async () => {
		const device = plugged(name, '5.9.0');
		const verdict = await flash(bundleGoal(await bundleFor(name)));
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		const info = await (await open(device)).getAssetInfo();
		expect(info.required).toEqual(listed);
		expect(info.available.map(({ name, hash }) => ({ name, hash }))).toEqual(listed);
		expect(info.available.map((a) => a.size)).toEqual(assets.map((a) => a.data.length));
		expect(info.available.map((a) => a.storageSize)).toEqual([...device.storedAssets().values()].map((b) => b.length));
	});

	test('whose assets particle-usb stores, made by the other tool, is proved by linac without a write', async () => {
		const device = plugged(name, '5.9.0');
		const bundle = await bundleFor(name);
		const { application } = await reader.unpackApplicationAndAssetBundle(Buffer.from(bundle));
		const alone = await flash([goalFile(name, new Uint8Array(application.data))], true);
		expect(alone.ok && [alone.value.outcome, alone.value.after?.mode]).toEqual(['verified', 'safe']);
		for (const asset of assets) {
			const running = await open(device);
			await running.updateFirmware(await reader.createAssetModule(asset.data, asset.name));
			await running.close();
			await systemClock.sleep(50);
		}
		const info = await (await open(device)).getAssetInfo();
		expect(info.available.map(({ name, hash }) => ({ name, hash }))).toEqual(listed);
		await opened.at(-1)!.close();
		expect(device.mode).toBe('normal');
		const verdict = await flash(bundleGoal(bundle));
		expect(verdict.ok && verdict.value.outcome).toBe('already');
		expect(verdict.ok && verdict.value.evidence.filter((r) => r.slot === 'asset').map((r) => [r.asset, r.proof])).toEqual([
			['cat.txt', 'device-hash'],
			['dog.txt', 'device-hash'],
		]);
	});
});
