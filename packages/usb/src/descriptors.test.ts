import { LinacError } from '@linac/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfigurationDescriptor, parseDeviceDescriptor, parseStringDescriptor, setupPacket } from './descriptors.js';

// One DFU interface with two alternate settings and a functional descriptor, laid out as in usbd_dfu_core.c of device-os v2.3.1.
const dfu = Uint8Array.from([
	...[9, 2, 36, 0, 1, 1, 2, 0xc0, 50],
	...[9, 4, 0, 0, 0, 0xfe, 1, 2, 6],
	...[9, 4, 0, 1, 0, 0xfe, 1, 2, 7],
	...[9, 0x21, 0x0b, 255, 0, 0, 0x10, 0x1a, 1],
]);

describe('descriptors', () => {
	it('tell what a DFU bootloader offers', () => {
		const configuration = parseConfigurationDescriptor(dfu);
		expect(configuration.alternates.map((a) => [a.interfaceNumber, a.alternate, a.nameString])).toEqual([
			[0, 0, 6],
			[0, 1, 7],
		]);
		expect(configuration.dfu).toEqual({
			canDownload: true,
			canUpload: true,
			manifestationTolerant: false,
			willDetach: true,
			transferSize: 4096,
			version: 0x011a,
		});
	});

	it('that are damaged give USB_BAD_DESCRIPTOR or a value, and never anything else', () => {
		const tryAll = (bytes: Uint8Array) => {
			for (const parse of [parseDeviceDescriptor, parseConfigurationDescriptor, parseStringDescriptor]) {
				try {
					parse(bytes);
				} catch (error) {
					expect(error).toBeInstanceOf(LinacError);
					expect((error as LinacError).code).toBe('USB_BAD_DESCRIPTOR');
				}
			}
		};
		for (let length = 0; length < dfu.length; length++) tryAll(dfu.slice(0, length));
		fc.assert(
			fc.property(fc.nat(dfu.length - 1), fc.nat(255), (at, value) => {
				const damaged = dfu.slice();
				damaged[at] = value;
				tryAll(damaged);
			}),
			{ numRuns: 20_000 },
		);
		fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), tryAll), { numRuns: 20_000 });
	});

	it('of text are UTF-16, and cut off where they say that they end', () => {
		expect(parseStringDescriptor(Uint8Array.of(6, 3, 0x41, 0, 0xac, 0x20, 0x42, 0))).toBe('A€');
		expect(parseStringDescriptor(Uint8Array.of(6, 2, 0x41, 0, 0x42, 0))).toBeUndefined();
	});

	it('are asked for with setup packets in the order of USB', () => {
		expect([...setupPacket(0x80, 6, 0x0305, 0x0409, 255)]).toEqual([0x80, 6, 0x05, 0x03, 0x09, 0x04, 0xff, 0]);
	});
});
