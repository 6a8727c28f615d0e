/**
 * Nordic's MBR for tests: it is not ours to hand out and can be had from no npm package, so it is used where somebody has put it, in the
 * file named by LINAC_TEST_MBR or in the folder of shared data beside the project. Tests that need the real one are skipped elsewhere,
 * unless LINAC_PEERS=required (as in CI); all others use a stand-in.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@linac/core';
import { parseIntelHex } from '@linac/firmware';

const beside = join(fileURLToPath(new URL('../../..', import.meta.url)), 'shared', 'data', 'nrf52840-mbr.hex');

/** The path of a hex file with the real MBR, or undefined. */
export function realMbrFile(): string | undefined {
	const path = process.env.LINAC_TEST_MBR ?? beside;
	if (existsSync(path)) return path;
	if (process.env.LINAC_PEERS === 'required')
		throw new Error(`There is no ${path}. Name a hex file with the MBR in LINAC_TEST_MBR.`);
	return undefined;
}

/** Its 4096 bytes, or undefined. */
export function realMbr(): Uint8Array | undefined {
	const path = realMbrFile();
	if (path === undefined) return undefined;
	const hex = parseIntelHex(readFileSync(path), { file: path });
	return hex.ok ? hex.value.image.read(0, 4096) : undefined;
}

/** 4096 bytes that look like an MBR and are none: vectors that a Cortex-M takes, and noise. */
export function standInMbr(): Uint8Array {
	const out = new Uint8Array(4096).fill(0xff);
	out.set(seededRandom(840).bytes(2584));
	const view = new DataView(out.buffer);
	view.setUint32(0, 0x2000_0400, true);
	view.setUint32(4, 0x0000_0a81, true);
	return out;
}
