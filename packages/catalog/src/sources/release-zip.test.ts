import { equalBytes } from '@linac/core';
import { readZip, writeZip } from '@linac/firmware';
import { describe, expect, test } from 'vitest';
import { realRelease } from '../../../../tests/support/mirrors.js';
import { openReleaseZip, releaseZip } from './release-zip.js';

const boron = { platform: 'boron', version: '4.0.1' };
const set = realRelease('boron', '4.0.1');
const zip = releaseZip(set);

function entries(bytes: Uint8Array) {
	const listed = readZip(bytes);
	if (!listed.ok) throw new Error('no zip');
	return listed.value.map((e) => {
		const content = e.read();
		if (!content.ok) throw new Error(e.name);
		return { name: e.name, bytes: content.value };
	});
}

describe('a release in a zip', () => {
	test('comes out as it went in: modules, application, and where each came from', () => {
		const opened = openReleaseZip(zip, boron, { name: 'kept' });
		if (!opened.ok) throw new Error(opened.problems[0]?.message);
		expect(opened.value.source).toBe(set.source);
		const facts = (s: typeof set) => [...s.modules, s.application!].map(({ slot, sha256, origin }) => [slot, sha256, origin]);
		expect(facts(opened.value)).toEqual(facts(set));
	});

	test('is the same bytes every time', () => {
		expect(equalBytes(releaseZip(realRelease('boron', '4.0.1')), zip)).toBe(true);
	});

	test('is refused for another version, another platform, and with a byte changed anywhere in a module', () => {
		const open = (bytes: Uint8Array, query = boron) => openReleaseZip(bytes, query, { name: 'kept' });
		expect(open(zip, { platform: 'boron', version: '2.2.0' }).ok).toBe(false);
		expect(open(zip, { platform: 'argon', version: '4.0.1' }).ok).toBe(false);
		for (let at = 100; at < zip.length - 4000; at += 40_009) {
			const changed = zip.slice();
			changed[at]! ^= 1;
			expect(open(changed).ok, `byte ${at}`).toBe(false);
		}
		expect(open(zip.subarray(0, zip.length / 2)).ok).toBe(false);
	});

	test('whose words about itself are missing, damaged or too long is judged by its headers all the same', () => {
		const modules = entries(zip).filter((e) => e.name.endsWith('.bin'));
		const texts = [undefined, '{', '[]', '{"format":"linac-release/1","source":7,"origins":{"a":1}}', long()];
		for (const text of texts) {
			const about = text === undefined ? [] : [{ name: 'linac-release.json', bytes: new TextEncoder().encode(text) }];
			const opened = openReleaseZip(writeZip([...modules, ...about], { method: 'stored' }), boron, { name: 'kept' });
			expect(opened.ok && opened.value.source).toBe('kept');
			expect(opened.ok && opened.value.modules[0]?.origin).toBe('kept: boron-bootloader@4.0.1.bin');
		}
	});
});

function long(): string {
	return JSON.stringify({ format: 'linac-release/1', source: 'x'.repeat(10_000) });
}
