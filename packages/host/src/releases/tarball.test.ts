import { gzipSync } from 'node:zlib';
import { seededRandom } from '@linac/core';
import { expect, test } from 'vitest';
import { mutate } from '../../../../tests/support/mutate.js';
import { readTarball } from './tarball.js';

/** A tar archive as POSIX ustar has it, with a pax header for a long name. */
function tar(files: [name: string, bytes: Uint8Array, type?: string][]): Buffer {
	const blocks: Buffer[] = [];
	for (const [name, bytes, type = '0'] of files) {
		const header = Buffer.alloc(512);
		header.write(name, 0);
		header.write('0000644\0', 100);
		header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
		header.write(type, 156);
		header.write('ustar\0', 257);
		header.fill(' ', 148, 156);
		const sum = header.reduce((a, b) => a + b, 0);
		header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
		blocks.push(header, Buffer.from(bytes), Buffer.alloc((512 - (bytes.length % 512)) % 512));
	}
	return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const text = (s: string) => new TextEncoder().encode(s);
const pax = text('29 path=package/a/long/name\n');
const sample = tar([
	['package/a.bin', text('first')],
	['header', pax, 'x'],
	['short', text('second')],
	['package/link', new Uint8Array(), '2'],
]);

test('files come out under their names, links do not', () => {
	const verdict = readTarball(gzipSync(sample));
	if (!verdict.ok) throw new Error(verdict.problems[0]!.message);
	expect(verdict.value.map((e) => e.name)).toEqual(['package/a.bin', expect.stringContaining('package/a/long/name')]);
});

test('a package that would unpack to more than the limit is refused before it has', () => {
	const bomb = gzipSync(new Uint8Array(20_000_000));
	expect(bomb.length).toBeLessThan(25_000);
	expect(readTarball(bomb, { limit: 1_000_000 })).toMatchObject({ ok: false, problems: [{ code: 'TARBALL_DAMAGED' }] });
});

test('20,000 random mutations of a package never throw, and never give more bytes than it has', () => {
	const random = seededRandom(11);
	const archive = new Uint8Array(sample);
	const whole = new Uint8Array(gzipSync(sample));
	for (let i = 0; i < 20_000; i++) {
		// Half of them behind a compression whose checksum is right, half as they would come over a bad line.
		const changed = i % 2 === 0 ? mutate(archive, archive, random) : mutate(whole, archive, random);
		const verdict = readTarball(i % 2 === 0 ? gzipSync(changed, { level: 0 }) : changed);
		const bytes = verdict.ok ? verdict.value.reduce((sum, e) => sum + e.bytes.length, 0) : 0;
		expect(bytes).toBeLessThanOrEqual(i % 2 === 0 ? changed.length : sample.length);
		if (!verdict.ok) expect(verdict.problems[0]!.code).toBe('TARBALL_DAMAGED');
	}
});
