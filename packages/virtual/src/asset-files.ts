/**
 * The file system in which a device keeps assets, as far as it shows from outside: whole blocks, a few bytes of each for itself, some blocks always
 * free, a file that counts only once it has been closed. Device OS has a LittleFS there (device-os v6.2.0: hal/shared/filesystem.cpp,
 * FILESYSTEM_INSTANCE_ASSET_STORAGE); the layout of the blocks here is linac's own. What is in the files is read in asset-manager.ts.
 */
import { assetStore, type MemoryRegion } from '@linac/catalog';
import { concatBytes, putU16le, u16le } from '@linac/core';
import type { FlashModel, FlashStep } from './flash-model.js';
import type { Hardware } from './hardware.js';

/** Head of a block: magic number, number of the file, place in it, two bytes that are cleared when it is closed and when it is removed. */
const HEAD = 8;
const MAGIC = 0x5341;
const CLOSED_AT = 6;
const REMOVED_AT = 7;

interface Volume {
	flash: FlashModel;
	region: MemoryRegion;
	blockSize: number;
	/** Blocks that files can have. */
	usable: number;
	addresses: number[];
}

interface Block {
	address: number;
	file: number;
	place: number;
	closed: boolean;
	removed: boolean;
}

export interface AssetFile {
	/** Address of its first block: the file's name for this module. */
	at: number;
	blocks: number;
	/** Everything in its blocks; the last is filled up with what was there. */
	bytes: Uint8Array;
}

function volumeOf(hw: Hardware, systemVersion: number): Volume | undefined {
	const store = assetStore(hw.platform, systemVersion);
	const region = hw.region('assets', systemVersion);
	if (!store || !region) return undefined;
	const addresses = Array.from({ length: store.blocks }, (_, i) => region.start + i * store.blockSize);
	return {
		flash: hw.flash(region.storage),
		region,
		blockSize: store.blockSize,
		usable: Math.floor(store.usable / store.blockSize),
		addresses,
	};
}

/** Whether firmware of this version keeps assets on this platform. */
export function keepsAssets(hw: Hardware, systemVersion: number): boolean {
	return volumeOf(hw, systemVersion) !== undefined;
}

function blocksOf(volume: Volume): Block[] {
	return volume.addresses.flatMap((address) => {
		const head = volume.flash.read(address, HEAD);
		if (u16le(head, 0) !== MAGIC) return [];
		return {
			address,
			file: u16le(head, 2),
			place: u16le(head, 4),
			closed: head[CLOSED_AT] === 0,
			removed: head[REMOVED_AT] !== 0xff,
		};
	});
}

/** Blocks of files that are there, by the number of the file. */
function files(volume: Volume): Map<number, Block[]> {
	const blocks = blocksOf(volume);
	const there = new Map<number, Block[]>();
	for (const first of blocks) {
		if (first.place !== 0 || !first.closed || first.removed) continue;
		const own = blocks.filter((b) => b.file === first.file).sort((a, b) => a.place - b.place);
		there.set(first.file, own);
	}
	return there;
}

export function readAssetFiles(hw: Hardware, systemVersion: number): AssetFile[] {
	const volume = volumeOf(hw, systemVersion);
	if (!volume) return [];
	return [...files(volume).values()].map((blocks) => ({
		at: blocks[0]!.address,
		blocks: blocks.length,
		bytes: concatBytes(blocks.map((b) => volume.flash.read(b.address + HEAD, volume.blockSize - HEAD))),
	}));
}

export function removeAssetFile(hw: Hardware, systemVersion: number, file: AssetFile): FlashStep[] {
	return volumeOf(hw, systemVersion)?.flash.program(file.at + REMOVED_AT, Uint8Array.of(0)) ?? [];
}

/** Writes a file; closed at the end. `undefined` when there is not room enough for it: then it is not begun. */
export function writeAssetFile(hw: Hardware, systemVersion: number, bytes: Uint8Array): Iterable<FlashStep> | undefined {
	const volume = volumeOf(hw, systemVersion);
	if (!volume) return undefined;
	const room = volume.blockSize - HEAD;
	const needed = Math.max(1, Math.ceil(bytes.length / room));
	const there = files(volume);
	const taken = new Set([...there.values()].flat().map((b) => b.address));
	if (taken.size + needed > volume.usable) return undefined;
	const numbers = new Set(blocksOf(volume).map((b) => b.file));
	let number = 1;
	while (numbers.has(number)) number++;
	const free = volume.addresses.filter((a) => !taken.has(a)).slice(0, needed);
	return write(volume, free, number, bytes, room);
}

function* write(volume: Volume, free: number[], number: number, bytes: Uint8Array, room: number): Iterable<FlashStep> {
	const { flash, blockSize } = volume;
	for (const [place, address] of free.entries()) {
		if (flash.read(address, blockSize).some((b) => b !== 0xff)) yield* flash.erase(address, blockSize);
		const head = new Uint8Array(HEAD).fill(0xff);
		putU16le(head, 0, MAGIC);
		putU16le(head, 2, number);
		putU16le(head, 4, place);
		yield* flash.program(address, concatBytes([head, bytes.subarray(place * room, (place + 1) * room)]));
	}
	yield* flash.program(free[0]! + CLOSED_AT, Uint8Array.of(0));
}
