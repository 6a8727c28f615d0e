/**
 * A device in DFU mode: its memories, reading, erasing, writing and leaving, with ST's DfuSe extensions as Particle's bootloaders
 * have them. Every range is checked against the device's own memory map before anything is sent. What to write where is decided
 * elsewhere; the state machine is in `dfu-session.ts`. Format: docs/formats/dfu.md.
 */
import { address as hex, LinacError, throwIfCancelled } from '@linac/core';
import { parseConfigurationDescriptor, parseStringDescriptor } from './descriptors.js';
import { DfuSession, type DfuWrite } from './dfu-session.js';
import { type DfuSegment, firstOutside, parseDfuMemory, sectorsOf } from './dfuse-memory.js';
import type { DiscoveredDevice } from './discovery.js';
import { type OpenOptions, UsbConnection } from './usb-connection.js';

export interface DfuAlternateSetting {
	number: number;
	name: string;
	segments: DfuSegment[];
}

export interface DfuProgress {
	/** Bytes of the range. */
	onProgress?(done: number, total: number): void;
	/** Looked at between blocks: what has been begun is finished first. */
	signal?: AbortSignal;
}

/** Data blocks are counted from 2 (ST AN3156): 0 is for commands, 1 is not used. */
const FIRST_BLOCK = 2;
/** Sectors are erased just before they are programmed, as many at a time as fill this, so that few SET_ADDRESS are needed. Bytes. */
const ERASE_AHEAD = 64 * 1024;
/** How long a bootloader may take to reset after it was told to leave, ms. It does so after about 500 ms. */
const LEAVE_TIMEOUT_MS = 15_000;

export class DfuDevice {
	readonly found: DiscoveredDevice;
	readonly alternates: DfuAlternateSetting[] = [];
	readonly #connection: UsbConnection;
	readonly #session: DfuSession;
	/** Bytes of one block: the device computes addresses with it, whatever the host sends. */
	readonly #blockSize: number;
	#alternate: number | undefined;
	#bytesWritten = 0;
	#bytesRead = 0;

	/**
	 * Opens a device in DFU mode, reads its memory maps, and brings its state machine to dfuIDLE, wherever it was.
	 * Throws `USB_BUSY`, `USB_PERMISSION`, `USB_DISCONNECTED`, `USB_TIMEOUT`, `DFU_STATUS`, or `PROTOCOL_ERROR` for a device without DFU.
	 */
	static async open(found: DiscoveredDevice, options: OpenOptions): Promise<DfuDevice> {
		const number = dfuInterface(found.handle.device);
		const connection = await UsbConnection.open(found, number, options);
		try {
			const configuration = parseConfigurationDescriptor(await connection.readConfiguration());
			const settings = configuration.alternates.filter((a) => a.interfaceNumber === number && a.interfaceClass === 0xfe);
			if (settings.length === 0) {
				throw new LinacError('PROTOCOL_ERROR', `The ${connection.name} has no DFU interface.`, { retry: 'never' });
			}
			const session = new DfuSession(connection, number);
			const dfu = new DfuDevice(found, connection, session, configuration.dfu?.transferSize ?? 0);
			for (const setting of settings) {
				const bytes = setting.nameString === 0 ? undefined : await connection.readString(setting.nameString);
				const name = (bytes && parseStringDescriptor(bytes)) ?? '';
				const memory = parseDfuMemory(name);
				// An alternate setting whose map cannot be read offers nothing: a write to it is refused before it is sent.
				if (!memory.ok) connection.log.warn('A DfuSe interface string cannot be read.', { name, problems: memory.problems });
				dfu.alternates.push({ number: setting.alternate, name, segments: memory.ok ? memory.value.segments : [] });
			}
			await session.resynchronise();
			return dfu;
		} catch (error) {
			await connection.close();
			throw error;
		}
	}

	private constructor(found: DiscoveredDevice, connection: UsbConnection, session: DfuSession, transferSize: number) {
		this.found = found;
		this.#connection = connection;
		this.#session = session;
		this.#blockSize = transferSize >= 64 && transferSize <= 4096 ? transferSize : 4096;
	}

	/** Bytes of flash content, and transfers of any kind, since it was opened. */
	get counters(): { bytesWritten: number; bytesRead: number; transfers: number } {
		return { bytesWritten: this.#bytesWritten, bytesRead: this.#bytesRead, transfers: this.#connection.transfers };
	}

	/** Reads a range. Throws `DFU_OUT_OF_RANGE` (nothing sent) where the device's map has no readable memory. */
	async read(alternate: number, address: number, length: number, options: DfuProgress = {}): Promise<Uint8Array> {
		this.#check(alternate, address, length, 'readable');
		throwIfCancelled(options.signal);
		await this.#select(alternate);
		const bytes = new Uint8Array(length);
		const base = await this.#base(address, length);
		const reads = blocksOf(length, this.#blockSize).map(({ from, to }) => ({
			block: base + from / this.#blockSize,
			length: to - from,
			during: `while ${to - from} bytes at ${hex(address + from)} were read`,
		}));
		let done = 0;
		await this.#session.upload(
			reads,
			(_, block) => {
				bytes.set(block, done);
				done += block.length;
				this.#bytesRead += block.length;
				options.onProgress?.(done, length);
			},
			options.signal,
		);
		return bytes;
	}

	/** Erases every sector that the range touches, each once. Throws `DFU_OUT_OF_RANGE` (nothing sent) where that is not possible. */
	async erase(alternate: number, address: number, length: number, options: DfuProgress = {}): Promise<void> {
		const setting = this.#check(alternate, address, length, 'erasable');
		throwIfCancelled(options.signal);
		await this.#select(alternate);
		const sectors = sectorsOf(setting.segments, address, length);
		let erased = 0;
		await this.#session.write(
			sectors.map((sector) => ({ kind: 'erase', address: sector.start })),
			() => options.onProgress?.(Math.min(sectors[erased++]!.end - address, length), length),
			options.signal,
		);
	}

	/**
	 * Writes a range, by default after erasing every sector that it touches, whole, each once, just before it is programmed.
	 * `erase: false` is for the DCT, whose writes replace bytes. Throws `DFU_OUT_OF_RANGE` (nothing sent), `DFU_STATUS`.
	 */
	async write(
		alternate: number,
		address: number,
		bytes: Uint8Array,
		options: DfuProgress & { erase?: boolean } = {},
	): Promise<void> {
		const setting = this.#check(alternate, address, bytes.length, 'writable');
		const erase = options.erase ?? true;
		if (erase) this.#check(alternate, address, bytes.length, 'erasable');
		throwIfCancelled(options.signal);
		await this.#select(alternate);
		const end = address + bytes.length;
		const sectors = sectorsOf(setting.segments, address, bytes.length);
		const writes: DfuWrite[] = [];
		for (let first = 0; first < sectors.length; ) {
			let last = first;
			while (erase && last + 1 < sectors.length && sectors[last + 1]!.end - sectors[first]!.start <= ERASE_AHEAD) last++;
			if (!erase) last = sectors.length - 1;
			if (erase) for (const { start } of sectors.slice(first, last + 1)) writes.push({ kind: 'erase', address: start });
			const from = Math.max(address, sectors[first]!.start);
			const to = Math.min(end, sectors[last]!.end);
			if (erase || this.#session.pointer !== from) writes.push({ kind: 'address', address: from });
			for (const block of blocksOf(to - from, this.#blockSize)) {
				writes.push({
					kind: 'program',
					address: from + block.from,
					block: FIRST_BLOCK + block.from / this.#blockSize,
					data: bytes.subarray(from - address + block.from, from - address + block.to),
				});
			}
			first = last + 1;
		}
		let done = 0;
		await this.#session.write(
			writes,
			(write) => {
				if (write.kind !== 'program') return;
				done += write.data.length;
				this.#bytesWritten += write.data.length;
				options.onProgress?.(done, bytes.length);
			},
			options.signal,
		);
	}

	/**
	 * Leaves DFU: the device resets and starts what is on it. Resolves when this attachment has left the bus; the device object is
	 * closed then. Throws `USB_TIMEOUT` when it stays.
	 */
	async leave(options: { signal?: AbortSignal } = {}): Promise<void> {
		throwIfCancelled(options.signal);
		await this.#session.requestLeave();
		await this.#connection.waitGone(LEAVE_TIMEOUT_MS, 'after it was told to leave DFU mode', options.signal);
	}

	/**
	 * How the device is protected (Device OS >= 6): string descriptor 0xFA says it since 6.1.2 (`sm=o`, `p` or `s`; particle-usb
	 * v4: dfu.js); before, a device whose every sector is only erasable is protected. `undefined` where nothing tells it.
	 */
	async protection(): Promise<'open' | 'service' | 'protected' | undefined> {
		const bytes = await this.#connection.readString(0xfa);
		const mode = /(?:^|;)\s*sm=\s*([ops])/.exec((bytes && parseStringDescriptor(bytes)) ?? '')?.[1];
		if (mode) return mode === 'o' ? 'open' : mode === 's' ? 'service' : 'protected';
		const segments = this.alternates.flatMap((a) => a.segments);
		const shut = segments.length > 0 && segments.every((s) => !s.readable && !s.writable);
		return shut ? 'protected' : undefined;
	}

	async close(): Promise<void> {
		await this.#connection.close();
	}

	/** The block number at which an UPLOAD of `address` begins: the pointer is used as it stands where it can be. */
	async #base(address: number, length: number): Promise<number> {
		const pointer = this.#session.pointer;
		if (pointer !== undefined && address >= pointer && (address - pointer) % this.#blockSize === 0) {
			const first = FIRST_BLOCK + (address - pointer) / this.#blockSize;
			// Block numbers have 16 bits.
			if (first + length / this.#blockSize < 0xffff) return first;
		}
		await this.#session.setAddress(address);
		return FIRST_BLOCK;
	}

	async #select(alternate: number): Promise<void> {
		if (this.#alternate === alternate) return;
		this.#alternate = undefined;
		await this.#session.selectAlternate(alternate);
		this.#alternate = alternate;
	}

	#check(
		alternate: number,
		address: number,
		length: number,
		property: 'readable' | 'erasable' | 'writable',
	): DfuAlternateSetting {
		const setting = this.alternates.find((a) => a.number === alternate);
		const refuse = (why: string, at: number) =>
			new LinacError('DFU_OUT_OF_RANGE', `${length} bytes at ${hex(address)} of alternate setting ${alternate}: ${why}.`, {
				retry: 'never',
				details: { alternate, address, length, at, map: setting?.name ?? '' },
			});
		if (!setting) throw refuse(`the device has only ${this.alternates.length} alternate settings`, address);
		const whole = Number.isInteger(address) && Number.isInteger(length) && address >= 0 && length > 0;
		if (!whole || address + length > 0x1_0000_0000) throw refuse('this is no range of addresses', address);
		const outside = firstOutside(setting.segments, address, length);
		if (outside !== undefined) throw refuse(`there is no memory at ${hex(outside)} ("${setting.name}")`, outside);
		const without = firstOutside(setting.segments, address, length, property);
		if (without !== undefined) throw refuse(`${hex(without)} is not ${property} ("${setting.name}")`, without);
		return setting;
	}
}

/** Cuts a range into blocks as the device counts them; the last one may be shorter. */
function blocksOf(length: number, size: number): { from: number; to: number }[] {
	return Array.from({ length: Math.ceil(length / size) }, (_, i) => ({ from: i * size, to: Math.min(length, (i + 1) * size) }));
}

/** Number of the interface that speaks DFU: class 0xFE, subclass 1 (DFU 1.1 section 4.2.1). Particle's is 0. */
function dfuInterface(device: USBDevice): number {
	const configuration = device.configuration ?? device.configurations[0];
	for (const face of configuration?.interfaces ?? []) {
		if (face.alternates.some((a) => a.interfaceClass === 0xfe && a.interfaceSubclass === 1)) return face.interfaceNumber;
	}
	return 0;
}
