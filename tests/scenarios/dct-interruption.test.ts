/**
 * Power fails, or the cable comes out, at every point of a job that loads a key or puts a backup back. There is never a device with neither
 * the old key nor the new one, and the same job finishes what was begun.
 */
import { cloudPlaceOf, platformByName, platforms, releases } from '@linac/catalog';
import { equalBytes, good } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { cloudWrites, dctWrites } from '@linac/image';
import {
	type BackupContents,
	type DctChange,
	type DctJobOptions,
	restorableGroups,
	restoreChanges,
	runDctJob,
	takeBackup,
} from '@linac/programmer';
import { standInApplication, standInRelease, virtualUsbHost } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { bytesOf, dctOf, giveSecrets, privateKeyPem } from './backup-setup.js';
import { type Bench, bench } from './programming-setup.js';

const kinds = ['photon', 'electron', 'boron', 'p2'];

function deviceOf(name: string): Bench {
	const platform = platformByName(name)!;
	const version = platform.mcu === 'rtl872x' ? '5.5.0' : '2.2.0';
	const modules = [...standInRelease(platform, version).modules, ...[standInApplication(platform, version)].flat()];
	return bench(name, { modules: modules.map((m) => m.module) });
}

function on(b: Bench) {
	return { host: virtualUsbHost(b.bus), platforms, releases, clock: b.clock, digests: nodeDigests, limits: { returnMs: 500 } };
}

function job(b: Bench, want: DctJobOptions['want'], more: Partial<DctJobOptions> = {}) {
	return runDctJob({ ...on(b), want, ...more });
}

/** As `linac keys load` makes it. */
function keyChange(name: string, which: string): DctChange[] {
	const platform = platformByName(name)!;
	const place = cloudPlaceOf(platform)!;
	const bytes = new TextEncoder().encode(privateKeyPem(name, which));
	const writes = cloudWrites(platform, place.cloud, { 'device-private-key': { file: 'key.pem', bytes } });
	if (!writes.ok) throw new Error('refused');
	return writes.value.map(({ name: field, offset, bytes: b }) => ({ name: field, storage: place.storage, offset, bytes: b }));
}

async function keyOn(b: Bench): Promise<Uint8Array> {
	const { offset, size } = cloudPlaceOf(b.device.platform)!.cloud.devicePrivateKey;
	return dctOf(b, offset, size);
}

/** Flash operations and transfers of the whole job, on a device as new. */
async function countPoints(make: () => Promise<{ b: Bench; run: () => Promise<unknown> }>) {
	const { b, run } = await make();
	const before = { ...b.device.counters };
	await run();
	const { flashWrites, transfers } = b.device.counters;
	return { flashWrites: flashWrites - before.flashWrites, transfers: transfers - before.transfers };
}

function spread(count: number, most: number): number[] {
	if (process.env.LINAC_SWEEP === 'all' || count <= most) return Array.from({ length: count }, (_, i) => i + 1);
	return Array.from({ length: most }, (_, i) => 1 + Math.round((i * (count - 1)) / (most - 1)));
}

/** Interrupts, plugs in again, looks, runs again, looks. Returns what was seen. */
async function interruptAll(
	make: () => Promise<{ b: Bench; run: () => Promise<unknown> }>,
	look: (b: Bench, where: string) => Promise<void>,
	finished: (b: Bench, where: string) => Promise<void>,
): Promise<{ power: number; cable: number }> {
	const points = await countPoints(make);
	const visit = async (where: string, set: (b: Bench) => void) => {
		const { b, run } = await make();
		set(b);
		await run().catch(() => {});
		if (b.device.mode === 'off') b.device.plug();
		await b.clock.sleep(10_000);
		b.device.faults.clear();
		await look(b, where);
		await run();
		await finished(b, where);
	};
	const power = spread(points.flashWrites, 100);
	for (const point of power) await visit(`power at flash write ${point}`, (b) => b.device.faults.powerLossAtFlashWrite(point));
	const cable = spread(points.transfers, 25);
	for (const point of cable) await visit(`cable at transfer ${point}`, (b) => b.device.faults.unplugAtTransfer(point));
	return { power: power.length, cable: cable.length };
}

describe.each(kinds)('on a %s', (name) => {
	test('an interrupted "keys load" leaves the old key or the new one, whole, and the backup was there before the first write', async () => {
		const old = keyChange(name, 'a')[0]!.bytes;
		const wanted = keyChange(name, 'b')[0]!.bytes;
		const make = async () => {
			const b = deviceOf(name);
			await giveSecrets(b, 'a');
			let kept: BackupContents | undefined;
			const begun = b.device.counters.flashWrites;
			const backup = async (contents: BackupContents) => {
				kept ??= contents;
				if (kept === contents) expect(b.device.counters.flashWrites).toBe(begun);
				return { file: 'kept' };
			};
			return { b, run: () => job(b, () => good(keyChange(name, 'b')), { backup }) };
		};
		const seen = { old: 0, new: 0 };
		const visited = await interruptAll(
			make,
			async (b, where) => {
				const key = await keyOn(b);
				const which = equalBytes(key, old) ? 'old' : equalBytes(key, wanted) ? 'new' : 'neither';
				expect(which, where).not.toBe('neither');
				seen[which as 'old' | 'new']++;
			},
			async (b, where) => expect(equalBytes(await keyOn(b), wanted), where).toBe(true),
		);
		// Both must have been seen, or the points were not where the key is written.
		expect(seen.old).toBeGreaterThan(0);
		expect(seen.new).toBeGreaterThan(0);
		expect(visited.power).toBeGreaterThan(0);
	});

	test('an interrupted "backup restore" leaves every setting old or new, and the same command finishes it', async () => {
		const platform = platformByName(name)!;
		const first = deviceOf(name);
		await giveSecrets(first, 'a');
		const backup = await takeBackup(on(first));
		const state = first.device.saveState();
		const changes = restoreChanges(backup, platform, new Set(restorableGroups), false);
		const make = async () => {
			const b = bench(name, { modules: [], state });
			await giveSecrets(b, 'b');
			return { b, run: () => job(b, () => good(changes)) };
		};
		const other = (await make()).b;
		const before = (await takeBackup(on(other))).parts.find((p) => p.kind === 'dct')!.bytes;
		const after = bytesOf(backup, 'dct');
		await interruptAll(
			make,
			async (b, where) => {
				const now = await dctOf(b, 0, 8391);
				for (const { name: field, offset, bytes } of changes) {
					// A field longer than a block (WPA enterprise) is no key, and may be half.
					if (bytes.length > 4096) continue;
					const is = now.subarray(offset, offset + bytes.length);
					const whole = equalBytes(is, before.subarray(offset, offset + bytes.length)) || equalBytes(is, bytes);
					expect(whole, `${where}: ${field}`).toBe(true);
				}
			},
			async (b, where) => {
				const now = await dctOf(b, 0, 8391);
				for (const { name: field, offset, bytes } of changes)
					expect(equalBytes(now.subarray(offset, offset + bytes.length), bytes), `${where}: ${field}`).toBe(true);
				expect(equalBytes(now.subarray(1762, 1825), after.subarray(1762, 1825))).toBe(true);
			},
		);
	});
});

test('flags that make a device install something, module slots and the numbers of the chip are never put back', async () => {
	for (const platform of platforms.filter((p) => p.dct.size > 0)) {
		const all = new Uint8Array(8391).fill(0xa5);
		const changes = restoreChanges(
			{ parts: [{ kind: 'dct', storage: 'dct', address: 0, bytes: all }] },
			platform,
			new Set(restorableGroups),
			false,
		);
		const touched = new Set(changes.flatMap((c) => Array.from(c.bytes, (_, i) => c.offset + i)));
		const never = [
			[0, 34],
			[platform.dct.otaFlag, platform.dct.otaFlag + 1],
			[platform.dct.moduleSlots, platform.dct.moduleSlots + 100],
			[3618, 3630],
		];
		for (const [from, to] of never as [number, number][])
			for (let at = from; at < to; at++) expect(touched.has(at), `${platform.name} ${at}`).toBe(false);
		// What a user has set is among them, on every platform.
		const writes = dctWrites(platform, { 'claim-code': 'x'.repeat(63), 'server-address': 'a.example' });
		if (!writes.ok) throw new Error('refused');
		for (const { offset } of writes.value) expect(touched.has(offset)).toBe(true);
		expect(touched.has(cloudPlaceOf(platform)!.cloud.devicePrivateKey.offset)).toBe(true);
	}
});

test('onto another device go no keys, claim code or numbers of the first', () => {
	const boron = platformByName('boron')!;
	const all = new Uint8Array(8391).fill(0xa5);
	const names = restoreChanges(
		{ parts: [{ kind: 'dct', storage: 'dct', address: 0, bytes: all }] },
		boron,
		new Set(restorableGroups),
		true,
	).map((c) => c.name);
	for (const own of [
		'udp-device-private-key',
		'udp-device-public-key',
		'tcp-device-private-key',
		'claim-code',
		'claimed',
		'device-secret',
	])
		expect(names).not.toContain(own);
	expect(names).toContain('udp-server-address');
});

test('a Photon whose system parts are damaged is not written to, and says what to do first', async () => {
	const b = deviceOf('photon');
	await giveSecrets(b);
	b.device.pressModeAndReset();
	await b.clock.sleep(5_000);
	const { inDfu } = await import('./backup-setup.js');
	await inDfu(b, (dfu) => dfu.erase(0, 0x08060000, 4));
	const begun = b.device.counters.flashWrites;
	await expect(job(b, () => good(keyChange('photon', 'b')))).rejects.toMatchObject({ code: 'DCT_NOT_WRITABLE' });
	expect(b.device.counters.flashWrites).toBe(begun);
});

test('one job writes the DCT of a Photon as often as there are gaps between what changes, not once for each setting', async () => {
	const b = deviceOf('photon');
	await giveSecrets(b, 'a');
	const erases = b.device.counters.flashErases;
	const verdict = await job(b, () => good([...keyChange('photon', 'b')]));
	expect(verdict.ok && verdict.value.outcome).toBe('verified');
	expect(b.device.counters.flashErases - erases).toBe(1);
});
