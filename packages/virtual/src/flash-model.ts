/**
 * Flash as flash is: erased by sector to 0xFF, programmed by clearing bits only, slow, and torn when the power fails. Geometry and
 * times are the platform's `flash` facts. Memory is kept in 4 KB pieces and only where something has been written.
 *
 * A change is made of `FlashStep`s; `FlashWorker` (flash-worker.ts) runs them in time. `apply` and `tear` are what a step does to the bits.
 */

import type { FlashGeometry } from '@linac/catalog';
import { assert } from '@linac/core';

const PIECE = 4096;
/** Largest run of bytes that one step programs: the page of the SPI flashes and the copy buffer of the bootloaders. */
const PAGE = 256;

export interface FlashStep {
	kind: 'erase' | 'program';
	flash: FlashModel;
	address: number;
	length: number;
	data?: Uint8Array;
	/** By the datasheet. */
	ms: number;
}

export interface Sector {
	start: number;
	size: number;
	eraseMs: number;
}

export class FlashModel {
	readonly name: string;
	readonly base: number;
	readonly size: number;
	readonly #geometry: Pick<FlashGeometry, 'sectors' | 'programUnit' | 'programUs'>;
	readonly #pieces = new Map<number, Uint8Array>();
	/** Address in a sector that does not erase any more. */
	#stuck = Number.NaN;
	/** Cells that do not take a program any more: address -> bits that stay set, and how often yet. */
	readonly #worn = new Map<number, { mask: number; times: number }>();

	constructor(name: string, geometry: Omit<FlashGeometry, 'source' | 'storage'>) {
		const sectors = geometry.sectors.reduce((sum, run) => sum + run.count * run.size, 0);
		assert(sectors === geometry.size, `sectors of ${name} flash cover ${sectors} of ${geometry.size} bytes`);
		this.name = name;
		this.base = geometry.base;
		this.size = geometry.size;
		this.#geometry = geometry;
	}

	get end(): number {
		return this.base + this.size;
	}

	contains(address: number, length: number): boolean {
		return address >= this.base && address + length <= this.end;
	}

	/** A copy of `length` bytes; what was never written reads 0xFF. */
	read(address: number, length: number): Uint8Array<ArrayBuffer> {
		assert(this.contains(address, length), `read outside ${this.name} flash at 0x${address.toString(16)}`);
		const out = new Uint8Array(length).fill(0xff);
		this.#each(address, length, (piece, from, at, count) => {
			const bytes = this.#pieces.get(piece);
			if (bytes) out.set(bytes.subarray(from, from + count), at);
		});
		return out;
	}

	u32(address: number): number {
		const b = this.read(address, 4);
		return (b[0]! | (b[1]! << 8) | (b[2]! << 16) | (b[3]! << 24)) >>> 0;
	}

	/** The erase sector in which an address lies. */
	sectorAt(address: number): Sector {
		assert(this.contains(address, 1), `no sector of ${this.name} flash at 0x${address.toString(16)}`);
		let start = this.base;
		for (const run of this.#geometry.sectors) {
			const length = run.count * run.size;
			if (address < start + length) {
				return { start: start + Math.floor((address - start) / run.size) * run.size, size: run.size, eraseMs: run.eraseMs };
			}
			start += length;
		}
		throw new Error('unreachable');
	}

	/** Erases every sector that the range touches. */
	erase(address: number, length: number): FlashStep[] {
		const steps: FlashStep[] = [];
		for (let at = address; at < address + length; ) {
			const sector = this.sectorAt(at);
			steps.push({ kind: 'erase', flash: this, address: sector.start, length: sector.size, ms: sector.eraseMs });
			at = sector.start + sector.size;
		}
		return steps;
	}

	/** Programs bytes, at most a page a step. What was not erased before comes out as the AND of old and new. */
	program(address: number, data: Uint8Array): FlashStep[] {
		assert(this.contains(address, data.length), `program outside ${this.name} flash at 0x${address.toString(16)}`);
		const steps: FlashStep[] = [];
		for (let at = 0; at < data.length; ) {
			const count = Math.min(PAGE - ((address + at) % PAGE), data.length - at);
			const units = Math.ceil(count / this.#geometry.programUnit);
			const ms = (units * this.#geometry.programUs) / 1000;
			steps.push({ kind: 'program', flash: this, address: address + at, length: count, data: data.slice(at, at + count), ms });
			at += count;
		}
		return steps;
	}

	apply(step: FlashStep): void {
		if (step.kind === 'erase') {
			const stuck = step.address <= this.#stuck && this.#stuck < step.address + step.length;
			if (!stuck) this.#fill(step.address, step.length);
		} else this.#and(step.address, step.data!, step.length);
	}

	/**
	 * What is left when the power fails in the middle: of an erase, a sector whose first half is erased and whose second half is in
	 * between (read back as the old bits with some set); of a program, the first half of the bytes and half of one byte.
	 */
	tear(step: FlashStep): void {
		const half = step.length >> 1;
		if (step.kind === 'erase') {
			const rest = this.read(step.address + half, step.length - half);
			this.#fill(step.address, half);
			for (let i = 0; i < rest.length; i++) rest[i] = rest[i]! | (i & 1 ? 0x55 : 0x22);
			this.put(step.address + half, rest);
			return;
		}
		this.#and(step.address, step.data!, half);
		this.#and(step.address + half, Uint8Array.of(step.data![half]! | 0xf0), 1);
	}

	/** Sets bytes as they are, without any rule and without time: manufacture, restored state and tests. */
	put(address: number, data: Uint8Array): void {
		assert(this.contains(address, data.length), `put outside ${this.name} flash at 0x${address.toString(16)}`);
		this.#each(address, data.length, (piece, from, at, count) => {
			this.#piece(piece).set(data.subarray(at, at + count), from);
		});
	}

	/** Makes the sector with this address one that no erase changes any more. Nothing reports it. */
	stopErasing(address: number): void {
		assert(this.contains(address, 1), `no byte in ${this.name} flash at 0x${address.toString(16)}`);
		this.#stuck = address;
	}

	/** Wears out bits of a byte: the next `times` programs leave them set (for ever, if not given). Nothing reports it. */
	wearOut(address: number, mask: number, times = Number.POSITIVE_INFINITY): void {
		assert(this.contains(address, 1), `no byte in ${this.name} flash at 0x${address.toString(16)}`);
		this.#worn.set(address, { mask, times });
	}

	/** A new chip with the same contents: nothing is stuck or worn any more. */
	mend(): void {
		this.#stuck = Number.NaN;
		this.#worn.clear();
	}

	/** Every stretch that is not blank, in order, for saving. */
	*used(): Generator<{ address: number; bytes: Uint8Array }> {
		for (const piece of [...this.#pieces.keys()].sort((a, b) => a - b)) {
			const bytes = this.#pieces.get(piece)!;
			if (bytes.some((b) => b !== 0xff)) yield { address: this.base + piece * PIECE, bytes };
		}
	}

	clear(): void {
		this.#pieces.clear();
	}

	#and(address: number, data: Uint8Array, length: number): void {
		this.#each(address, length, (piece, from, at, count) => {
			const bytes = this.#piece(piece);
			for (let i = 0; i < count; i++) bytes[from + i] = bytes[from + i]! & data[at + i]!;
		});
		this.wear(address, length);
	}

	/** What worn cells make of bytes that were just programmed. */
	protected wear(address: number, length: number): void {
		for (const [cell, worn] of this.#worn) {
			if (cell < address || cell >= address + length || worn.times <= 0) continue;
			worn.times--;
			this.put(cell, Uint8Array.of(this.read(cell, 1)[0]! | worn.mask));
		}
	}

	#fill(address: number, length: number): void {
		this.#each(address, length, (piece, from, _at, count) => {
			if (count === PIECE) this.#pieces.delete(piece);
			else this.#pieces.get(piece)?.fill(0xff, from, from + count);
		});
	}

	#piece(index: number): Uint8Array {
		let bytes = this.#pieces.get(index);
		if (!bytes) {
			bytes = new Uint8Array(PIECE).fill(0xff);
			this.#pieces.set(index, bytes);
		}
		return bytes;
	}

	#each(address: number, length: number, fn: (piece: number, from: number, at: number, count: number) => void): void {
		for (let at = 0; at < length; ) {
			const offset = address - this.base + at;
			const from = offset % PIECE;
			const count = Math.min(PIECE - from, length - at);
			fn((offset - from) / PIECE, from, at, count);
			at += count;
		}
	}
}
