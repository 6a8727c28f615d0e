/** `linac flash bundle.zip` and `linac assets`, as a user types them, on virtual devices behind USB/IP. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platformByName } from '@linac/catalog';
import { toHex } from '@linac/core';
import { createModule, ModuleFlag } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assetApplication } from '../support/asset-applications.js';
import { document, Lab, linac, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
let lab: Lab;
const at = (name: string) => join(folder.path, name);
const id = (platform: string) => lab.devices.find((d) => d.name === platform)!.deviceId;
const run = (...args: string[]) => linac(args, { env: { LINAC_USBIP: lab.address }, cwd: folder.path });

interface AssetsJson {
	mode: string;
	assets: { name: string; state: string; storedSha256: string | null; wantedSha256: string; takes: number | null }[];
	missing: string[];
	store: { usable: number; used: number };
	error?: { code: string };
}
interface ReportJson {
	outcome: string;
	evidence: { slot: string; asset?: string; proof: string; ok: boolean; sha256?: string }[];
	files: { name: string; verdict: string; code: string }[];
}

const cat = Buffer.from('meow '.repeat(1000));
const sha = toHex(nodeDigests.sha256(cat));

beforeAll(async () => {
	mkdirSync(at('assets'));
	writeFileSync(at('assets/cat.txt'), cat);
	writeFileSync(at('assets/dog.txt'), 'woof');
	writeFileSync(at('boron.bin'), assetApplication('boron'));
	writeFileSync(at('argon-ncp'), ncp(4));
	expect((await linac(['bundle', 'boron.bin', '--assets', 'assets', '-o', 'product.zip'], { cwd: folder.path })).code).toBe(0);
	lab = await Lab.start(['--timing', 'none', '--device', 'boron@5.8.0', '--device', 'photon@2.3.1', '--device', 'argon@4.0.1']);
}, 60_000);

afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

function ncp(version: number): Uint8Array {
	const body = new Uint8Array(2000).fill(version);
	const { id: platformId } = platformByName('argon')!;
	const about = { platformId, function: 7, index: 0, version, start: 0, reserved: 33, suffix: 'base' as const, body };
	return createModule({ ...about, flags: ModuleFlag.dropModuleInfo });
}

describe('a bundle', { timeout: 60_000 }, () => {
	test('with --dry-run shows its steps and verdicts, and writes nothing', async () => {
		const result = await run('flash', 'product.zip', '-d', id('boron'), '--dry-run', '--explain');
		expect(result.code).toBe(0);
		expect(result.stdout).toContain('Store the asset "cat.txt"');
		expect(result.stdout).toMatch(/product\.zip\/assets\/dog\.txt +will be written/);
		expect(result.stdout.replace(/\s+/g, ' ')).toContain('Device OS keeps only what the application that is running asks for');
		const assets = document<AssetsJson>(await run('assets', '-d', id('boron'), '--json'));
		expect([assets.assets, assets.missing, assets.store.used]).toEqual([[], [], 0]);
	});

	test('with --application-only leaves its assets out, and "assets" says what is missing with exit code 7', async () => {
		const flashed = await run('flash', 'product.zip', '-d', id('boron'), '--yes', '--application-only', '--json');
		expect(flashed.code).toBe(0);
		expect(document<ReportJson>(flashed).files.map((f) => f.code)).toEqual(['APPLICATION_ONLY', 'APPLICATION_ONLY', 'WRITTEN']);
		const json = await run('assets', '-d', id('boron'), '--json');
		expect(json.code).toBe(7);
		expect(document<AssetsJson>(json)).toMatchObject({
			mode: 'safe',
			missing: ['cat.txt', 'dog.txt'],
			error: { code: 'ASSET_MISSING' },
		});
		const text = await run('assets', '-d', id('boron'));
		expect(text.code).toBe(7);
		expect(text.stdout).toMatch(/cat\.txt .* MISSING/);
		expect(text.stderr).toContain('linac flash bundle.zip');
		const devices = await run('devices');
		expect(devices.stdout).toMatch(/Boron .* safe mode/);
	});

	test('stores what is missing, proves it by the hash that the device tells, and the second time writes nothing', async () => {
		const flashed = await run('flash', 'product.zip', '-d', id('boron'), '--yes', '--json');
		expect(flashed.code).toBe(0);
		const report = document<ReportJson>(flashed);
		expect(report.outcome).toBe('verified');
		expect(report.evidence.find((e) => e.asset === 'cat.txt')).toMatchObject({ proof: 'device-hash', sha256: sha, ok: true });
		const listed = await run('assets', '-d', id('boron'), '--json');
		expect(listed.code).toBe(0);
		const told = document<AssetsJson>(listed);
		expect(told.mode).toBe('normal');
		expect(told.assets.map((a) => [a.name, a.state, a.takes])).toEqual([
			['cat.txt', 'stored', 4096],
			['dog.txt', 'stored', 4096],
		]);
		expect(told.assets[0]).toMatchObject({ storedSha256: sha, wantedSha256: sha });
		const again = document<ReportJson>(await run('flash', 'product.zip', '-d', id('boron'), '--yes', '--json'));
		expect(again.outcome).toBe('already');
		const verified = await run('verify', 'product.zip', '-d', id('boron'));
		expect(verified.code).toBe(0);
		expect(verified.stdout).toMatch(/asset cat\.txt +stored +stored +ok/);
	});

	test('for another board is refused with exit code 3', async () => {
		const result = await run('flash', 'product.zip', '-d', id('photon'), '--yes', '--json');
		expect(result.code).toBe(3);
	});
});

test('"assets" says why a device has none to tell, with exit code 5', { timeout: 60_000 }, async () => {
	const photon = await run('assets', '-d', id('photon'));
	expect([photon.code, photon.stderr]).toEqual([5, expect.stringContaining('A Photon keeps no assets')]);
	const argon = await run('assets', '-d', id('argon'));
	expect([argon.code, argon.stderr]).toEqual([5, expect.stringContaining('5.5.0 was the first that does')]);
	await run('usb', 'dfu', '-d', id('argon'));
	const dfu = await run('assets', '-d', id('argon'));
	expect([dfu.code, dfu.stderr]).toEqual([5, expect.stringContaining('linac usb reset')]);
	await run('usb', 'reset', '-d', id('argon'));
});

test('an older NCP firmware is refused with exit code 4, whatever is allowed', { timeout: 60_000 }, async () => {
	writeFileSync(at('ncp-5'), ncp(5));
	const newer = await run('flash', 'ncp-5', '-d', id('argon'), '--yes', '--json');
	expect(newer.code).toBe(0);
	for (const more of [[], ['--allow', 'downgrade']]) {
		const older = await run('flash', 'argon-ncp', '-d', id('argon'), '--yes', ...more);
		expect([older.code, older.stderr]).toEqual([4, expect.stringContaining('NCP_NEVER_OLDER')]);
	}
});
