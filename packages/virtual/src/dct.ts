/**
 * The device configuration table (DCT): 16 KB of settings that the bootloader, Device OS and DFU's alternate setting 1 share.
 * nRF52840 and RTL872x keep it in a file, so a write is a read-modify-write that either happens or does not. STM32F2 alternates between flash
 * sectors 1 and 2: the new table is written whole into the other sector and made valid last (device-os v3.3.1:
 * platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/dct.c). The header of 32 bytes that says which sector is current is linac's own:
 * no host can see it. Field offsets: `Platform.dct`.
 */
import type { FlashGeometry } from '@linac/catalog';
import { FlashModel, type FlashStep } from './flash-model.js';

export interface Dct {
	readonly size: number;
	/** For tests and saved state: the memory that is really there. */
	readonly flash: FlashModel;
	read(offset: number, length: number): Uint8Array;
	/** One byte may be written without erasing anything. */
	write(offset: number, data: Uint8Array): Iterable<FlashStep>;
}

const SIZE = 0x4000;

/** A file of a journalling file system (LittleFS): a torn write leaves the old contents. */
class FileArea extends FlashModel {
	readonly #writeMs: number;

	constructor(writeMs: number) {
		const sectors = [{ count: 4, size: 4096, eraseMs: 0 }];
		super('dct', { base: 0, size: SIZE, sectors, programUnit: 1, programUs: 0 });
		this.#writeMs = writeMs;
	}

	override program(address: number, data: Uint8Array): FlashStep[] {
		return [{ kind: 'program', flash: this, address, length: data.length, data: data.slice(), ms: this.#writeMs }];
	}

	override apply(step: FlashStep): void {
		this.put(step.address, step.data!);
		this.wear(step.address, step.data!.length);
	}

	override tear(): void {}
}

export class FileDct implements Dct {
	readonly size = SIZE;
	readonly flash: FlashModel;

	/** `sectorMs`: what erasing and programming one sector of the flash under the file system takes. */
	constructor(sectorMs: number) {
		this.flash = new FileArea(sectorMs);
	}

	read(offset: number, length: number): Uint8Array {
		return this.flash.read(offset, length);
	}

	write(offset: number, data: Uint8Array): Iterable<FlashStep> {
		return this.flash.program(offset, data);
	}
}

const HEADER = 32;
const MAGIC = 0x31544344;

/** Two sectors that take turns. */
export class SectorDct implements Dct {
	readonly size = SIZE;
	readonly flash: FlashModel;
	readonly #sectors: [number, number];

	constructor(flash: FlashModel, first: number, second: number) {
		this.flash = flash;
		this.#sectors = [first, second];
	}

	read(offset: number, length: number): Uint8Array {
		return this.#table().slice(offset, offset + length);
	}

	*write(offset: number, data: Uint8Array): Iterable<FlashStep> {
		const table = this.#table();
		table.set(data.subarray(0, Math.max(0, Math.min(data.length, SIZE - offset))), offset);
		const current = this.#current();
		const next = current === this.#sectors[0] ? this.#sectors[1] : this.#sectors[0];
		const sequence = current === undefined ? 1 : this.flash.u32(current + 4) + 1;
		yield* this.flash.erase(next, SIZE);
		yield* this.flash.program(next + HEADER, table.subarray(0, SIZE - HEADER));
		const header = new DataView(new ArrayBuffer(8));
		header.setUint32(0, MAGIC, true);
		header.setUint32(4, sequence, true);
		// The magic goes last: until it is whole, the other sector counts.
		yield* this.flash.program(next + 4, new Uint8Array(header.buffer, 4, 4));
		yield* this.flash.program(next, new Uint8Array(header.buffer, 0, 4));
	}

	#table(): Uint8Array {
		const table = new Uint8Array(SIZE).fill(0xff);
		const current = this.#current();
		if (current !== undefined) table.set(this.flash.read(current + HEADER, SIZE - HEADER));
		return table;
	}

	#current(): number | undefined {
		let best: number | undefined;
		for (const sector of this.#sectors) {
			if (this.flash.u32(sector) !== MAGIC) continue;
			if (best === undefined || this.flash.u32(sector + 4) > this.flash.u32(best + 4)) best = sector;
		}
		return best;
	}
}

/** Time of one file write: a sector of the flash beneath erased and programmed. */
export function fileWriteMs(geometry: Pick<FlashGeometry, 'sectors' | 'programUnit' | 'programUs'>): number {
	const sector = geometry.sectors[0]!;
	return sector.eraseMs + (Math.ceil(sector.size / geometry.programUnit) * geometry.programUs) / 1000;
}
