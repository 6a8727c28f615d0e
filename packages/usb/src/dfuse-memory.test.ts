import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstOutside, parseDfuMemory, sectorsOf } from './dfuse-memory.js';

const ok = (text: string) => {
	const memory = parseDfuMemory(text);
	if (!memory.ok) throw new Error(memory.problems[0]!.message);
	return memory.value;
};

describe('the memory map of an alternate setting', () => {
	// The strings of the bootloaders: device-os v3.3.1 usbd_flash_if.h, usbd_dct_if.h; v4.0.1 and v6.2.0 usbd_dfu_mal.h.
	it.each([
		['@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg', 'Internal Flash', 0x08000000, 0x08100000],
		['@DCT Flash   /0x00000000/01*016Kg', 'DCT Flash', 0, 0x4000],
		['@Internal Flash   /0x08000000/06*002Ka,122*002Kg', 'Internal Flash', 0x08000000, 0x08040000],
		['@Internal Flash   /0x00000000/1*004Ka,47*004Kg,192*004Kg,4*004Kg,4*004Kg,8*004Ka', 'Internal Flash', 0, 0x100000],
		['@DCD Flash   /0x00000000/1*016Ke', 'DCD Flash', 0, 0x4000],
		['@External Flash   /0x80000000/2048*004Kg', 'External Flash', 0x80000000, 0x80800000],
		['@Internal Flash   /0x08000000/2048*004Kg', 'Internal Flash', 0x08000000, 0x08800000],
	])('%s is read as a bootloader means it', (text, name, start, end) => {
		const memory = ok(text);
		expect(memory.name).toBe(name);
		expect(memory.segments[0]!.start).toBe(start);
		expect(memory.segments.at(-1)!.end).toBe(end);
		expect(firstOutside(memory.segments, start, end - start)).toBeUndefined();
	});

	it('takes the letters as the three bits readable, erasable and writable', () => {
		const rights = (letter: string) => {
			const { readable, erasable, writable } = ok(`@x/0x0/1*1K${letter}`).segments[0]!;
			return `${readable ? 'r' : ''}${erasable ? 'e' : ''}${writable ? 'w' : ''}`;
		};
		expect([...'abcdefg'].map(rights)).toEqual(['r', 'e', 're', 'w', 'rw', 'ew', 'rew']);
	});

	it('finds the first byte that may not be written', () => {
		const { segments } = ok('@Internal Flash   /0x00000000/1*004Ka,47*004Kg,192*004Kg,4*004Kg,4*004Kg,8*004Ka');
		expect(firstOutside(segments, 0x1000, 0xf7000, 'writable')).toBeUndefined();
		expect(firstOutside(segments, 0x1000, 0xf7001, 'writable')).toBe(0xf8000);
		expect(firstOutside(segments, 0xff000, 0x1001)).toBe(0x100000);
	});

	it('cuts a range into its erase sectors, also where their size changes', () => {
		const { segments } = ok('@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg');
		expect(sectorsOf(segments, 0x0800fffe, 0x10003).map((s) => [s.start, s.end])).toEqual([
			[0x0800c000, 0x08010000],
			[0x08010000, 0x08020000],
			[0x08020000, 0x08040000],
		]);
	});

	it('refuses every text that is not a map, with a problem and without an exception', () => {
		for (const text of [
			'',
			'@',
			'@x',
			'@x/0x0',
			'@x/0x0/',
			'@x/zz/1*1Kg',
			'@x/0x0/0*1Kg',
			'@x/0x0/1*1Kh',
			'@x/0xffffffff/2*1Mg',
			'x/0x0/1*1Kg',
		]) {
			const memory = parseDfuMemory(text);
			expect(memory.ok, text).toBe(false);
			expect(memory.problems[0]).toMatchObject({ code: 'DFU_BAD_MEMORY_STRING' });
		}
		fc.assert(
			fc.property(fc.string({ unit: fc.constantFrom(...'@/0x123*,KMBagz ') }), (text) => {
				const memory = parseDfuMemory(`@${text}`);
				if (memory.ok) for (const s of memory.value.segments) expect(s.end).toBeGreaterThan(s.start);
			}),
			{ numRuns: 20_000 },
		);
	});
});
