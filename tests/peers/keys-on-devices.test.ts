/**
 * Keys of OpenSSL on virtual devices of all generations, at the places where particle-cli's own table looks for them; and keys that linac makes
 * or saves, judged by OpenSSL.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloudPlaceOf, platformByName, platforms, releases } from '@linac/catalog';
import { equalBytes, good, unwrap } from '@linac/core';
import { devicePublicKey, newDevicePrivateKey, nodeDigests } from '@linac/host';
import { cloudWrites, dctWrites, privateKeyForFiles, toPem } from '@linac/image';
import { partOf, runDctJob, takeBackup } from '@linac/programmer';
import { standInApplication, standInRelease, virtualUsbHost } from '@linac/virtual';
import { afterAll, describe, expect, test } from 'vitest';
import { inDfu } from '../scenarios/backup-setup.js';
import { type Bench, bench, parsed } from '../scenarios/programming-setup.js';
import { hasTool } from '../support/debian-tools.js';
import { particleCli, realTinker } from '../support/real-firmware.js';

interface Segment {
	address: number;
	size: number;
	alt: number;
	alg?: string;
	addressOffset?: number;
	portOffset?: number;
}
const { keysDctOffsets } = createRequire(import.meta.url)(join(particleCli('3.51.0'), 'src', 'lib', 'keys-specs.js')) as {
	keysDctOffsets: Record<'generation1' | 'laterGenerations', Record<string, Segment>>;
};

const devices: [name: string, transport: 'tcp' | 'udp', generation: 'generation1' | 'laterGenerations'][] = [
	['core', 'tcp', 'generation1'],
	['photon', 'tcp', 'laterGenerations'],
	['p1', 'tcp', 'laterGenerations'],
	['electron', 'udp', 'laterGenerations'],
	['electron', 'tcp', 'laterGenerations'],
	['argon', 'udp', 'laterGenerations'],
	['boron', 'udp', 'laterGenerations'],
	['tracker', 'udp', 'laterGenerations'],
	['p2', 'udp', 'laterGenerations'],
	['msom', 'udp', 'laterGenerations'],
];

async function deviceOf(name: string, transport: 'tcp' | 'udp'): Promise<Bench> {
	const platform = platformByName(name)!;
	if (name === 'core') {
		const core = bench('core', { modules: [parsed(realTinker('core'))] });
		await core.clock.sleep(5_000);
		core.device.pressModeAndReset();
		await core.clock.sleep(5_000);
		return core;
	}
	const version = platform.mcu === 'rtl872x' ? '5.5.0' : '2.2.0';
	const modules = [...standInRelease(platform, version).modules, ...[standInApplication(platform, version)].flat()];
	const b = bench(name, { modules: modules.map((m) => m.module) });
	// "keys protocol tcp" of particle-cli.
	if (name === 'electron' && transport === 'tcp') await inDfu(b, (dfu) => dfu.write(1, 2977, Uint8Array.of(0), { erase: false }));
	return b;
}

const environment = (b: Bench) => ({ host: virtualUsbHost(b.bus), platforms, releases, clock: b.clock, digests: nodeDigests });

describe.skipIf(!hasTool('openssl'))('with openssl', () => {
	const folder = mkdtempSync(join(tmpdir(), 'linac-device-keys-'));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	const openssl = (...args: string[]) =>
		new Uint8Array(execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }));
	const file = (name: string) => new Uint8Array(readFileSync(join(folder, name)));

	describe.each(devices)('%s over %s', (name, transport, generation) => {
		const segments = keysDctOffsets[generation];
		const key = segments[`${transport}PrivateKey`]!;
		const server = segments[`${transport}ServerKey`]!;

		test("a loaded private key stands where particle-cli reads it, byte for byte as openssl's DER", async () => {
			const b = await deviceOf(name, transport);
			if (key.alg === 'rsa') openssl('genrsa', '-traditional', '-out', 'device.pem', '1024');
			else openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'device.pem');
			const verdict = await runDctJob({
				...environment(b),
				want: (contents) => {
					const place = cloudPlaceOf(name, partOf(contents, 'dct')?.bytes)!;
					expect(place.cloud.transport).toBe(transport.toUpperCase());
					const input = { file: 'device.pem', bytes: file('device.pem') };
					const writes = unwrap(cloudWrites(name, place.cloud, { 'device-private-key': input }));
					return good(writes.map((w) => ({ ...w, storage: place.storage })));
				},
			});
			expect(verdict.ok && verdict.value.outcome).toBe('verified');
			const read = await inDfu(b, (dfu) => dfu.read(key.alt, key.address, key.size));
			writeFileSync(join(folder, 'read.der'), read);
			const alg = key.alg!;
			const pub = openssl(alg, '-in', 'read.der', '-inform', 'DER', '-pubout', '-outform', 'DER');
			expect(pub).toEqual(openssl('pkey', '-in', 'device.pem', '-pubout', '-outform', 'DER'));
			const saved = unwrap(privateKeyForFiles(read, alg === 'rsa' ? 'rsa-1024' : 'ec-p256', 'read'));
			const der = openssl(...(alg === 'rsa' ? ['rsa', '-traditional'] : ['ec']), '-in', 'device.pem', '-outform', 'DER');
			expect(saved.der).toEqual(der);
			// One RSA key in a hundred has a short number, which the device wants with zeros in front: it is longer there.
			const onDevice = alg === 'rsa' ? 4 + ((read[2]! << 8) | read[3]!) : der.length;
			if (onDevice === der.length) expect(read.subarray(0, der.length)).toEqual(der);
			expect(read.subarray(onDevice).every((byte) => byte === 0xff)).toBe(true);
			writeFileSync(join(folder, 'saved.pem'), toPem(saved.label, saved.der));
			openssl('pkey', '-in', 'saved.pem', '-check', '-noout');
		});

		test('key and address of a server stand where particle-cli looks for them', async () => {
			const b = await deviceOf(name, transport);
			if (server.alg === 'rsa') openssl('genrsa', '-out', 'server.pem', '2048');
			else openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'server.pem');
			openssl('pkey', '-in', 'server.pem', '-pubout', '-out', 'server.pub.pem');
			const verdict = await runDctJob({
				...environment(b),
				want: (contents) => {
					const place = cloudPlaceOf(name, partOf(contents, 'dct')?.bytes)!;
					const writes = unwrap(
						cloudWrites(name, place.cloud, {
							'server-public-key': { file: 'server.pub.pem', bytes: file('server.pub.pem') },
							'server-address': 'cloud.example.com:8765',
						}),
					);
					return good(writes.map((w) => ({ ...w, storage: place.storage })));
				},
			});
			expect(verdict.ok && verdict.value.outcome).toBe('verified');
			const read = await inDfu(b, (dfu) => dfu.read(server.alt, server.address, server.size));
			const der = openssl('pkey', '-in', 'server.pem', '-pubout', '-outform', 'DER');
			expect(read.subarray(0, der.length)).toEqual(der);
			// As readServerAddress of particle-cli's keys.js takes it apart.
			const at = server.addressOffset!;
			expect([read[at], new TextDecoder().decode(read.subarray(at + 2, at + 2 + read[at + 1]!))]).toEqual([
				1,
				'cloud.example.com',
			]);
			expect((read[server.portOffset!]! << 8) | read[server.portOffset! + 1]!).toBe(8765);
		});
	});

	test.each(['rsa-1024', 'ec-p256'] as const)('a new %s key is sound, and its public key is the one that is printed', (kind) => {
		const der = newDevicePrivateKey(kind);
		writeFileSync(join(folder, 'new.der'), der);
		openssl('pkey', '-in', 'new.der', '-inform', 'DER', '-check', '-noout');
		const pem = Buffer.from(openssl('pkey', '-in', 'new.der', '-inform', 'DER', '-pubout')).toString();
		expect(devicePublicKey(der, kind).pem).toBe(pem);
		const text = Buffer.from(openssl('pkey', '-in', 'new.der', '-inform', 'DER', '-noout', '-text')).toString();
		expect(text).toContain(kind === 'rsa-1024' ? '1024 bit' : 'prime256v1');
	});
});

test('an RSA key whose numbers are short is longer on the device, and is saved as it was', () => {
	for (let n = 0; n < 3000; n++) {
		const pkcs1 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'der', type: 'pkcs1' });
		const bytes = new Uint8Array(pkcs1);
		const field = unwrap(dctWrites('photon', { 'device-private-key': { file: 'k', bytes } }))[0]!.bytes;
		const saved = unwrap(privateKeyForFiles(field, 'rsa-1024', 'k'));
		expect(equalBytes(saved.der, bytes)).toBe(true);
		if (!equalBytes(field.subarray(0, bytes.length), bytes)) return;
	}
	throw new Error('no such key was made');
});

test('what is left of a longer key behind a shorter one does not matter', () => {
	const bytes = new Uint8Array(
		generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ format: 'der', type: 'sec1' }),
	);
	const field = unwrap(dctWrites('boron', { 'device-private-key': { file: 'k', bytes } }))[0]!.bytes;
	field.fill(0x55, bytes.length);
	expect(unwrap(privateKeyForFiles(field, 'ec-p256', 'k')).der).toEqual(bytes);
});

test('a Core is saved with its keys and its one image, and the places of its serial flash around a key stay', async () => {
	const b = await deviceOf('core', 'tcp');
	await inDfu(b, (dfu) => dfu.write(1, 0x2800, new Uint8Array(16).fill(0x42)));
	const contents = await takeBackup(environment(b));
	expect(contents.parts.map((p) => [p.kind, p.address, p.bytes.length])).toEqual([
		['server-key', 0x1000, 2048],
		['device-key', 0x2000, 1024],
		['application', 0x08005000, realTinker('core').length],
	]);
	const bytes = newDevicePrivateKey('rsa-1024');
	const place = cloudPlaceOf('core')!;
	const verdict = await runDctJob({
		...environment(b),
		want: () =>
			good(
				unwrap(cloudWrites('core', place.cloud, { 'device-private-key': { file: 'k', bytes } })).map((w) => ({
					...w,
					storage: place.storage,
				})),
			),
	});
	expect(verdict.ok && verdict.value.outcome).toBe('verified');
	expect(await inDfu(b, (dfu) => dfu.read(1, 0x2800, 16))).toEqual(new Uint8Array(16).fill(0x42));
});
