/** The command line: backups of jobs, putting them back, keys in and out; and that no private key is ever shown. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@linac/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTinker } from '../support/real-firmware.js';
import { privateKeyPem, serverKeyPem } from './backup-setup.js';
import { document, Lab, linac, type Result, realSources, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const backups = join(folder.path, 'backups');
const env: Record<string, string> = {
	LINAC_CACHE: join(folder.path, 'cache'),
	LINAC_OFFLINE: '1',
	LINAC_BACKUPS: backups,
};
const said: Result[] = [];
let lab: Lab;
const run = async (...args: string[]) => {
	const result = await linac(args, { cwd: folder.path, env });
	said.push(result);
	return result;
};
const path = (name: string) => join(folder.path, name);
const written = () => readdirSync(backups).sort();

beforeAll(async () => {
	writeFileSync(path('tinker.bin'), realTinker('boron'));
	for (const platform of ['boron', 'photon']) {
		for (const name of ['a', 'b']) writeFileSync(path(`${platform}-${name}.pem`), privateKeyPem(platform, name));
		writeFileSync(path(`${platform}-server.pem`), serverKeyPem(platform));
	}
	mkdirSync(path('empty'));
	const devices = ['boron@2.2.0', 'photon@2.2.0'].flatMap((d) => ['--device', d]);
	lab = await Lab.start([...devices, '--timing', 'none', ...realSources()], env);
	env.LINAC_USBIP = lab.address;
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

const same = (a: string, b: string) => publicOf(a) === publicOf(b);
function keyOf(file: string): KeyObject {
	const bytes = readFileSync(path(file));
	if (bytes[0] !== 0x30) return createPrivateKey(bytes);
	return createPrivateKey({ key: bytes, format: 'der', type: file.includes('photon') ? 'pkcs1' : 'sec1' });
}
const publicOf = (file: string) => createPublicKey(keyOf(file)).export({ format: 'pem', type: 'spki' }).toString();

describe.each(['boron', 'photon'])('keys of a %s', (platform) => {
	const on = ['--device', platform];

	test('a device without a key says so', async () => {
		const result = await run('keys', 'save', 'none.pem', ...on, '--json');
		expect(document<{ error: { code: string } }>(result).error.code).toBe('KEY_NOT_ON_DEVICE');
	});

	test('a key is loaded, saved as PEM and as DER, and is the same; the files are for their owner alone', async () => {
		const loaded = await run('keys', 'load', `${platform}-a.pem`, ...on, '--yes', '--json');
		expect(loaded.code).toBe(0);
		expect(document(loaded)).toMatchObject({
			format: 'linac-dct-report/1',
			command: 'keys load',
			outcome: 'verified',
			fields: [{ name: 'device-private-key', before: 'blank', after: 'set', result: 'written' }],
			backup: { file: expect.stringContaining(backups) },
		});
		for (const file of [`saved-${platform}.pem`, `saved-${platform}.der`]) {
			expect((await run('keys', 'save', file, ...on)).code).toBe(0);
			expect(same(file, `${platform}-a.pem`)).toBe(true);
			expect(statSync(path(file)).mode & 0o777).toBe(0o600);
		}
	});

	test('a key that is there already is not written, and no backup is made', async () => {
		const before = written();
		const result = await run('keys', 'load', `${platform}-a.pem`, ...on, '--yes', '--json');
		expect(document(result)).toMatchObject({ outcome: 'already', bytesWritten: 0 });
		expect(written()).toEqual(before);
	});

	test('saving overwrites nothing', async () => {
		const before = readFileSync(path(`saved-${platform}.pem`));
		const result = await run('keys', 'save', `saved-${platform}.pem`, ...on);
		expect(result.code).toBe(3);
		expect(result.stderr).toContain('FILE_EXISTS');
		expect(readFileSync(path(`saved-${platform}.pem`))).toEqual(before);
	});

	test('a key of the other kind, a public key and something else are refused before anything is written', async () => {
		const other = platform === 'photon' ? 'boron-a.pem' : 'photon-a.pem';
		for (const [file, code] of [
			[other, 'KEY_WRONG_KIND'],
			[`${platform}-server.pem`, 'KEY_NOT_PRIVATE'],
			['tinker.bin', 'KEY_UNREADABLE'],
		]) {
			const result = await run('keys', 'load', file!, ...on, '--yes', '--json');
			expect(document<{ error: { code: string } }>(result).error.code).toBe(code);
			expect(result.code).toBe(3);
		}
		expect((await run('keys', 'save', `still-${platform}.pem`, ...on)).code).toBe(0);
		expect(same(`still-${platform}.pem`, `${platform}-a.pem`)).toBe(true);
	});

	test('without --yes, where nobody can be asked, nothing is written; with --dry-run neither', async () => {
		expect((await run('keys', 'load', `${platform}-b.pem`, ...on)).code).toBe(10);
		const dry = await run('keys', 'load', `${platform}-b.pem`, ...on, '--dry-run', '--json');
		expect(document(dry)).toMatchObject({ outcome: 'planned', bytesWritten: 0, fields: [{ result: 'to-write' }] });
		expect((await run('keys', 'new', ...on, '--dry-run')).code).toBe(0);
		expect((await run('keys', 'save', `dry-${platform}.pem`, ...on)).code).toBe(0);
		expect(same(`dry-${platform}.pem`, `${platform}-a.pem`)).toBe(true);
	});

	test('a new key prints its public key and nothing else on standard output; the old one is in the backup', async () => {
		const before = written();
		const made = await run('keys', 'new', ...on, '--yes');
		expect(made.code).toBe(0);
		expect(made.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n$/);
		expect((await run('keys', 'save', `new-${platform}.pem`, ...on)).code).toBe(0);
		expect(publicOf(`new-${platform}.pem`)).toBe(made.stdout);
		const [backup] = written().filter((n) => !before.includes(n));
		expect(statSync(join(backups, backup!)).mode & 0o777).toBe(0o600);
		const restored = await run('backup', 'restore', join(backups, backup!), '--only', 'keys', ...on, '--yes', '--json');
		expect(document(restored)).toMatchObject({ outcome: 'verified' });
		expect((await run('keys', 'save', `back-${platform}.pem`, ...on)).code).toBe(0);
		expect(same(`back-${platform}.pem`, `${platform}-a.pem`)).toBe(true);
	});

	test('key and address of the server are set, shown and removed', async () => {
		const set = await run(
			'keys',
			'server',
			`${platform}-server.pem`,
			'--host',
			'cloud.example.com',
			'--port',
			'5684',
			...on,
			'--yes',
			'--json',
		);
		expect(document(set)).toMatchObject({
			outcome: 'verified',
			fields: [{ name: 'server-public-key' }, { name: 'server-address' }],
		});
		expect(document(await run('keys', 'address', ...on, '--json'))).toMatchObject({ address: 'cloud.example.com:5684' });
		expect((await run('keys', 'address', '192.0.2.1', ...on, '--yes')).code).toBe(0);
		expect((await run('keys', 'address', ...on)).stdout).toContain('192.0.2.1');
		expect((await run('keys', 'address', '--default', ...on, '--yes')).code).toBe(0);
		expect(document(await run('keys', 'address', ...on, '--json'))).toMatchObject({ address: null });
	});
});

describe('backups', () => {
	const on = ['--device', 'boron'];

	test('"backup" writes a file for its owner alone, "backup inspect" tells what is in it without secrets', async () => {
		await run('keys', 'load', 'boron-a.pem', ...on, '--yes');
		const made = await run('backup', '-o', 'mine.json', ...on, '--json');
		expect(document(made)).toMatchObject({ format: 'linac-backup-report/1', platform: 'boron', osVersion: '2.2.0' });
		expect(statSync(path('mine.json')).mode & 0o777).toBe(0o600);
		const told = await run('backup', 'inspect', 'mine.json');
		expect(told.stdout).toContain(lab.devices[0]!.deviceId);
		expect(told.stdout).toMatch(/device-private-key {2}set {2}SHA-256 of its public key: [0-9a-f]{64}/);
		expect((await run('backup', '-o', 'mine.json', ...on)).code).toBe(3);
	});

	test('"flash" makes a backup, names it in words and in the report, and it holds the application of before', async () => {
		const before = written();
		const flashed = await run('flash', 'tinker.bin', '--target', '4.0.1', ...on, '--yes', ...realSources());
		expect(flashed.code).toBe(0);
		const [name] = written().filter((n) => !before.includes(n));
		expect(flashed.stdout).toContain(join(backups, name!));
		const { parts } = document<{ parts: { kind: string }[] }>(await run('backup', 'inspect', join(backups, name!), '--json'));
		expect(parts.map((p) => p.kind)).toEqual(['dct', 'application']);
		const again = await run('flash', 'tinker.bin', '--target', '4.0.1', ...on, '--yes', '--json', ...realSources());
		expect(document<{ outcome: string; backup?: object }>(again)).toMatchObject({ outcome: 'already' });
		expect(document<{ backup?: object }>(again).backup).toBeUndefined();
	});

	test('"backup restore" puts application and settings back, and a second time finds them there', async () => {
		await run('keys', 'new', ...on, '--yes');
		const dry = await run('backup', 'restore', 'mine.json', ...on, '--dry-run');
		expect(dry.stdout).toContain('udp-device-private-key');
		const restored = await run('backup', 'restore', 'mine.json', ...on, '--yes', '--json');
		expect(document(restored)).toMatchObject({
			format: 'linac-restore-report/1',
			outcome: 'verified',
			settings: { outcome: 'verified' },
			application: { outcome: 'verified' },
		});
		await run('keys', 'save', 'restored.pem', ...on);
		expect(same('restored.pem', 'boron-a.pem')).toBe(true);
		expect(document(await run('backup', 'restore', 'mine.json', ...on, '--yes', '--json'))).toMatchObject({ outcome: 'already' });
		const list = document<{ mode: string }[]>(await run('devices', ...on, '--json'));
		expect(list[0]!.mode).toBe('normal');
	});

	test('a backup goes onto no other kind of device, and onto another device only when that is said', async () => {
		const other = await run('backup', 'restore', 'mine.json', '--device', 'photon', '--yes', '--json');
		expect(document<{ error: { code: string } }>(other).error.code).toBe('BACKUP_OTHER_PLATFORM');
		expect(other.code).toBe(4);
		const second = await Lab.start(['--device', 'boron@2.2.0', '--timing', 'none', ...realSources()], env);
		try {
			// A lab gives the same ids to the same devices: one digit of the file's own is enough to be another.
			const text = readFileSync(path('mine.json'), 'utf8');
			expect(text).toContain('"deviceId"');
			const foreign = JSON.parse(text) as Record<string, unknown>;
			foreign.deviceId = 'e00fce680000000000000001';
			delete foreign.sha256;
			const { hash } = await import('node:crypto');
			foreign.sha256 = hash('sha256', JSON.stringify(foreign), 'hex');
			writeFileSync(path('foreign.json'), JSON.stringify(foreign));
			const args = ['backup', 'restore', 'foreign.json', '--usbip', second.address, '--yes', '--json'];
			const refused = await run(...args);
			expect(document<{ error: { code: string } }>(refused).error.code).toBe('BACKUP_OTHER_DEVICE');
			const allowed = document<{ settings: { fields: { name: string }[] } }>(await run(...args, '--to-another-device'));
			const names = allowed.settings.fields.map((f) => f.name);
			expect(names).not.toContain('udp-device-private-key');
			expect(names).toContain('udp-server-address');
			const none = await run('keys', 'save', 'foreign.pem', '--usbip', second.address, '--json');
			expect(document<{ error: { code: string } }>(none).error.code).toBe('KEY_NOT_ON_DEVICE');
		} finally {
			await second.stop();
		}
	});

	test('a damaged or foreign file is refused with the field that is wrong', async () => {
		const text = readFileSync(path('mine.json'), 'utf8');
		writeFileSync(path('cut.json'), text.slice(0, 5000));
		writeFileSync(path('changed.json'), text.replace('"platform": "boron"', '"platform": "argon"'));
		for (const [file, code, part] of [
			['cut.json', 'BACKUP_UNREADABLE', 'not JSON'],
			['changed.json', 'BACKUP_DAMAGED', 'sha256'],
			['tinker.bin', 'BACKUP_UNREADABLE', 'tinker.bin'],
		]) {
			const result = await run('backup', 'restore', file!, ...on, '--yes');
			expect(result.code).toBe(3);
			expect(result.stderr).toContain(code);
			expect(result.stderr).toContain(part);
		}
	});

	test('--backup names the file, never overwrites one, and --no-backup makes none', async () => {
		const load = (key: string, ...more: string[]) => run('keys', 'load', `boron-${key}.pem`, ...on, '--yes', ...more);
		expect((await load('b', '--backup', 'named.json')).code).toBe(0);
		const kept = readFileSync(path('named.json'));
		// The same command once more, as after an interruption: what was kept first stays, and the new one goes beside it.
		const second = await load('a', '--backup', 'named.json', '--json');
		expect(document<{ backup: { file: string } }>(second).backup.file).toMatch(/named-\d{8}T\d{6}Z/);
		expect(readFileSync(path('named.json'))).toEqual(kept);
		const refused = await load('b', '--backup', 'tinker.bin');
		expect(refused.code).toBe(3);
		expect(refused.stderr).toContain('FILE_EXISTS');
		const before = readdirSync(folder.path).length + written().length;
		expect((await load('b', '--no-backup')).code).toBe(0);
		expect(readdirSync(folder.path).length + written().length).toBe(before);
	});

	test('where the backup cannot be written, nothing is written to the device', async () => {
		const result = await run('keys', 'load', 'boron-a.pem', ...on, '--yes', '--backup', 'tinker.bin/inside.json', '--json');
		expect(document<{ error: { code: string } }>(result).error.code).toBe('FILE_NOT_WRITTEN');
		await run('keys', 'save', 'unwritten.pem', ...on);
		expect(same('unwritten.pem', 'boron-b.pem')).toBe(true);
	});
});

test('no private key is in anything that was printed, in any form, also with --debug', async () => {
	await run('keys', 'load', 'boron-a.pem', '--device', 'boron', '--yes', '--debug');
	await run('keys', 'load', 'photon-b.pem', '--device', 'photon', '--yes', '--debug', '--json');
	await run('keys', 'load', 'tinker.bin', '--device', 'photon', '--yes', '--debug');
	await run('backup', '--device', 'photon', '--debug');
	await run('backup', 'inspect', 'mine.json', '--debug', '--json');
	const all = said.map((r) => r.stdout + r.stderr).join('\n');
	expect(said.length).toBeGreaterThan(50);
	const files = readdirSync(folder.path).filter((n) => /\.(pem|der)$/.test(n) && !n.includes('server'));
	expect(files.length).toBeGreaterThan(10);
	for (const file of files) {
		for (const secret of secretsOf(keyOf(file))) expect(all.includes(secret), file).toBe(false);
	}
	expect(all).not.toContain('PRIVATE KEY-----');
});

/** The private numbers as hex, as base64 at every alignment, as bytes and as lists of numbers. (The public point of an EC key may be shown.) */
function secretsOf(key: KeyObject): string[] {
	const jwk = key.export({ format: 'jwk' });
	const numbers = [jwk.d, jwk.p, jwk.q].flatMap((n) => (n === undefined ? [] : [Buffer.from(n as string, 'base64url')]));
	return numbers.flatMap((bytes) => {
		const hex = toHex(bytes).slice(0, 24);
		const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip, skip + 15).toString('base64'));
		const some = [...bytes.subarray(0, 8)];
		return [hex, hex.toUpperCase(), ...base64, bytes.subarray(0, 12).toString('latin1'), some.join(','), some.join(', ')];
	});
}
