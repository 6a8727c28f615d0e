/** The seam of serial ports over Web Serial: a model of the browser's ports, behind which virtual devices stand. */
import { asPlatform, platforms } from '@linac/catalog';
import { systemClock } from '@linac/core';
import { usbIdsOf } from '@linac/programmer';
import { type ByteStream, ListeningDevice, type SerialHost } from '@linac/serial';
import { cdcSerialHost } from '@linac/usb';
import { standInApplication, standInRelease, VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { afterEach, expect, test } from 'vitest';
import { type BrowserSerial, browserSerialHost } from './browser-serial-host.js';

/** A port as Chromium has it: streams while it is open, one owner, `NetworkError` for everything that the operating system says. */
class ModelPort {
	connected = true;
	readable: ReadableStream<Uint8Array> | null = null;
	writable: WritableStream<Uint8Array> | null = null;
	readonly rates: number[] = [];
	/** Struck at the next bytes that come. */
	lineError: string | undefined;
	refuses: string | undefined;
	readonly #serial: SerialHost;
	#stream: ByteStream | undefined;

	constructor(serial: SerialHost) {
		this.#serial = serial;
	}

	getInfo() {
		return { usbVendorId: 0x2b04, usbProductId: 0xc00d };
	}

	async open({ baudRate }: { baudRate: number }): Promise<void> {
		if (this.#stream) throw new DOMException('The port is already open.', 'InvalidStateError');
		if (this.refuses) throw new DOMException('Failed to open serial port.', this.refuses);
		const port = (await this.#serial.ports())[0];
		if (!port) throw new DOMException('Failed to open serial port.', 'NetworkError');
		const stream = await this.#serial.open(port, baudRate);
		this.#stream = stream;
		this.rates.push(baudRate);
		this.readable = this.#readable(stream);
		this.writable = new WritableStream({ write: (data) => stream.write(data) });
	}

	#readable(stream: ByteStream): ReadableStream<Uint8Array> {
		const stop = new AbortController();
		return new ReadableStream({
			pull: async (controller) => {
				try {
					const bytes = await stream.read(60_000, stop.signal);
					if (this.lineError) {
						const name = this.lineError;
						this.lineError = undefined;
						this.readable = this.#readable(stream);
						controller.error(new DOMException('', name));
						return;
					}
					controller.enqueue(bytes);
				} catch {
					if (stop.signal.aborted) return;
					this.readable = null;
					controller.error(new DOMException('The device has been lost.', 'NetworkError'));
				}
			},
			cancel: () => stop.abort(),
		});
	}

	async setSignals(): Promise<void> {}

	async close(): Promise<void> {
		await this.#stream?.close();
		this.#stream = undefined;
		this.readable = null;
		this.writable = null;
	}
}

let device: VirtualDevice | undefined;
afterEach(() => device?.unplug());

async function boron() {
	const platform = asPlatform('boron');
	const modules = [...standInRelease(platform, '4.0.1').modules, standInApplication(platform, '4.0.1')].map((m) => m.module);
	device = new VirtualDevice({ platform, clock: systemClock, timing: 'none', modules, setupDone: true });
	device.plug();
	while (!device.attached) await systemClock.sleep(5);
	const port = new ModelPort(cdcSerialHost(virtualUsbHost(device.wireBus), platforms.map(usbIdsOf), systemClock));
	const serial = new EventTarget() as unknown as BrowserSerial & EventTarget;
	serial.getPorts = async () => [port as unknown as SerialPort];
	return { device, port, serial, host: browserSerialHost(serial, systemClock) };
}

test('a listening device says over Web Serial who it is, and the port can be used again afterwards', async () => {
	const { device: dev, host } = await boron();
	dev.holdMode();
	const [info] = await host.ports();
	expect(info).toEqual({ path: 'serial:1', vendorId: 0x2b04, productId: 0xc00d });
	for (let i = 0; i < 2; i++) {
		const stream = await host.open(info!, 9600);
		const listening = new ListeningDevice(stream, systemClock);
		expect(await listening.version()).toBe('4.0.1');
		expect((await listening.identity()).deviceId).toBe(dev.deviceId);
		await stream.close();
	}
	expect(await host.ports()).toEqual([info]);
});

test('a cable that comes out ends a read with SERIAL_CLOSED, and so does writing to a port that has gone', async () => {
	const { device: dev, host } = await boron();
	const stream = await host.open((await host.ports())[0]!, 9600);
	const reading = stream.read(5_000);
	dev.unplug();
	await expect(reading).rejects.toMatchObject({ code: 'SERIAL_CLOSED', retry: 'reconnect' });
	await expect(stream.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
	await stream.close();
});

test('nothing that comes is SERIAL_TIMEOUT, and a raised signal CANCELLED', async () => {
	const { host } = await boron();
	const stream = await host.open((await host.ports())[0]!, 9600);
	await expect(stream.read(20)).rejects.toMatchObject({ code: 'SERIAL_TIMEOUT' });
	const stop = new AbortController();
	const reading = stream.read(5_000, stop.signal);
	stop.abort();
	await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
	await stream.close();
});

test('a port that this page has open already is SERIAL_BUSY', async () => {
	const { host } = await boron();
	const [info] = await host.ports();
	const stream = await host.open(info!, 9600);
	await expect(host.open(info!, 9600)).rejects.toMatchObject({ code: 'SERIAL_BUSY', retry: 'operator' });
	await stream.close();
});

test('what the operating system refuses names both reasons that people meet: another program, and the group', async () => {
	const { host, port } = await boron();
	port.refuses = 'NetworkError';
	const [info] = await host.ports();
	await expect(host.open(info!, 9600)).rejects.toMatchObject({
		code: 'SERIAL_OPEN',
		hint: expect.stringMatching(/tab.*dialout/s),
	});
	port.refuses = 'SecurityError';
	await expect(host.open(info!, 9600)).rejects.toMatchObject({ code: 'SERIAL_PERMISSION' });
});

test('a device that leaves between the list and the opening is SERIAL_CLOSED, and is not listed any more', async () => {
	const { host, port } = await boron();
	const [info] = await host.ports();
	port.connected = false;
	expect(await host.ports()).toEqual([]);
	await expect(host.open(info!, 9600)).rejects.toMatchObject({ code: 'SERIAL_CLOSED' });
});

test('noise on the line costs the bytes that it hit, not the port', async () => {
	const { device: dev, host, port } = await boron();
	const stream = await host.open((await host.ports())[0]!, 9600);
	port.lineError = 'ParityError';
	dev.say('lost');
	await systemClock.sleep(20);
	dev.say('heard');
	expect(new TextDecoder().decode(await stream.read(5_000))).toBe('heard');
	await stream.close();
});

test('another speed is told to the device, which starts to listen at 28800', async () => {
	const { device: dev, host, port } = await boron();
	const stream = await host.open((await host.ports())[0]!, 9600);
	await stream.setRate(28_800);
	expect(port.rates).toEqual([9600, 28_800]);
	expect(dev.mode).toBe('listening');
	expect(await new ListeningDevice(stream, systemClock).version()).toBe('4.0.1');
	await stream.close();
});

test('whoever watches hears of ports that come and go, until they stop', async () => {
	const { host, serial } = await boron();
	let heard = 0;
	const stop = host.watch(() => heard++);
	serial.dispatchEvent(new Event('connect'));
	serial.dispatchEvent(new Event('disconnect'));
	stop();
	serial.dispatchEvent(new Event('connect'));
	expect(heard).toBe(2);
});
