import { LinacError, VirtualClock } from '@linac/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ByteStream, ListeningDevice, parseModuleInfo, ReceivedBytes } from './index.js';

/** A device that answers every command with these bytes; `slowly` gives one byte every 100 ms, for ever. */
function device(
	reply: string | Uint8Array,
	slowly = false,
): { listening: ListeningDevice; clock: VirtualClock; written: string[] } {
	const clock = new VirtualClock();
	const received = new ReceivedBytes('line', clock);
	const written: string[] = [];
	const bytes = typeof reply === 'string' ? Uint8Array.from(reply, (c) => c.charCodeAt(0)) : reply;
	const stream: ByteStream = {
		read: (timeoutMs, signal) => received.read(timeoutMs, signal),
		write: async (data) => {
			written.push(new TextDecoder().decode(data));
			if (!slowly) return received.push(bytes);
			void (async () => {
				for (let i = 0; i < 10_000; i++) {
					await clock.sleep(100);
					received.push(bytes.subarray(i % bytes.length, (i % bytes.length) + 1));
				}
			})();
		},
		setRate: async () => {},
		close: async () => {},
	};
	return { listening: new ListeningDevice(stream, clock), clock, written };
}

const id = '0123456789abcdef01234567';

test.each([
	['a Photon', `Your device id is ${id.toUpperCase()}\r\n`, { deviceId: id }],
	['a Core', `Your core id is ${id}\r\n`, { deviceId: id }],
	[
		'an Electron before 1.2.0',
		`Device ID: ${id}\r\nIMEI: 353162070000000\r\nICCID: 8934076500002589174\r\n`,
		{ deviceId: id, imei: '353162070000000', iccid: '8934076500002589174' },
	],
	[
		'a Boron',
		`Device ID: ${id}\r\nDevice Secret: ABCDEFGHIJKLMNO\r\nSerial Number: B40HAB000XXXXXX\r\nIMEI: 352753000000000\r\nICCID: 8934076500000000000\r\nCell Radio Version: L0.0.00.00.05.08,A.02.04\r\n`,
		{
			deviceId: id,
			deviceSecret: 'ABCDEFGHIJKLMNO',
			serialNumber: 'B40HAB000XXXXXX',
			imei: '352753000000000',
			iccid: '8934076500000000000',
			radioVersion: 'L0.0.00.00.05.08,A.02.04',
		},
	],
])('the identity of %s is read, with an application printing around it', async (_who, reply, expected) => {
	const { listening } = device(`temperature 21.5\r\n${reply}temperature 21.6\r\n`);
	expect(await listening.identity()).toEqual(expected);
});

test('an id that is none is refused, and the secret beside it is not repeated', async () => {
	const { listening } = device('Device ID: 1234\r\nDevice Secret: ABCDEFGHIJKLMNO\r\n');
	const error = await listening.identity().catch((e: LinacError) => e);
	expect(error).toMatchObject({ code: 'SERIAL_REPLY' });
	expect(JSON.stringify(error)).not.toContain('ABCDEFGHIJKLMNO');
});

test('versions are read in every form that releases print', async () => {
	expect(await device('system firmware version: 2.3.1\n\r\n').listening.version()).toBe('2.3.1');
	expect(await device('system firmware version: 5.0.0-alpha.1 minimal\n\r\n').listening.version()).toBe('5.0.0-alpha.1');
});

test('a MAC address of zeros is none', async () => {
	expect(await device('Your device MAC address is\r\nE0:4F:43:11:22:33\r\n').listening.mac()).toBe('e0:4f:43:11:22:33');
	expect(await device('Your device MAC address is\r\n00:00:00:00:00:00\r\n').listening.mac()).toBeUndefined();
});

test('Device OS 6 cancels a transfer before anything of the file has been sent', async () => {
	const { listening, written } = device(
		"Waiting for the binary file to be sent ... (press 'a' to abort)\r\n\x18\x18\x18\x18Serial/YModem flashing is no longer supported\r\n",
	);
	await expect(listening.startFlashing()).rejects.toMatchObject({ code: 'YMODEM_UNSUPPORTED', retry: 'never' });
	expect(written).toEqual(['f']);
});

test('the module list of a real reply is read, and numbers that cannot be are refused', () => {
	const reply =
		'{"p":6,"m":[{"s":16384,"l":"m","vc":30,"vv":30,"f":"b","n":"0","v":1006,"d":[]},' +
		'{"s":262144,"l":"m","vc":30,"vv":26,"f":"s","n":"2","v":2302,"d":[{"f":"s","n":"1","v":2302},{"f":"b","n":"0","v":1006}]},' +
		`{"s":131072,"l":"m","vc":30,"vv":30,"u":"${'AB'.repeat(32)}","f":"u","n":"1","v":6,"d":[]}]}\r\n`;
	const info = parseModuleInfo(reply);
	expect(info).toMatchObject({ ok: true, value: { platformId: 6 } });
	if (!info.ok) return;
	expect(info.value.modules.map((m) => [m.function, m.index, m.version])).toEqual([
		[2, 0, 1006],
		[4, 2, 2302],
		[5, 1, 6],
	]);
	expect(info.value.modules[1]).toMatchObject({
		checkedFlags: 30,
		passedFlags: 26,
		dependencies: [{ function: 4 }, { function: 2 }],
	});
	expect(info.value.modules[2]!.hash).toBe('ab'.repeat(32));
	for (const broken of [
		'',
		'{}',
		'{"p":6}',
		'{"p":-1,"m":[]}',
		'{"p":6,"m":[{"f":"s","n":"900","v":1}]}',
		'{"p":6,"m":[{"f":"s","n":"1","v":1e99}]}',
		'{"p":6,"m":[null]}',
		'{"p":6,"m":"[]"}',
	])
		expect(parseModuleInfo(broken), broken).toMatchObject({ ok: false, problems: [{ code: 'SERIAL_REPLY' }] });
});

test('whatever a device prints, every command ends with an answer or with an error that has a code', async () => {
	const text = fc.oneof(
		fc.uint8Array({ maxLength: 300 }),
		fc.string({ maxLength: 200 }).map((s) => new TextEncoder().encode(`{"p":6,"m":[${s}]}\r\n`)),
		fc.string({ maxLength: 100 }).map((s) => new TextEncoder().encode(`Device ID: ${s}\r\n`)),
	);
	const commands = ['version', 'identity', 'mac', 'modules', 'claimed', 'diagnostics', 'startFlashing'] as const;
	await fc.assert(
		fc.asyncProperty(text, fc.constantFrom(...commands), async (bytes, command) => {
			const error = await device(bytes)
				.listening[command]()
				.then(
					() => undefined,
					(e: unknown) => e,
				);
			if (error !== undefined) expect(error).toBeInstanceOf(LinacError);
		}),
		{ numRuns: 150 },
	);
});

test('a device that prints for ever is given up after half a minute', async () => {
	const { listening, clock } = device('on and on ', true);
	await expect(listening.modules()).rejects.toMatchObject({ code: 'SERIAL_REPLY' });
	expect(clock.now()).toBeLessThan(60_000);
});

test('Wi-Fi credentials are given to the questions that are asked, in whatever order', async () => {
	const clock = new VirtualClock();
	const received = new ReceivedBytes('line', clock);
	const said: string[] = [];
	const questions = [
		'SSID: ',
		'Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ',
		'Password: ',
		'Thanks!\r\n\r\n    Particle <3 you!\r\n\r\n',
	];
	const stream: ByteStream = {
		read: (timeoutMs) => received.read(timeoutMs),
		write: async (data) => {
			said.push(new TextDecoder().decode(data));
			received.push(new TextEncoder().encode(questions.shift() ?? ''));
		},
		setRate: async () => {},
		close: async () => {},
	};
	await new ListeningDevice(stream, clock).setWifi({ ssid: 'home', security: 'wpa2', password: 'secret' });
	expect(said).toEqual(['w', 'home\n', '1\n', 'secret\n']);
});
