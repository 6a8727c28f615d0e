/** `linac bundle` as a user types it: made, looked at, checked, taken apart, and refused. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assetApplication, realAssetApplication } from '../support/asset-applications.js';
import { realTinker } from '../support/real-firmware.js';
import { document, linac, temporaryFolder } from './cli-harness.js';

interface BundleJson {
	file: string;
	sha256: string;
	fits: boolean;
	folder: string;
	assets: { name: string; size: number; moduleSize: number; storeSize: number }[];
	leftOut: { name: string }[];
	stores: { platform: string; releases: string[]; usable: number; used: number; free: number }[];
	problems: { code: string }[];
	error?: { code: string; exitCode: number };
}

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const run = (...args: string[]) => linac(['bundle', ...args], { cwd: folder.path });

beforeAll(() => {
	mkdirSync(at('project', 'data', 'inner'), { recursive: true });
	mkdirSync(at('empty'));
	writeFileSync(at('project', 'project.properties'), '# a project\r\nname=demo\r\nassetOtaDir=data\r\n');
	writeFileSync(at('project', 'data', 'cat.txt'), 'meow');
	writeFileSync(at('project', 'data', 'Katze-ä.txt'), 'miau');
	writeFileSync(at('project', 'data', '.DS_Store'), 'x');
	writeFileSync(at('project', 'data', 'inner', 'no.txt'), 'x');
	writeFileSync(at('project', 'app.bin'), realAssetApplication('trackerm'));
	writeFileSync(at('boron.bin'), assetApplication('boron'));
	writeFileSync(at('old.bin'), realTinker('p2', '3.51.0'));
	writeFileSync(at('broken.properties'), 'assetOtaDir=gone');
	writeFileSync(at('without.properties'), 'name=x');
});
afterAll(() => folder.remove());

test('the project beside the application says where its assets are; the bundle is checked, listed and taken apart again', async () => {
	const made = await run('project/app.bin');
	expect([made.code, made.stderr]).toEqual([0, '']);
	expect(made.stdout).toContain('project/data, as project/project.properties says');
	expect(made.stdout).toMatch(/Tracker M, Device OS 5\.8\.0 to \S+ +1\.1 MB +8\.0 KB \(1 %\) +1\.1 MB \(99 %\)/);
	expect(made.stdout).toContain('.DS_Store');
	expect(made.stdout).toContain('inner/');
	expect(made.stdout).toContain('Written: bundle_app.zip');

	const verified = await run('verify', 'bundle_app.zip');
	expect([verified.code, verified.stderr]).toEqual([0, '']);
	expect(verified.stdout).toMatch(/^Good: bundle_app\.zip for Tracker M, 2 assets, 8\.0 KB in the store\./);
	const listed = await run('list', 'bundle_app.zip');
	expect(listed.stdout).toMatch(/Katze-ä\.txt +4 B .* right/);

	const stripped = await run('strip', 'bundle_app.zip', '-o', 'apart');
	expect(stripped.code).toBe(0);
	expect(Buffer.compare(readFileSync(at('apart', 'app.bin')), realAssetApplication('trackerm'))).toBe(0);
	expect(readdirSync(at('apart', 'assets')).sort()).toEqual(['Katze-ä.txt', 'cat.txt']);
	expect((await run('strip', 'bundle_app.zip', '-o', 'alone.bin')).code).toBe(0);
	expect(Buffer.compare(readFileSync(at('alone.bin')), realAssetApplication('trackerm'))).toBe(0);
});

test('the same input gives the same file in another time zone and language, and a file that is there is left alone', async () => {
	const bundle = (name: string, env: Record<string, string>) =>
		linac(['bundle', 'boron.bin', '--assets', 'project/data', '-o', name, '--json'], { cwd: folder.path, env });
	const one = document<BundleJson>(await bundle('one.zip', { TZ: 'Asia/Tokyo', LANG: 'C' }));
	const two = document<BundleJson>(await bundle('two.zip', { TZ: 'America/Lima', LANG: 'de_DE.UTF-8' }));
	expect(one.sha256).toBe(two.sha256);
	const again = await bundle('one.zip', {});
	expect([again.code, document<BundleJson>(again).error?.code]).toEqual([3, 'FILE_EXISTS']);
	expect((await run('boron.bin', '--assets', 'project/data', '-o', 'one.zip', '--force')).code).toBe(0);
});

test('what does not fit is refused with the numbers of every asset, and nothing is written', async () => {
	mkdirSync(at('big'));
	for (const name of ['a.bin', 'b.bin', 'c.bin']) writeFileSync(at('big', name), Buffer.from(noise(500_000)));
	const result = await run('boron.bin', '--assets', 'big', '-o', 'big.zip', '--json');
	const json = document<BundleJson>(result);
	expect([result.code, json.error?.code, json.fits]).toEqual([3, 'BUNDLE_TOO_LARGE', false]);
	expect(json.assets.map((a) => [a.name, a.storeSize > 500_000])).toEqual([
		['a.bin', true],
		['b.bin', true],
		['c.bin', true],
	]);
	expect(json.stores[0]).toMatchObject({ platform: 'boron', usable: 278 * 4096 });
	expect(json.stores[0]!.free).toBeLessThan(0);
	expect(existsSync(at('big.zip'))).toBe(false);
	const told = await run('boron.bin', '--assets', 'big', '-o', 'big.zip');
	expect(told.stdout).toMatch(/b\.bin +488\.3 KB +488\.\d KB +492\.0 KB/);
	expect(told.stderr).toContain('BUNDLE_TOO_LARGE');
});

/** Bytes that no compressor makes smaller. */
function noise(size: number): Uint8Array {
	const out = new Uint8Array(size);
	let x = 1;
	for (let i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		out[i] = x & 0xff;
	}
	return out;
}

test.each<[string, string[], number, string]>([
	['an application for an older Device OS', ['old.bin', '--assets', 'project/data'], 3, 'BUNDLE_SYSTEM_TOO_OLD'],
	['no project.properties', ['boron.bin'], 3, 'BUNDLE_ASSETS_UNKNOWN'],
	['one that names no folder', ['boron.bin', '--assets', 'without.properties'], 3, 'BUNDLE_ASSETS_UNKNOWN'],
	['one that names a folder that is not there', ['boron.bin', '--assets', 'broken.properties'], 3, 'FOLDER_NOT_FOUND'],
	['a folder that is not there', ['boron.bin', '--assets', 'nowhere'], 3, 'FILE_NOT_FOUND'],
	['an empty folder', ['boron.bin', '--assets', 'empty'], 3, 'BUNDLE_WITHOUT_ASSETS'],
	['an application that is not there', ['none.bin'], 3, 'FILE_NOT_FOUND'],
	['a name that is not that of a zip', ['boron.bin', '-o', 'x.bin'], 2, 'USAGE'],
	['an application in place of a bundle', ['verify', 'boron.bin'], 3, 'BUNDLE_INVALID'],
	['strip without a place for the result', ['strip', 'boron.bin'], 2, 'USAGE'],
])('%s is refused, also as JSON', async (_what, args, code, error) => {
	const result = await run(...args, '--json');
	expect([result.code, document<BundleJson>(result).error]).toMatchObject([code, { code: error, exitCode: code }]);
});

test('a bundle with a missing and a surplus asset is refused by verify with both, and shown by list all the same', async () => {
	const made = await run('boron.bin', '--assets', 'project/data', '-o', 'whole.zip');
	expect(made.code).toBe(0);
	writeFileSync(
		at('wrong.zip'),
		zipSync({
			'app.bin': unzipSync(new Uint8Array(readFileSync(at('whole.zip'))))['boron.bin']!,
			'assets/cat.txt': Buffer.from('meow'),
			'assets/dog': Buffer.from('woof'),
		}),
	);
	const verified = await run('verify', 'wrong.zip', '--json');
	const json = document<BundleJson>(verified);
	expect([verified.code, json.problems.map((p) => p.code)]).toEqual([3, ['ASSET_MISSING', 'ASSET_NOT_NEEDED']]);
	const listed = await run('list', 'wrong.zip');
	expect(listed.code).toBe(0);
	expect(listed.stdout).toMatch(/dog .* not asked for/);
});

test('names in somebody else’s archive are never written outside of the folder', async () => {
	writeFileSync(at('evil.zip'), zipSync({ 'app.bin': assetApplication('boron'), 'assets/..\\evil': Buffer.from('x') }));
	const result = await run('strip', 'evil.zip', '-o', 'evil', '--json');
	expect([result.code, document<BundleJson>(result).error?.code]).toEqual([3, 'ASSET_NAME_INVALID']);
	expect(existsSync(at('evil'))).toBe(false);
});
