/**
 * As much of the protocol buffers wire format as the device side of control requests needs. Written apart from the host's
 * (packages/usb) on purpose. https://protobuf.dev/programming-guides/encoding/
 */
import { concatBytes } from '@linac/core';

function varint(value: number): number[] {
	const out: number[] = [];
	let v = value;
	if (v < 0) throw new RangeError('negative varints are not used here');
	do {
		out.push((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v = Math.floor(v / 128);
	} while (v > 0);
	return out;
}

/** proto3: a field with its default value is left out. */
export function uintField(field: number, value: number): Uint8Array {
	return value === 0 ? new Uint8Array(0) : Uint8Array.from([...varint(field << 3), ...varint(value)]);
}

export function fixed32Field(field: number, value: number): Uint8Array {
	if (value === 0) return new Uint8Array(0);
	return Uint8Array.from([...varint((field << 3) | 5), value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);
}

export function bytesField(field: number, value: Uint8Array): Uint8Array {
	return concatBytes([Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);
}

export function stringField(field: number, value: string): Uint8Array {
	return value === '' ? new Uint8Array(0) : bytesField(field, new TextEncoder().encode(value));
}

export function message(...fields: Uint8Array[]): Uint8Array {
	return concatBytes(fields);
}

export interface DecodedMessage {
	uint(field: number): number;
	bytes(field: number): Uint8Array | undefined;
}

/** `undefined` when the bytes are not a message. Groups are refused, as nanopb does. */
export function decode(data: Uint8Array): DecodedMessage | undefined {
	const numbers = new Map<number, number>();
	const blobs = new Map<number, Uint8Array>();
	let at = 0;
	const next = (): number | undefined => {
		let value = 0;
		let scale = 1;
		for (let i = 0; i < 10; i++) {
			const b = data[at++];
			if (b === undefined) return undefined;
			value += (b & 0x7f) * scale;
			if (b < 0x80) return value;
			scale *= 128;
		}
		return undefined;
	};
	while (at < data.length) {
		const key = next();
		if (key === undefined) return undefined;
		const field = Math.floor(key / 8);
		switch (key & 7) {
			case 0: {
				const value = next();
				if (value === undefined) return undefined;
				numbers.set(field, value);
				break;
			}
			case 1:
				at += 8;
				break;
			case 2: {
				const length = next();
				if (length === undefined || at + length > data.length) return undefined;
				blobs.set(field, data.subarray(at, at + length));
				at += length;
				break;
			}
			case 5:
				at += 4;
				break;
			default:
				return undefined;
		}
		if (at > data.length) return undefined;
	}
	return { uint: (field) => numbers.get(field) ?? 0, bytes: (field) => blobs.get(field) };
}
