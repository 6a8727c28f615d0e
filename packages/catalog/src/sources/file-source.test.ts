import { expect, test } from 'vitest';
import { realModule, realTinker } from '../../../../tests/support/real-firmware.js';
import { type CandidateFile, fileSource } from '../index.js';

const text = (value: string) => new TextEncoder().encode(value);
const sourceOf = (files: CandidateFile[], found?: string) =>
	fileSource({ name: 'somewhere', read: async () => files, found: async () => found });
const failureOf = (files: CandidateFile[], found?: string) =>
	sourceOf(files, found)
		.list()
		.then(
			() => undefined,
			(error: { code: string; message: string; details: unknown }) => error,
		);
const damaged = () => {
	const bytes = Uint8Array.from(realModule('boron-bootloader@4.0.1.bin'));
	bytes[500]! ^= 1;
	return bytes;
};

test.each([
	['nothing at all', [], undefined, 'no files with the ending .bin'],
	['files of other kinds', [], 'notes.txt', 'Found there: notes.txt.'],
	['a web page', [{ name: 'page.hex', bytes: text('<!DOCTYPE html><html>404</html>') }], undefined, 'page.hex'],
	['a damaged module', [{ name: 'bootloader.bin', bytes: damaged() }], undefined, 'bootloader.bin'],
	['an application alone', [{ name: 'tinker.bin', bytes: realTinker('boron') }], undefined, 'an application for Boron'],
] as const)('a source that holds %s says so with its name and what was found', async (_, files, found, part) => {
	const error = await failureOf([...files], found);
	expect(error).toMatchObject({ code: 'SOURCE_EMPTY', details: { path: 'somewhere', files: files.length } });
	expect(error?.message).toContain('somewhere');
	expect(error?.message).toContain(part);
});

test('of many useless files a few are named and the others counted', async () => {
	const files = Array.from({ length: 9 }, (_, i) => ({ name: `${i}.bin`, bytes: text('nothing') }));
	const message = (await failureOf(files))?.message ?? '';
	expect(message).toContain('2.bin');
	expect(message).not.toContain('3.bin');
	expect(message).toContain('And 6 more.');
});

test('one module of Device OS among rubbish is not nothing, whatever release it is of', async () => {
	const files = [
		{ name: 'page.bin', bytes: text('<html></html>') },
		{ name: 'bootloader.bin', bytes: realModule('boron-bootloader@2.2.0.bin') },
	];
	expect(await sourceOf(files).list()).toEqual([]);
});
