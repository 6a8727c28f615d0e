/** The 8-byte setup packet of USB 2.0 chapter 9.3, taken apart. */
import { u16le } from '@linac/core';

export interface SetupPacket {
	requestType: number;
	/** Device to host. */
	in: boolean;
	type: 'standard' | 'class' | 'vendor' | 'reserved';
	recipient: 'device' | 'interface' | 'endpoint' | 'other';
	request: number;
	value: number;
	index: number;
	length: number;
}

export function parseSetup(bytes: Uint8Array): SetupPacket {
	const requestType = bytes[0]!;
	return {
		requestType,
		in: (requestType & 0x80) !== 0,
		type: (['standard', 'class', 'vendor', 'reserved'] as const)[(requestType >> 5) & 3]!,
		recipient: (['device', 'interface', 'endpoint', 'other'] as const)[requestType & 0x1f] ?? 'other',
		request: bytes[1]!,
		value: u16le(bytes, 2),
		index: u16le(bytes, 4),
		length: u16le(bytes, 6),
	};
}

/** What a USB function answers: data (empty for OUT and for nothing), or `stall`. */
export type Answer = Uint8Array | 'stall';

export const nothing = new Uint8Array(0);
