import { platforms } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlashModel } from './flash-model.js';

const geometry = {
	base: 0x1000,
	size: 0x6000,
	sectors: [
		{ count: 2, size: 0x1000, eraseMs: 5 },
		{ count: 1, size: 0x4000, eraseMs: 9 },
	],
	programUnit: 4,
	programUs: 10,
};
const range = fc.tuple(fc.integer({ min: 0x1000, max: 0x6fff }), fc.uint8Array({ minLength: 1, maxLength: 700 }));

function plain(flash: FlashModel): Uint8Array {
	return flash.read(flash.base, flash.size);
}

test('any sequence of programs and erases gives what AND and 0xFF give on a plain array', () => {
	fc.assert(
		fc.property(fc.array(fc.tuple(fc.boolean(), range), { maxLength: 12 }), (steps) => {
			const flash = new FlashModel('test', geometry);
			const model = new Uint8Array(flash.size).fill(0xff);
			for (const [erase, [address, data]] of steps) {
				const length = Math.min(data.length, flash.end - address);
				const work = erase ? flash.erase(address, length) : flash.program(address, data.subarray(0, length));
				for (const step of work) flash.apply(step);
				if (erase) {
					for (let at = address; at < address + length; at = flash.sectorAt(at).start + flash.sectorAt(at).size) {
						const sector = flash.sectorAt(at);
						model.fill(0xff, sector.start - flash.base, sector.start - flash.base + sector.size);
					}
				} else for (let i = 0; i < length; i++) model[address - flash.base + i]! &= data[i]!;
			}
			expect(equalBytes(plain(flash), model)).toBe(true);
		}),
	);
});

test('a torn step changes nothing outside its range and is not the finished step', () => {
	fc.assert(
		fc.property(range, fc.boolean(), ([address, data], erase) => {
			const flash = new FlashModel('test', geometry);
			flash.put(flash.base, new Uint8Array(flash.size).fill(erase ? 0 : 0xff));
			const length = Math.min(data.length, flash.end - address);
			const step = (erase ? flash.erase(address, 1) : flash.program(address, new Uint8Array(length)))[0]!;
			const before = plain(flash);
			flash.tear(step);
			const after = plain(flash);
			const from = step.address - flash.base;
			const to = from + step.length;
			expect(equalBytes(after.subarray(0, from), before.subarray(0, from))).toBe(true);
			expect(equalBytes(after.subarray(to), before.subarray(to))).toBe(true);
			flash.apply(step);
			expect(equalBytes(plain(flash), after)).toBe(false);
		}),
		{ numRuns: 40 },
	);
});

test('the geometry of every platform covers its flash, and a byte in each sector can be erased', () => {
	for (const platform of platforms) {
		for (const facts of platform.flash) {
			const flash = new FlashModel(`${platform.name} ${facts.storage}`, facts);
			const ms = flash.erase(flash.base, flash.size).reduce((sum, step) => sum + step.ms, 0);
			expect(ms).toBe(facts.sectors.reduce((sum, run) => sum + run.count * run.eraseMs, 0));
		}
	}
});
