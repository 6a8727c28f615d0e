/** Per-unit data on virtual devices: a DCT that came with a flash image, and the same fields written through DFU. */
import { generateKeyPairSync } from 'node:crypto';
import { unwrap } from '@linac/core';
import { buildDct, dctWrites, fieldStates, readDct, type UnitFields } from '@linac/image';
import { describe, expect, test } from 'vitest';
import { lab, modules, tinker } from '../support/virtual-lab.js';

const pem = (key: { export(options: object): string | Buffer }, type: string) =>
	new TextEncoder().encode(key.export({ format: 'pem', type }).toString());
const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'pkcs1');
const ec = pem(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, 'pkcs8');
const claimCode = 'x'.repeat(63);

const boards: [platform: string, fields: UnitFields, names: string[]][] = [
	[
		'photon',
		{
			'device-private-key': { file: 'device.pem', bytes: rsa },
			'server-address': 'cloud.example:5700',
			'claim-code': claimCode,
			antenna: 'external',
		},
		['photon-bootloader@2.2.0+lto.bin', 'photon-system-part1@2.2.0.bin', 'photon-system-part2@2.2.0.bin'],
	],
	[
		'electron',
		{ 'device-private-key': { file: 'device.pem', bytes: ec }, 'server-address': '192.0.2.1', 'claim-code': claimCode },
		[1, 2, 3].map((n) => `electron-system-part${n}@2.2.0.bin`).concat('electron-bootloader@2.2.0+lto.bin'),
	],
];

describe.each(boards)('a virtual %s made from a flash image with a DCT', (platform, fields, names) => {
	const pieces = unwrap(buildDct(platform, 2202, fields));
	const made = () => {
		const l = lab(platform, { modules: [...modules(...names), tinker(platform)] });
		for (const { start, bytes } of pieces) l.device.flash('internal').put(start, bytes);
		return l;
	};
	const sectors = (l: ReturnType<typeof made>) => l.device.flash('internal').read(pieces[0]!.start, 0x8000);

	test('starts, and shows every field at alternate setting 1', async () => {
		const l = made();
		const running = await l.control();
		expect(await running.osVersion()).toBe('2.2.0');
		await running.close();
		const dfu = await l.dfu();
		for (const write of unwrap(dctWrites(platform, fields))) {
			expect(await dfu.read(1, write.offset, write.bytes.length)).toEqual(write.bytes);
		}
	});

	test('keeps the fields while it writes settings of its own, in the layout that Device OS has there', async () => {
		const l = made();
		const dfu = await l.dfu();
		// Both sectors in turn, and every number of the counter.
		for (let i = 0; i < 5; i++) {
			await dfu.write(1, 1753, Uint8Array.of(0xf0 + i), { erase: false });
			const contents = unwrap(readDct(platform, sectors(l)));
			expect(contents).toMatchObject({ checksum: 'right', start: pieces[(i + 1) % 2]!.start });
			expect(contents.settings[1753]).toBe(0xf0 + i);
			expect(contents.fields.filter((f) => f.set).map((f) => f.name)).toEqual(Object.keys(fields));
		}
	});
});

test('the blank second sector of the image is what keeps a re-programmed board from its former settings', async () => {
	const l = lab('photon', { modules: modules(...boards[0]![2]) });
	const flash = l.device.flash('internal');
	for (const { start, bytes } of unwrap(buildDct('photon', 2202, { antenna: 'internal' }))) flash.put(start, bytes);
	// It has written a setting since: its newer table stands in the second sector.
	await (await l.dfu()).write(1, 1753, Uint8Array.of(0xff), { erase: false });
	const pieces = unwrap(buildDct('photon', 2202, { antenna: 'external' }));
	const antennas = pieces.map(({ start, bytes }) => {
		flash.put(start, bytes);
		return unwrap(readDct('photon', flash.read(pieces[0]!.start, 0x8000))).fields.find((f) => f.name === 'antenna')?.value;
	});
	expect(antennas).toEqual(['internal', 'external']);
});

test.each([
	['boron', ['boron-bootloader@2.2.0.bin', 'boron-system-part1@2.2.0.bin', 'boron-softdevice@2.2.0.bin']],
	['photon', boards[0]![2]],
] as const)('on a virtual %s the fields that a script writes through DFU are there when it is read', async (platform, names) => {
	const key = { file: 'device.pem', bytes: platform === 'boron' ? ec : rsa };
	const fields: UnitFields = { 'device-private-key': key, 'claim-code': claimCode, antenna: 'external' };
	const l = lab(platform, { modules: modules(...names) });
	const dfu = await l.dfu();
	for (const { offset, bytes } of unwrap(dctWrites(platform, fields))) await dfu.write(1, offset, bytes, { erase: false });
	const set = fieldStates(platform, await dfu.read(1, 0, 0x4000)).filter((field) => field.set);
	expect(set.map((field) => field.name)).toEqual(Object.keys(fields));
});
