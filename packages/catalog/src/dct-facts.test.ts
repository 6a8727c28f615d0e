import { expect, test } from 'vitest';
import { cloudPlaceOf, dctFieldsOf, dctTableOf } from './dct-facts.js';
import { platforms } from './platforms.js';

const withDct = platforms.filter((p) => p.dct.size > 0).map((p) => p.name);

test.each(withDct)('the table of a %s has every field once, inside the table, and none over another', (name) => {
	const table = dctTableOf(name)!;
	const fields = [...table.fields].sort((a, b) => a.offset - b.offset);
	expect(new Set(fields.map((f) => f.name)).size).toBe(fields.length);
	fields.forEach((f, i) => {
		const next = fields[i + 1]?.offset ?? table.size;
		expect(f.offset + f.size, f.name).toBeLessThanOrEqual(next);
	});
});

test.each(withDct)('on a %s the table has the keys, the server and the claim code where the fields of one unit are', (name) => {
	const { fields } = dctTableOf(name)!;
	const { cloud, claimCode, antenna } = dctFieldsOf(name);
	const at = (offset: number) => fields.find((f) => f.offset === offset);
	expect(at(cloud!.devicePrivateKey.offset)).toMatchObject({
		size: cloud!.devicePrivateKey.size,
		group: 'keys',
		ofDevice: true,
		secret: true,
	});
	expect(at(cloud!.serverPublicKey.offset)).toMatchObject({ size: cloud!.serverPublicKey.size, group: 'server' });
	expect(at(cloud!.serverAddress.offset)).toMatchObject({ size: cloud!.serverAddress.size, group: 'server' });
	expect(at(claimCode!.offset)).toMatchObject({ size: claimCode!.size, group: 'claim-code', secret: true });
	if (antenna) expect(at(antenna.offset)).toMatchObject({ size: 1 });
	// What a platform's own file says, and what makes a device act by itself.
	const { otaFlag, moduleSlots } = platforms.find((p) => p.name === name)!.dct;
	expect(at(otaFlag)?.stays).toBeDefined();
	expect(at(moduleSlots)).toMatchObject({ size: 100, stays: expect.any(String) });
	expect(at(0)?.stays).toBeDefined();
});

test('an Electron talks UDP unless its DCT says TCP, a Core has its keys in the serial flash', () => {
	const settings = new Uint8Array(8391).fill(0xff);
	expect(cloudPlaceOf('electron', settings)?.cloud.transport).toBe('UDP');
	settings[2977] = 0;
	expect(cloudPlaceOf('electron', settings)?.cloud).toMatchObject({ transport: 'TCP', devicePrivateKey: { offset: 34 } });
	// On other devices nobody looks at the byte.
	expect(cloudPlaceOf('boron', settings)?.cloud.transport).toBe('UDP');
	expect(cloudPlaceOf('photon', settings)?.cloud.transport).toBe('TCP');
	expect(cloudPlaceOf('core')).toMatchObject({ storage: 'external', cloud: { devicePrivateKey: { offset: 0x2000 } } });
	expect(dctTableOf('core')).toBeUndefined();
});
