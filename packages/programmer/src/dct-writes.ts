/**
 * From wanted values of DCT fields to the writes that bring them about. The bootloader stores each block of a DFU write at once or not at
 * all (nRF52840 and RTL872x: a file; STM32F2: a copy in the other sector), so a field that fits into one block is never half old, half new:
 * no write is cut inside of it. Pure.
 */
import { equalBytes } from '@linac/core';

/** A wanted value, in bytes from the start of its storage. */
export interface DctChange {
	/** As people call it: a field of the table. */
	name: string;
	storage: 'dct' | 'external';
	offset: number;
	bytes: Uint8Array;
}

/** Bytes of one block of Particle's bootloaders (wTransferSize). */
export const BLOCK = 4096;

/** The changes whose value is not there yet. `present`: bytes from `offset` 0 of a storage on. */
export function differing(changes: readonly DctChange[], present: (change: DctChange) => Uint8Array): DctChange[] {
	return changes.filter((c) => !equalBytes(present(c), c.bytes));
}

/** Writes of at most one block, in ascending order; fields that follow each other without a gap share one, as far as they fit. */
export function blocksOf(changes: readonly DctChange[]): { offset: number; bytes: Uint8Array; names: string[] }[] {
	const out: { offset: number; bytes: Uint8Array; names: string[] }[] = [];
	for (const { name, offset, bytes } of [...changes].sort((a, b) => a.offset - b.offset)) {
		const last = out.at(-1);
		if (last && last.offset + last.bytes.length === offset && last.bytes.length + bytes.length <= BLOCK) {
			const joined = new Uint8Array(last.bytes.length + bytes.length);
			joined.set(last.bytes);
			joined.set(bytes, last.bytes.length);
			last.bytes = joined;
			last.names.push(name);
			continue;
		}
		for (let at = 0; at < bytes.length; at += BLOCK) {
			out.push({ offset: offset + at, bytes: bytes.slice(at, at + BLOCK), names: [name] });
		}
	}
	return out;
}
