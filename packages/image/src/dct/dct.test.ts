import { generateKeyPairSync } from 'node:crypto';
import { platforms } from '@linac/catalog';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildDct } from './build-dct.js';
import { dctWrites } from './encode.js';
import { describeUnitFields, type UnitFields, unitFieldNames } from './fields.js';
import { fieldStates, readDct } from './read-dct.js';

const text = (value: string | Buffer) => new Uint8Array(Buffer.from(value));
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'pem', type: 'pkcs1' });
const rsaServer = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' });
const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const ecKey = pair.privateKey.export({ format: 'pem', type: 'sec1' });
const ecServer = pair.publicKey.export({ format: 'der', type: 'spki' });
const claimCode = 'AbC+/9'.repeat(11).slice(0, 63);

const photonFields: UnitFields = {
	'device-private-key': { file: 'device.pem', bytes: text(rsaKey) },
	'server-public-key': { file: 'server.der', bytes: text(rsaServer) },
	'server-address': 'cloud.example.com:5700',
	'claim-code': claimCode,
	antenna: 'auto',
};
const electronFields: UnitFields = {
	'device-private-key': { file: 'device.pem', bytes: text(ecKey) },
	'server-public-key': { file: 'server.der', bytes: text(ecServer) },
	'server-address': '192.0.2.7',
	'claim-code': claimCode,
};

function bytesOf(verdict: ReturnType<typeof buildDct>): Uint8Array {
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join(' '));
	const out = new Uint8Array(0x8000);
	for (const { start, bytes } of verdict.value) out.set(bytes, start - 0x08004000);
	return out;
}

describe.each([
	['photon', photonFields],
	['p1', photonFields],
	['electron', electronFields],
] as const)('%s', (platform, fields) => {
	test('every field that is set is there again when the table is read', () => {
		const contents = readDct(platform, bytesOf(buildDct(platform, 2202, fields)));
		if (!contents.ok) throw new Error('refused');
		expect(contents.value).toMatchObject({ start: 0x08004000, checksum: 'right' });
		const states = Object.fromEntries(contents.value.fields.map((f) => [f.name, f]));
		for (const name of Object.keys(fields)) expect(states[name]).toMatchObject({ set: true });
		expect(states['server-address']?.value).toBe(fields['server-address']);
		if (fields.antenna) expect(states.antenna?.value).toBe(fields.antenna);
		expect(JSON.stringify(contents.value.fields)).not.toContain(claimCode);
	});

	test('without fields it is a new table in which nothing is set, and the second sector is blank', () => {
		const bytes = bytesOf(buildDct(platform, 2202, {}));
		const contents = readDct(platform, bytes);
		if (!contents.ok) throw new Error('refused');
		expect(contents.value.fields.every((f) => !f.set)).toBe(true);
		expect(contents.value.settings.every((b) => b === 0xff)).toBe(true);
		expect(bytes.subarray(0x4000).every((b) => b === 0xff)).toBe(true);
	});

	test('only the places of the given fields are written', () => {
		const writes = dctWrites(platform, fields);
		const contents = readDct(platform, bytesOf(buildDct(platform, 2202, fields)));
		if (!writes.ok || !contents.ok) throw new Error('refused');
		const rest = contents.value.settings.slice();
		for (const { offset, bytes } of writes.value) {
			expect(rest.slice(offset, offset + bytes.length)).toEqual(bytes);
			rest.fill(0xff, offset, offset + bytes.length);
		}
		expect(rest.every((b) => b === 0xff)).toBe(true);
	});
});

test('keys and addresses stand where the DCT of device-os has them', () => {
	const places = (platform: string, fields: UnitFields) => {
		const writes = dctWrites(platform, fields);
		if (!writes.ok) throw new Error(writes.problems.map((p) => p.message).join(' '));
		return writes.value.map((w) => [w.name, w.offset, w.bytes.length]);
	};
	expect(places('photon', photonFields)).toEqual([
		['device-private-key', 34, 1216],
		['claim-code', 1762, 63],
		['server-public-key', 2082, 384],
		['server-address', 2466, 128],
		['antenna', 2976, 1],
	]);
	expect(places('boron', { ...electronFields, antenna: 'external', 'setup-done': 'yes' })).toEqual([
		['claim-code', 1762, 63],
		['device-private-key', 3106, 192],
		['server-public-key', 3298, 192],
		['server-address', 3490, 128],
		['setup-done', 8134, 1],
		['antenna', 8171, 1],
	]);
});

test('an image for a board whose DCT is a file is refused field by field, each with the way that works', () => {
	for (const platform of ['boron', 'tracker', 'p2', 'msom']) {
		const verdict = buildDct(platform, 5500, { 'claim-code': claimCode, 'setup-done': 'yes' });
		expect(verdict.ok).toBe(false);
		expect(verdict.problems.map((p) => [p.code, p.field])).toEqual([
			['DCT_NOT_IN_INTERNAL_FLASH', 'claim-code'],
			['DCT_NOT_IN_INTERNAL_FLASH', 'setup-done'],
		]);
		expect(verdict.problems[0]?.message).toContain('linac export --for dfu-util');
		expect(verdict.problems[1]?.message).toContain('linac usb setup-done');
	}
});

describe('a value that the device would not understand is refused', () => {
	const cases: [platform: string, fields: UnitFields, code: string, part: string][] = [
		['photon', { 'claim-code': 'short' }, 'DCT_FIELD_VALUE', '63'],
		['photon', { 'claim-code': `${'a'.repeat(62)} ` }, 'DCT_FIELD_VALUE', 'Character 63'],
		['photon', { antenna: 'both' }, 'DCT_FIELD_VALUE', 'internal, external, auto'],
		['boron', { antenna: 'auto' }, 'DCT_FIELD_VALUE', 'internal, external'],
		['photon', { antenna: 'toString' }, 'DCT_FIELD_VALUE', 'none of'],
		['electron', { antenna: 'internal' }, 'DCT_FIELD_NOT_THERE', 'no antenna'],
		['photon', { 'setup-done': 'yes' }, 'DCT_FIELD_NOT_THERE', 'no setup-done'],
		['boron', { 'setup-done': 'maybe' }, 'DCT_FIELD_VALUE', 'neither yes nor no'],
		['core', { 'claim-code': claimCode }, 'DCT_FIELD_NOT_THERE', 'no claim-code'],
		['photon', { 'server-address': '' }, 'DCT_FIELD_VALUE', 'no host'],
		['photon', { 'server-address': 'a b.example' }, 'DCT_FIELD_VALUE', 'not a host name'],
		['photon', { 'server-address': 'a..example' }, 'DCT_FIELD_VALUE', 'not a host name'],
		['photon', { 'server-address': `${'a'.repeat(60)}.com` }, 'DCT_FIELD_VALUE', '63'],
		['photon', { 'server-address': '1.2.3' }, 'DCT_FIELD_VALUE', 'IPv4'],
		['photon', { 'server-address': '1.2.3.256' }, 'DCT_FIELD_VALUE', 'IPv4'],
		['photon', { 'server-address': '0.0.0.0' }, 'DCT_FIELD_VALUE', 'not the address of a server'],
		['photon', { 'server-address': '::1' }, 'DCT_FIELD_VALUE', 'IPv6'],
		['photon', { 'server-address': 'a.example:0' }, 'DCT_FIELD_VALUE', 'port'],
		['photon', { 'server-address': 'a.example:65535' }, 'DCT_FIELD_VALUE', 'port'],
		['photon', { 'server-address': 'a.example:' }, 'DCT_FIELD_VALUE', 'port'],
		['photon', { 'device-private-key': { file: 'ec.pem', bytes: text(ecKey) } }, 'KEY_WRONG_KIND', 'RSA key of 1024 bits'],
	];
	test.each(cases)('%s %j', (platform, fields, code, part) => {
		const verdict = dctWrites(platform, fields);
		expect(verdict).toMatchObject({ ok: false, problems: [{ code, field: Object.keys(fields)[0] }] });
		expect(verdict.problems[0]?.message).toContain(part);
	});
});

test('all problems of all fields are told at once', () => {
	const verdict = dctWrites('photon', { 'claim-code': 'x', antenna: 'x', 'server-address': '' });
	expect(verdict.problems.map((p) => p.field)).toEqual(['server-address', 'claim-code', 'antenna']);
});

test('neither a key nor a claim code gets into a message', () => {
	const secret = 'S3cretClaim/'.repeat(6).slice(0, 62);
	for (const fields of [{ 'claim-code': secret }, { 'claim-code': `${secret}\u00e9` }]) {
		expect(JSON.stringify(dctWrites('photon', fields))).not.toContain('S3cretClaim');
	}
	const damaged = text(rsaKey.toString().replace('A', '?'));
	const body = rsaKey.toString().split('\n')[3]!;
	expect(JSON.stringify(dctWrites('photon', { 'device-private-key': { file: 'k.pem', bytes: damaged } }))).not.toContain(body);
});

test('a port that a device on UDP would not use is told; setup-done where nothing looks at it too', () => {
	const port = dctWrites('electron', { 'server-address': 'a.example:5700' });
	expect(port).toMatchObject({ ok: true, problems: [{ code: 'DCT_PORT_NOT_USED', severity: 'warning' }] });
	expect(dctWrites('electron', { 'server-address': 'a.example:5684' }).problems).toEqual([]);
	expect(dctWrites('photon', { 'server-address': 'a.example:5700' }).problems).toEqual([]);
	expect(dctWrites('boron', { 'setup-done': 'yes' }, 3301).problems).toEqual([]);
	expect(dctWrites('boron', { 'setup-done': 'yes' }, 4005)).toMatchObject({
		ok: true,
		problems: [{ code: 'DCT_FIELD_WITHOUT_EFFECT', severity: 'warning' }],
	});
});

test('any host and port come back from the record as they were given', () => {
	const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
	const host = fc.array(label, { minLength: 2, maxLength: 5 }).map((labels) => `${labels.join('.')}.example`);
	const port = fc.option(fc.integer({ min: 1, max: 65534 }));
	fc.assert(
		fc.property(fc.oneof(host, fc.constant('$id.udp.example.com')), port, (name, number) => {
			const given = number === null ? name : `${name}:${number}`;
			const writes = dctWrites('photon', { 'server-address': given });
			if (name.length > 63) return !writes.ok;
			if (!writes.ok) return false;
			const settings = new Uint8Array(8784).fill(0xff);
			for (const write of writes.value) settings.set(write.bytes, write.offset);
			return fieldStates('photon', settings).find((f) => f.name === 'server-address')?.value === given;
		}),
	);
});

test('fields of every platform are described, do not overlap, and lie inside its DCT', () => {
	for (const platform of platforms) {
		const help = describeUnitFields(platform);
		expect(help.map((f) => f.name)).toEqual([...unitFieldNames]);
		const tcp = help[0]?.range?.includes('RSA');
		const all: UnitFields = { ...(tcp ? photonFields : electronFields), antenna: 'external', 'setup-done': 'yes' };
		const there = help.filter((f) => f.range !== undefined).map((f) => f.name);
		const writes = dctWrites(platform, Object.fromEntries(there.map((name) => [name, all[name]])) as UnitFields);
		if (!writes.ok) throw new Error(`${platform.name}: ${writes.problems[0]?.message}`);
		let end = 0;
		for (const write of writes.value) {
			expect(write.offset).toBeGreaterThanOrEqual(end);
			end = write.offset + write.bytes.length;
		}
		expect(end).toBeLessThanOrEqual(platform.dct.size);
		for (const name of unitFieldNames.filter((n) => !there.includes(n))) {
			expect(dctWrites(platform, { [name]: all[name] ?? 'x' } as UnitFields)).toMatchObject({ ok: false });
		}
	}
});

test('what is no DCT is refused when it is read, and a wrong checksum is told', () => {
	expect(readDct('photon', new Uint8Array(100))).toMatchObject({ ok: false, problems: [{ code: 'DCT_SIZE' }] });
	expect(readDct('photon', new Uint8Array(0x8000).fill(0xff))).toMatchObject({ ok: false, problems: [{ code: 'DCT_NO_TABLE' }] });
	expect(readDct('boron', new Uint8Array(0x8000))).toMatchObject({
		ok: false,
		problems: [{ code: 'DCT_NOT_IN_INTERNAL_FLASH' }],
	});
	const bytes = bytesOf(buildDct('electron', 2202, electronFields));
	bytes[4000]! ^= 1;
	expect(readDct('electron', bytes)).toMatchObject({ ok: true, problems: [{ code: 'DCT_CHECKSUM', severity: 'warning' }] });
});
