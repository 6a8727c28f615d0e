import type { UsbTransferResult, UsbWire } from '@linac/usb';
import { standInApplication, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { type Lab, lab } from '../../../tests/support/virtual-lab.js';

const DNLOAD = 1;
const UPLOAD = 2;
const GETSTATUS = 3;
const CLRSTATUS = 4;
const GETSTATE = 5;
const ABORT = 6;

function setup(type: number, request: number, value: number, index: number, length: number): Uint8Array {
	return Uint8Array.of(type, request, value & 0xff, value >>> 8, index & 0xff, index >>> 8, length & 0xff, length >>> 8);
}

/** Bare DFU requests on the wire. */
class BareDfu {
	readonly wire: UsbWire;
	constructor(wire: UsbWire) {
		this.wire = wire;
	}
	out(request: number, value = 0, data: Uint8Array = new Uint8Array(0)): Promise<UsbTransferResult> {
		return this.wire.control(setup(0x21, request, value, 0, data.length), data);
	}
	in(request: number, value: number, length: number): Promise<UsbTransferResult> {
		return this.wire.control(setup(0xa1, request, value, 0, length), new Uint8Array(0));
	}
	async status(): Promise<{ status: number; poll: number; state: number } | 'stall'> {
		const r = await this.in(GETSTATUS, 0, 6);
		if (r.status === 'stall') return 'stall';
		return { status: r.data[0]!, poll: r.data[1]! | (r.data[2]! << 8), state: r.data[4]! };
	}
	alternate(n: number): Promise<UsbTransferResult> {
		return this.wire.control(setup(0x01, 11, n, 0, 0), new Uint8Array(0));
	}
	/** A DfuSe command and the two GETSTATUS that belong to it; the answer is the last. */
	async command(...bytes: number[]) {
		await this.out(DNLOAD, 0, Uint8Array.from(bytes));
		await this.status();
		return this.status();
	}
	address(command: number, at: number) {
		return this.command(command, at & 0xff, (at >>> 8) & 0xff, (at >>> 16) & 0xff, at >>> 24);
	}
	async write(block: number, data: Uint8Array) {
		await this.out(DNLOAD, block, data);
		await this.status();
		return this.status();
	}
}

const set = (platform: string, version: string) =>
	[...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);

async function inDfu(platform: string, version: string): Promise<Lab & { d: BareDfu }> {
	const l = lab(platform, { modules: set(platform, version), setupDone: true });
	l.device.pressModeAndReset();
	await l.find('dfu');
	return { ...l, d: new BareDfu(l.device.wire()!) };
}

const okIdle = { status: 0, poll: 0, state: 5 };

test('a write is announced as dfuDNBUSY with poll timeout 0, and the next GETSTATUS waits for the flash', async () => {
	const { d, clock } = await inDfu('boron', '4.0.1');
	await d.address(0x41, 0xb4000);
	await d.address(0x21, 0xb4000);
	await d.out(DNLOAD, 2, new Uint8Array(4096));
	const before = clock.now();
	expect(await d.status()).toEqual({ status: 0, poll: 0, state: 4 });
	const announced = clock.now() - before;
	expect(await d.status()).toEqual(okIdle);
	const waited = clock.now() - before - announced;
	// 1024 words of 41 microseconds.
	expect(announced).toBeLessThan(5);
	expect(waited).toBeGreaterThan(40);
	expect(waited).toBeLessThan(50);
});

test('programming only clears bits: a page that was not erased comes out as the AND of old and new', async () => {
	const { d, device } = await inDfu('boron', '4.0.1');
	await d.address(0x41, 0xb4000);
	await d.address(0x21, 0xb4000);
	await d.write(2, Uint8Array.of(0xf0, 0x0f, 0xff, 0x00));
	await d.write(2, Uint8Array.of(0x3c, 0xff, 0x12, 0xff));
	expect([...device.flash('internal').read(0xb4000, 5)]).toEqual([0x30, 0x0f, 0x12, 0x00, 0xff]);
});

test('block numbers count in 4096 bytes from 2, whatever length the host sends', async () => {
	const { d, device } = await inDfu('boron', '4.0.1');
	await d.address(0x41, 0xb5000);
	await d.address(0x21, 0xb4000);
	expect(await d.write(3, Uint8Array.of(1, 2, 3))).toEqual(okIdle);
	expect([...device.flash('internal').read(0xb5000, 3)]).toEqual([1, 2, 3]);
	await d.out(ABORT);
	const r = await d.in(UPLOAD, 3, 3);
	expect([...r.data]).toEqual([1, 2, 3]);
});

test('mass erase and block 1 are refused with errTARGET, an unknown command with errSTALLEDPKT', async () => {
	const { d } = await inDfu('boron', '4.0.1');
	expect(await d.command(0x41)).toEqual({ status: 1, poll: 0, state: 10 });
	await d.out(CLRSTATUS);
	expect(await d.write(1, Uint8Array.of(1))).toEqual({ status: 1, poll: 0, state: 10 });
	await d.out(CLRSTATUS);
	expect(await d.command(0x77)).toEqual({ status: 15, poll: 0, state: 10 });
	await d.out(CLRSTATUS);
	expect(await d.command(0x92)).toEqual({ status: 14, poll: 0, state: 10 });
});

test.each([
	['4.0.1', [0x00, 0x21, 0x41]],
	['6.2.0', [0x00, 0x21, 0x41, 0xfa, 0xfb]],
])('a Boron on %s tells its DfuSe commands', async (version, commands) => {
	const { d } = await inDfu('boron', version);
	expect([...(await d.in(UPLOAD, 0, 64)).data]).toEqual(commands);
	expect([...(await d.in(GETSTATE, 0, 1)).data]).toEqual([2]);
});

test('CLRSTATUS outside dfuERROR stalls and enters dfuERROR, so that two of them resynchronise from anywhere', async () => {
	const { d } = await inDfu('boron', '4.0.1');
	expect((await d.out(CLRSTATUS)).status).toBe('stall');
	expect(await d.status()).toMatchObject({ status: 14, state: 10 });
	expect((await d.out(CLRSTATUS)).status).toBe('ok');
	expect(await d.status()).toMatchObject({ status: 0, state: 2 });
});

test('reading beyond the end stalls and is an error, up to the end it works', async () => {
	const { d } = await inDfu('boron', '4.0.1');
	await d.address(0x21, 0xff000);
	await d.out(ABORT);
	expect((await d.in(UPLOAD, 2, 4096)).data.length).toBe(4096);
	expect((await d.in(UPLOAD, 3, 4)).status).toBe('stall');
	expect(await d.status()).toMatchObject({ state: 10 });
});

test('external flash is addressed from 0x80000000 only', async () => {
	const { d } = await inDfu('boron', '4.0.1');
	await d.alternate(2);
	expect(await d.address(0x41, 0x80289000)).toEqual(okIdle);
	expect(await d.address(0x41, 0x00289000)).toMatchObject({ status: 14, state: 10 });
	expect((await d.alternate(3)).status).toBe('stall');
});

test('one byte of the DCT is written without erasing anything around it', async () => {
	const { d, device } = await inDfu('boron', '2.2.0');
	await d.alternate(1);
	const before = device.readDct(0, 0x4000);
	expect(await d.address(0x41, 0)).toEqual(okIdle);
	await d.address(0x21, 1753);
	expect(await d.write(2, Uint8Array.of(0xa5))).toEqual(okIdle);
	before[1753] = 0xa5;
	expect(device.readDct(0, 0x4000)).toEqual(before);
});

test('leaving is reported as dfuMANIFEST, restarts half a second later, and is taken back by one more GETSTATUS', async () => {
	const { d, device, clock, find } = await inDfu('boron', '4.0.1');
	await d.out(DNLOAD, 2);
	expect(await d.status()).toEqual({ status: 0, poll: 0, state: 7 });
	expect(await d.status()).toBe('stall');
	await clock.sleep(2000);
	expect(device.mode).toBe('dfu');
	await d.out(CLRSTATUS);
	await d.out(DNLOAD, 2);
	const left = clock.now();
	await d.status();
	let detached = 0;
	device.wire()!.onDetach(() => {
		detached = clock.now();
	});
	await find('normal');
	expect(detached - left).toBeGreaterThan(499);
	expect(detached - left).toBeLessThan(510);
});

test('a Photon reports the leave as dfuDNLOAD-IDLE, and takes as long in the GETSTATUS that says dfuDNBUSY as the erase takes', async () => {
	const { d, clock } = await inDfu('photon', '2.2.0');
	await d.out(DNLOAD, 0, Uint8Array.of(0x41, 0x00, 0x00, 0x0a, 0x08));
	const before = clock.now();
	expect(await d.status()).toMatchObject({ state: 4 });
	expect(clock.now() - before).toBeGreaterThan(990);
	expect(await d.status()).toMatchObject({ status: 0, state: 5 });
	await d.out(DNLOAD, 2);
	expect(await d.status()).toMatchObject({ status: 0, state: 5 });
});

test('a Photon shows a failed write as a stall of GETSTATUS: protected area, or flash that was not erased', async () => {
	const { d, device } = await inDfu('photon', '2.2.0');
	await d.address(0x21, 0x08000000);
	await d.out(DNLOAD, 2, new Uint8Array(8));
	expect(await d.status()).toBe('stall');
	expect(await d.status()).toMatchObject({ status: 0, state: 5 });
	await d.address(0x21, 0x080a0000);
	await d.out(DNLOAD, 2, new Uint8Array(8).fill(0x55));
	expect(await d.status()).toBe('stall');
	expect(device.installedModules().find((m) => m.function === 2)!.valid).toBe(true);
});

test('a bootloader from 3.1.0 on hides the old 128 KB application when a 256 KB one arrives; an older one does not', async () => {
	const old = standInApplication('boron', '2.2.0').module;
	const fresh = standInApplication('boron', '4.0.1').module;
	for (const [version, hidden] of [
		['4.0.1', true],
		['2.2.0', false],
	] as const) {
		const l = lab('boron', { modules: [...standInRelease('boron', version).modules.map((m) => m.module), old], setupDone: true });
		const d = await l.dfu();
		await d.write(0, 0xb4000, fresh.bytes);
		const left = l.device.installedModules().filter((m) => m.function === 5 && m.index === 1);
		expect(left.length).toBe(hidden ? 0 : 1);
	}
});

test('a bootloader from 6.1.2 on tells that the device is open, an older one has no such string', async () => {
	for (const [version, protection] of [
		['6.2.0', 'open'],
		['5.9.0', undefined],
	] as const) {
		const { dfu } = lab('p2', { modules: set('p2', version) });
		expect(await (await dfu()).protection()).toBe(protection);
	}
});
