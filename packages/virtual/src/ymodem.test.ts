/** The sender of @linac/serial against the receiver as Device OS has it, over a line that loses and adds bytes. */
import { concatBytes, equalBytes, LinacError, VirtualClock } from '@linac/core';
import { type ByteStream, crc16, ReceivedBytes, sendYmodem, serialError } from '@linac/serial';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SerialPipe } from './serial-pipe.js';
import { type Received, receiveYmodem } from './ymodem-receiver.js';

/** Faults by the number of the byte that they strike at, from 0. */
interface Faults {
	/** Bytes of the device that do not arrive. */
	lost?: readonly number[];
	/** Bytes that arrive before a byte of the device. */
	noise?: ReadonlyMap<number, readonly number[]>;
	/** Bytes of the host that do not arrive. */
	lostOut?: readonly number[];
	/** The device vanishes when the host has sent so many bytes. */
	goneAfter?: number;
	/** The device cannot write what lies behind so many bytes. */
	fullAt?: number;
}

interface Outcome {
	received: Received | 'still waiting';
	file: Uint8Array;
	sent: string | LinacError;
	progress: number[];
}

async function transfer(bytes: Uint8Array, faults: Faults = {}, stop?: { after: number }): Promise<Outcome> {
	const clock = new VirtualClock();
	const pipe = new SerialPipe();
	const host = new ReceivedBytes('line', clock);
	const parts: Uint8Array[] = [];
	let fromDevice = 0;
	let fromHost = 0;
	void (async () => {
		for (;;) {
			for (const byte of await pipe.fetch(1)) {
				const n = fromDevice++;
				const noise = faults.noise?.get(n);
				if (noise) host.push(Uint8Array.from(noise));
				if (!faults.lost?.includes(n)) host.push(Uint8Array.of(byte));
			}
		}
	})();
	const stream: ByteStream = {
		read: (timeoutMs, cancel) => host.read(timeoutMs, cancel),
		async write(data) {
			if (host.failure) throw host.failure;
			pipe.deliver(data.filter(() => !(faults.lostOut ?? []).includes(fromHost++)));
			if (faults.goneAfter !== undefined && fromHost >= faults.goneAfter) {
				host.fail(serialError('SERIAL_CLOSED', 'The device at line has gone.'));
				pipe.end();
			}
		},
		setRate: async () => {},
		close: async () => {},
	};
	let received: Outcome['received'] = 'still waiting';
	const device = receiveYmodem(pipe, clock, {
		begin: async () => true,
		save: async (offset, data) => {
			if (faults.fullAt !== undefined && offset >= faults.fullAt) return false;
			parts.push(data.slice());
			return true;
		},
	}).then(
		(r) => {
			received = r;
			// What Device OS says then, depending on whether the module's own check value is right.
			const whole = equalBytes(concatBytes(parts).subarray(0, bytes.length), bytes);
			if (r.size > 0 && whole) pipe.print('\x06\r\nDownloaded file successfully!\r\n');
			else if (r.size > 0) pipe.print('\x18\x18Validation failed: -1330\r\n');
			else pipe.print('\x18\x18Failed to receive the file!\r\n');
		},
		() => {},
	);
	const progress: number[] = [];
	const cancel = new AbortController();
	const options = {
		clock,
		signal: cancel.signal,
		onProgress: (done: number) => {
			progress.push(done);
			if (stop && done >= stop.after) cancel.abort();
		},
	};
	const sent = await sendYmodem(stream, bytes, options).catch((error: unknown) => error as LinacError);
	if (typeof sent === 'string') await device;
	await Promise.race([device, clock.sleep(60_000)]);
	return { received, file: concatBytes(parts), sent, progress };
}

const file = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

test('a file of any length arrives, byte for byte, and the device is told its size', async () => {
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5000 }), async (bytes) => {
			const { received, file, sent, progress } = await transfer(bytes);
			expect(sent).toContain('successfully');
			expect(received).toMatchObject({ size: bytes.length, name: 'firmware.bin' });
			expect(equalBytes(file.subarray(0, bytes.length), bytes)).toBe(true);
			expect(progress.at(-1)).toBe(bytes.length);
		}),
		{ numRuns: 30 },
	);
});

test('whatever the line loses or adds, the end is success with the right bytes or an error with a code, never silence', async () => {
	const index = fc.nat({ max: 30 });
	await fc.assert(
		fc.asyncProperty(
			fc.record({
				lost: fc.array(index, { maxLength: 3 }),
				noise: fc.array(fc.tuple(index, fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 })), { maxLength: 2 }),
				lostOut: fc.array(fc.nat({ max: 9000 }), { maxLength: 2 }),
			}),
			async ({ lost, noise, lostOut }) => {
				const bytes = file(7000);
				const { file: got, sent } = await transfer(bytes, { lost, noise: new Map(noise), lostOut });
				if (typeof sent === 'string') expect(equalBytes(got.subarray(0, bytes.length), bytes)).toBe(true);
				else expect(sent).toBeInstanceOf(LinacError);
			},
		),
		{ numRuns: 120 },
	);
});

test.each([0, 1, 2, 3, 6, 7])(
	'when acknowledgement number %i is lost, the transfer goes on and nothing is written twice',
	async (n) => {
		// Byte 0 acknowledges block 0, byte 1 is the "C" behind it, the others acknowledge blocks, the end of the file, and the verdict.
		const bytes = file(5000);
		const { received, file: got, sent } = await transfer(bytes, { lost: [n] });
		expect(sent).toContain('successfully');
		expect(received).toMatchObject({ size: 5000 });
		expect(got.length).toBe(5 * 1024);
		expect(equalBytes(got.subarray(0, 5000), bytes)).toBe(true);
	},
);

test('a byte of a block that is lost on the way is made up for by sending the block again', async () => {
	const bytes = file(3000);
	const { sent, file: got } = await transfer(bytes, { lostOut: [133 + 500] });
	expect(sent).toContain('successfully');
	expect(equalBytes(got.subarray(0, 3000), bytes)).toBe(true);
});

test('a device that cancels is told with its own words, and nothing more is sent', async () => {
	const { sent } = await transfer(file(5000), { fullAt: 2048 });
	expect(sent).toMatchObject({ code: 'YMODEM_REFUSED', retry: 'never' });
	expect((sent as LinacError).message).toContain('block 3');
	expect((sent as LinacError).message).toContain('Failed to receive the file!');
});

test('a module that arrived damaged is refused by the device, and that is no success', async () => {
	// Two bytes less in one block and two more in its place keep the length: the CRC of YMODEM, which Device OS ignores, is the only witness.
	const { sent } = await transfer(file(3000), { lostOut: [133 + 10], noise: new Map() });
	expect(sent).toContain('successfully');
	const clock = new VirtualClock();
	const host = new ReceivedBytes('line', clock);
	const replies = ['\x06C', '\x06', '\x06', '\x18\x18Validation failed: -1330\r\n'];
	const stream: ByteStream = {
		read: (timeoutMs) => host.read(timeoutMs),
		write: async () => host.push(new TextEncoder().encode(replies.shift() ?? '')),
		setRate: async () => {},
		close: async () => {},
	};
	await expect(sendYmodem(stream, file(100), { clock })).rejects.toMatchObject({
		code: 'YMODEM_REFUSED',
		message: expect.stringContaining('Validation failed: -1330'),
	});
});

test('a device that vanishes in the middle ends the transfer at once', async () => {
	const { sent } = await transfer(file(5000), { goneAfter: 2500 });
	expect(sent).toMatchObject({ code: 'SERIAL_CLOSED', retry: 'reconnect' });
});

test('a device that says nothing is given up after a few tries', async () => {
	const clock = new VirtualClock();
	const host = new ReceivedBytes('line', clock);
	let written = 0;
	const stream: ByteStream = {
		read: (timeoutMs) => host.read(timeoutMs),
		write: async (data) => {
			written += data.length;
		},
		setRate: async () => {},
		close: async () => {},
	};
	await expect(sendYmodem(stream, file(100), { clock })).rejects.toMatchObject({ code: 'YMODEM_FAILED' });
	expect(written).toBeLessThan(2000);
	expect(clock.now()).toBeLessThan(10 * 60_000);
});

test('cancelling between two blocks tells the device to forget the file', async () => {
	const { sent, received, progress } = await transfer(file(20_000), {}, { after: 5000 });
	expect(progress.at(-1)).toBe(5120);
	expect(sent).toMatchObject({ code: 'CANCELLED' });
	expect(received).toEqual({ size: 0 });
});

test('the check value is that of CRC-16/XMODEM', () => {
	// The check value of the catalogue of CRC algorithms for "123456789".
	expect(crc16(new TextEncoder().encode('123456789'))).toBe(0x31c3);
});
