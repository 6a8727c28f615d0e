/**
 * What every layout of a pair of DCT sectors can do. The layouts: wiced.ts, dcd.ts; which one is which, for callers: layout.ts.
 */

/** Bytes of a sector in both layouts. */
export const DCT_SECTOR_SIZE = 0x4000;

/** A sector that holds a table. */
export interface CurrentDct {
	/** 0: the first sector, 1: the second. */
	sector: 0 | 1;
	/** `unchecked`: the layout lets a table without a checksum pass, and this one has none. */
	checksum: 'right' | 'wrong' | 'unchecked';
	/** The sequence number (0 ... 255, wiced) or counter (0 ... 3, dcd) that tells the newer table. */
	generation: number;
}

/** Bytes to be programmed. `offset` counts from the start of the sector. */
export interface DctSectorWrite {
	sector: 'new' | 'old';
	offset: number;
	bytes: Uint8Array;
}

export interface DctSectorFormat {
	/** Where the settings begin in the sector, and how many bytes of them there are. */
	readonly dataOffset: number;
	readonly capacity: number;
	/**
	 * A whole sector with these settings, as the device itself would have written it; what `data` does not reach is 0xFF.
	 * @param from a whole sector whose other parts (Wi-Fi networks and the like) are kept and whose number is counted on
	 */
	build(data: Uint8Array, from?: Uint8Array): Uint8Array<ArrayBuffer>;
	/** Which of the two sectors the device reads. Undefined: neither, it starts with a blank table. */
	current(first: Uint8Array, second: Uint8Array): CurrentDct | undefined;
	/** What is programmed, and in which order, after the new sector has been erased. `hadOld`: there is a table in the other one. */
	writes(sector: Uint8Array, hadOld: boolean): DctSectorWrite[];
}
