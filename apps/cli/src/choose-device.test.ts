import type { DiscoveredDevice } from '@linac/usb';
import { expect, test } from 'vitest';
import { chooseDevice } from './choose-device.js';

function device(platform: string, deviceId: string | undefined, location: string): DiscoveredDevice {
	return { platform: { name: platform }, deviceId, location, mode: 'normal', handle: {} } as DiscoveredDevice;
}

const first = device('boron', 'e00fce6800000000000000aa', '1-1');
const second = device('boron', 'e00fce68ffffffffffffffbb', '1-2.3');
const third = device('photon', undefined, '1-4');
const all = [first, second, third];

function choose(name?: string, devices = all) {
	return chooseDevice(devices, {
		name,
		where: 'on USB',
		displayName: (d) => d.platform.name,
		isKind: (d, kind) => d.platform.name === kind,
	});
}

test('the only device needs no name', () => {
	expect(choose(undefined, [second])).toBe(second);
});

test('of several devices none is taken unless it is named, and the refusal lists them all', () => {
	expect(() => choose()).toThrowError(expect.objectContaining({ code: 'DEVICE_AMBIGUOUS', exitCode: 5 }));
	try {
		choose();
	} catch (error) {
		for (const d of all) expect((error as Error).message).toContain(d.location);
		expect((error as Error).message).toContain(first.deviceId);
	}
});

test('a device is found by its port, its whole id, the beginning of its id, or its kind where there is one of that kind', () => {
	expect(choose('1-2.3')).toBe(second);
	expect(choose('E00FCE6800000000000000AA')).toBe(first);
	expect(choose('e00fce68ff')).toBe(second);
	expect(choose('photon')).toBe(third);
});

test('a name that fits several devices is refused, and so is one that fits none', () => {
	expect(() => choose('e00fce68')).toThrowError(expect.objectContaining({ code: 'DEVICE_AMBIGUOUS' }));
	expect(() => choose('boron')).toThrowError(expect.objectContaining({ code: 'DEVICE_AMBIGUOUS' }));
	expect(() => choose('1-9')).toThrowError(expect.objectContaining({ code: 'DEVICE_NOT_FOUND', exitCode: 5 }));
	// Too short to mean an id.
	expect(() => choose('e00')).toThrowError(expect.objectContaining({ code: 'DEVICE_NOT_FOUND' }));
});

test('with nothing connected the error says what to check', () => {
	expect(() => choose(undefined, [])).toThrowError(
		expect.objectContaining({ code: 'DEVICE_NOT_FOUND', exitCode: 5, hint: expect.stringContaining('cable') }),
	);
});
