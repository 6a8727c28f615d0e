/**
 * What srec_cat (Debian: srecord) says to hundreds of Intel HEX files in one process.
 *
 * All files that one srec_cat reads go into one memory, where they would collide. So each goes through the filter that appends its CRC-32
 * at an address of its own, and only that is kept. The filter reads the file into a memory of its own first. What is fatal in a file
 * alone is fatal there too, with one exception: two values for one address are a warning in a filter ("multiple ... values"), which is
 * looked for. tests/peers/srecord.test.ts compares both ways. (srec_info takes many files too, but never looks for contradictions.)
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIntelHex } from '@linac/firmware';

/**
 * For each file the CRC-32 of its data in the order of addresses, or why there is none; when one of them is fatal to the process, its
 * message for all. `free` is an address behind which no file fills any of 4 bytes for each file. The folder may be written to.
 */
export function srecCatTogether(folder: string, files: readonly Uint8Array[], free: number): (number | string)[] {
	const args = ['-disable-sequence-warnings'];
	for (const [i, bytes] of files.entries()) {
		const at = free + i * 4;
		writeFileSync(join(folder, `f${i}`), bytes);
		args.push(`f${i}`, '-Intel', '-CRC32_Big_Endian', String(at), '-crop', String(at), String(at + 4));
	}
	const child = spawnSync('srec_cat', [...args, '-Output', '-', '-Intel'], { cwd: folder, maxBuffer: 1 << 28 });
	// Long messages are broken into lines.
	const messages = child.stderr.toString().replace(/\s+/g, ' ').trim();
	if (child.status !== 0) return files.map(() => messages.split('srec_cat: ').at(-1)!);
	const twice = new Set([...messages.matchAll(/srec_cat: (\S+): \d+: warning: multiple 0x/g)].map((m) => m[1]));
	const hex = parseIntelHex(new Uint8Array(child.stdout));
	if (!hex.ok) throw new Error(`What srec_cat wrote: ${hex.problems[0]?.message}`);
	return files.map((_, i) => {
		if (twice.has(`f${i}`)) return 'multiple values';
		const crc = hex.value.image.read(free + i * 4, 4);
		return crc ? new DataView(crc.buffer, crc.byteOffset).getUint32(0) : 'no CRC';
	});
}
