/**
 * The device configuration table (DCT): 16 KB of settings that the bootloader, Device OS and DFU's alternate setting 1 share.
 * nRF52840 and RTL872x keep it in a file, so a write is a read-modify-write that either happens or does not. STM32F2 alternates between two
 * flash sectors, in the layouts that Device OS has there (docs/formats/dct.md): the new table is written whole into the other sector and made
 * valid last. Field offsets: `Platform.dct`.
 */
import type { DctStore, FlashGeometry } from '@linac/catalog';
import { type CurrentDct, type DctLayout, dctSectorFormat, dctSettings } from '@linac/firmware';
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

/** Two sectors that take turns, byte for byte as Device OS keeps them: what a restore image brings is read, and what is written is real. */
export class SectorDct implements Dct {
	readonly size = SIZE;
	readonly flash: FlashModel;
	readonly #layout: DctLayout;
	readonly #sectors: readonly [number, number];

	constructor(flash: FlashModel, store: DctStore) {
		this.flash = flash;
		this.#layout = store.layout;
		this.#sectors = store.sectors;
	}

	/** Behind the settings there is nothing of the table; it reads as blank. */
	read(offset: number, length: number): Uint8Array {
		const table = new Uint8Array(SIZE).fill(0xff);
		const { sectors, current } = this.#look();
		if (current) table.set(dctSettings(this.#layout, sectors[current.sector]));
		return table.slice(offset, offset + length);
	}

	*write(offset: number, data: Uint8Array): Iterable<FlashStep> {
		const format = dctSectorFormat(this.#layout);
		const { sectors, current } = this.#look();
		const old = current ? sectors[current.sector] : undefined;
		const settings = old ? dctSettings(this.#layout, old).slice() : new Uint8Array(format.capacity).fill(0xff);
		settings.set(
			data.subarray(0, Math.max(0, Math.min(data.length, format.capacity - offset))),
			Math.min(offset, format.capacity),
		);
		// Without a table Device OS first makes a blank one; here the first write goes straight to the first sector.
		const next = current?.sector === 0 ? 1 : 0;
		const places = { new: this.#sectors[next], old: this.#sectors[1 - next]! };
		yield* this.flash.erase(places.new, SIZE);
		for (const step of format.writes(format.build(settings, old), old !== undefined)) {
			yield* this.flash.program(places[step.sector] + step.offset, step.bytes);
		}
	}

	#look(): { sectors: [Uint8Array, Uint8Array]; current: CurrentDct | undefined } {
		const sectors: [Uint8Array, Uint8Array] = [this.flash.read(this.#sectors[0], SIZE), this.flash.read(this.#sectors[1], SIZE)];
		return { sectors, current: dctSectorFormat(this.#layout).current(...sectors) };
	}
}

/** Time of one file write: a sector of the flash beneath erased and programmed. */
export function fileWriteMs(geometry: Pick<FlashGeometry, 'sectors' | 'programUnit' | 'programUs'>): number {
	const sector = geometry.sectors[0]!;
	return sector.eraseMs + (Math.ceil(sector.size / geometry.programUnit) * geometry.programUs) / 1000;
}
