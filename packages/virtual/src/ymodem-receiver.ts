/**
 * YMODEM as Device OS receives it, quirks included (device-os v2.3.1: system/src/system_ymodem.cpp; the same through v5.9.0, v1.5.2 where said):
 * no check value is looked at; silence and bad packets are answered by 'C', but a block with another number by NAK, even one that it has already;
 * EOT is answered at once, and the module is checked only when the empty block 0 behind it has come.
 */
import type { Clock } from '@linac/core';
import { PowerLost } from './flash-worker.js';
import type { SerialPipe } from './serial-pipe.js';

export const Ymodem = { soh: 0x01, stx: 0x02, eot: 0x04, ack: 0x06, nak: 0x15, cancel: 0x18, crc: 0x43 } as const;
/** Each of its bytes is waited for so long, ms (NAK_TIMEOUT). */
const BYTE_TIMEOUT_MS = 5000;
const MAX_ERRORS = 5;
const NAME_ROOM = 256;
const SIZE_ROOM = 16;

/** Where the received bytes go. */
export interface YmodemTarget {
	/** False: it will not be taken. */
	begin(size: number): Promise<boolean>;
	/** False: it could not be written. */
	save(offset: number, data: Uint8Array): Promise<boolean>;
}

export type Received =
	| { size: number; name: string }
	/** -1: not taken; -2: not written; -3: the sender pressed a key; 0: cancelled or given up. */
	| { size: 0 | -1 | -2 | -3 };

type Packet =
	| { kind: 'data'; number: number; data: Uint8Array }
	| { kind: 'end' }
	| { kind: 'cancelled' }
	| { kind: 'abort' }
	| { kind: 'space' }
	| { kind: 'bad' };

export async function receiveYmodem(pipe: SerialPipe, clock: Clock, target: YmodemTarget): Promise<Received> {
	const send = (...bytes: number[]) => pipe.print(Uint8Array.from(bytes));
	let errors = 0;
	let size = 0;
	let name = '';
	let offset = 0;
	for (let expected = 0; ; ) {
		const packet = await receivePacket(pipe, clock);
		if (packet.kind === 'abort') {
			send(Ymodem.cancel, Ymodem.cancel);
			return { size: -3 };
		}
		if (packet.kind === 'space') {
			send(Ymodem.ack);
			continue;
		}
		if (packet.kind === 'bad') {
			errors++;
			send(Ymodem.crc);
			if (errors <= MAX_ERRORS) continue;
			send(Ymodem.cancel, Ymodem.cancel);
			return { size: 0 };
		}
		errors = 0;
		if (packet.kind === 'cancelled') {
			send(Ymodem.ack);
			return { size: 0 };
		}
		if (packet.kind === 'end') {
			send(Ymodem.ack);
			expected = 0;
			continue;
		}
		if (packet.number !== (expected & 0xff)) {
			send(Ymodem.nak);
			continue;
		}
		if (expected > 0) {
			if (!(await target.save(offset, packet.data))) {
				send(Ymodem.cancel, Ymodem.cancel);
				return { size: -2 };
			}
			offset += packet.data.length;
			send(Ymodem.ack);
		} else {
			if (packet.data[0] === 0) return size > 0 ? { size, name } : { size: 0 };
			({ name, size } = parseHead(packet.data));
			offset = 0;
			if (!(await target.begin(size))) {
				send(Ymodem.cancel, Ymodem.cancel);
				return { size: -1 };
			}
			send(Ymodem.ack, Ymodem.crc);
		}
		expected++;
	}
}

/** The size ends at a space, or after 15 characters: zeros alone do not end it, but `strtoul` stops at them. */
function parseHead(data: Uint8Array): { name: string; size: number } {
	let at = data.indexOf(0);
	if (at < 0 || at > NAME_ROOM) at = NAME_ROOM;
	const name = String.fromCharCode(...data.subarray(0, at));
	const rest = String.fromCharCode(...data.subarray(at + 1, at + SIZE_ROOM));
	const size = Number.parseInt(/^\s*\d+/.exec(rest.split(' ')[0] ?? '')?.[0] ?? '0', 10);
	return { name, size };
}

async function receivePacket(pipe: SerialPipe, clock: Clock): Promise<Packet> {
	const first = await receiveByte(pipe, clock);
	switch (first) {
		case Ymodem.soh:
		case Ymodem.stx:
			break;
		case Ymodem.eot:
			return { kind: 'end' };
		case Ymodem.cancel:
			return { kind: (await receiveByte(pipe, clock)) === Ymodem.cancel ? 'cancelled' : 'bad' };
		case 0x41:
		case 0x61:
			return { kind: 'abort' };
		case 0x20:
			return { kind: 'space' };
		default:
			return { kind: 'bad' };
	}
	const length = first === Ymodem.soh ? 128 : 1024;
	const bytes = new Uint8Array(length + 4);
	for (let i = 0; i < bytes.length; i++) {
		const byte = await receiveByte(pipe, clock);
		if (byte === undefined) return { kind: 'bad' };
		bytes[i] = byte;
	}
	if (bytes[0] !== (~bytes[1]! & 0xff)) return { kind: 'bad' };
	return { kind: 'data', number: bytes[0]!, data: bytes.subarray(2, 2 + length) };
}

async function receiveByte(pipe: SerialPipe, clock: Clock): Promise<number | undefined> {
	if (pipe.available === 0) {
		const nap = new AbortController();
		const late = clock.sleep(BYTE_TIMEOUT_MS, nap.signal).then(
			() => pipe.wake(),
			() => {},
		);
		await pipe.woken();
		nap.abort();
		await late;
		if (pipe.ended) throw new PowerLost();
	}
	return pipe.take();
}
