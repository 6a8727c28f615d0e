/** Debian's dfu-util against every platform in DFU mode: what it lists, writes, reads and leaves behind is what the device's own flash holds. */
import { type DfuAlternate, platforms, releaseByVersion } from '@linac/catalog';
import { equalBytes, seededRandom } from '@linac/core';
import { contentBytes, ModuleFunction } from '@linac/firmware';
import { standInApplication } from '@linac/virtual';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checked, NotPossible, type Operation } from './compatibility.js';
import { type BenchDevice, inMode, LabBench, running, toDfu, usbId } from './devices.js';
import { DfuUtil, saidBy } from './dfu-util-runs.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';

const why = noLabHere();
if (why) throw new Error(why);

let bench: LabBench;
let guest: Guest;
let tool: DfuUtil;
let listed: Awaited<ReturnType<DfuUtil['list']>>;

beforeAll(async () => {
	// dfu-util asks for the status once more after it has said "leave", and a device is there for it for 500 ms: not for the 25 ms of a fast bench.
	bench = await LabBench.start(
		platforms.map((p) => ({ platform: p.name, dfu: true })),
		{ speed: 2 },
	);
	await Promise.all(bench.devices.map((d) => inMode(d, 'dfu')));
	guest = await bootGuest({ attach: bench.devices });
	tool = await DfuUtil.in(guest);
	// All of them at once, as on the desk of somebody who has many.
	listed = await tool.list();
});
afterAll(async () => {
	await guest?.close();
	await bench?.close();
});

describe.each(platforms.map((p) => [p.name, p] as const))('%s', (_, platform) => {
	let it: BenchDevice;
	const internal = platform.alternates.find((a) => a.storage === 'internal')!;
	const dct = platform.alternates.find((a) => a.storage === 'dct');
	const external = platform.alternates.find((a) => a.storage === 'external');

	beforeEach(async () => {
		it = bench.devices.find((d) => d.platform === platform)!;
		await toDfu(guest, it);
	});

	const operation = (name: string): Operation => ({
		platform: platform.name,
		device: it.label,
		tool: 'dfu-util',
		toolVersion: tool.version,
		operation: name,
	});

	test('is listed with its serial number, and each alternate setting with its number and name', () =>
		checked(operation('list'), async () => {
			const seen = listed.filter((found) => found.serial === it.device.deviceId);
			const expected = platform.alternates.map(({ number, name }) => ({
				usbId: usbId(platform, true),
				serial: it.device.deviceId,
				alternate: number,
				name,
			}));
			expect(seen.sort((a, b) => a.alternate - b.alternate)).toEqual(expected);
			return `${seen.length} alternates`;
		}));

	test('is read from its first byte to its last', () =>
		checked(operation('read internal flash'), async () => {
			const { base, size } = platform.flash.find((f) => f.storage === 'internal')!;
			const bytes = await tool.read(it, internal.number, base + internal.addressOffset, size);
			expect(bytes.length).toBe(size);
			expect(equalBytes(bytes, it.device.flash('internal').read(base, size))).toBe(true);
			return `${size / 1024} KB`;
		}));

	test('keeps what is written to the place of the application, and nothing but whole sectors is erased', () =>
		checked(operation('write and read internal flash'), async () => writeAndRead(it, internal, placeOfApplication(it))));

	test.runIf(external)('keeps what is written to external flash, and nothing but whole sectors is erased', () =>
		checked(operation('write and read external flash'), async () => {
			const { base, size } = platform.flash.find((f) => f.storage === 'external')!;
			return writeAndRead(it, external!, base + size / 2);
		}),
	);

	test.runIf(dct)('keeps a byte and a row of bytes of the DCT, and the rest of it stays', () =>
		checked(operation('write and read DCT'), async () => {
			const before = it.device.readDct(0, dctSize(it));
			const at = platform.dct.deviceCode ?? 1852;
			const written = [
				{ offset: platform.dct.setupDone ?? at + 16, bytes: Uint8Array.of(0xa5) },
				{ offset: at, bytes: new TextEncoder().encode('LINAC1') },
			];
			for (const { offset, bytes } of written) {
				const result = await tool.write(it, dct!.number, offset, bytes);
				expect(result.status, saidBy(result)).toBe(0);
				before.set(bytes, offset);
			}
			const read = await tool.read(it, dct!.number, 0, before.length);
			expect(equalBytes(read, before)).toBe(true);
			expect(equalBytes(it.device.readDct(0, before.length), before)).toBe(true);
			return `${written.reduce((sum, w) => sum + w.bytes.length, 0)} bytes written, ${before.length / 1024} KB read`;
		}),
	);

	test.runIf(firstSectorIsReadOnly(internal))('is not written where the names of its alternate settings forbid it', () =>
		checked(operation('write where it is forbidden'), async () => {
			const flash = it.device.flash('internal');
			const { base } = platform.flash.find((f) => f.storage === 'internal')!;
			const before = flash.read(base, 4096).slice();
			const result = await tool.write(it, internal.number, base, seededRandom(3).bytes(64));
			expect(result.status).not.toBe(0);
			expect(equalBytes(flash.read(base, 4096), before)).toBe(true);
			return new NotPossible(saidBy(result));
		}),
	);

	test('does not erase everything at once, and says so', () =>
		checked(operation('mass erase'), async () => {
			const { base, size } = platform.flash.find((f) => f.storage === 'internal')!;
			const before = it.device.flash('internal').read(base, size).slice();
			const result = await tool.write(it, internal.number, placeOfApplication(it), Uint8Array.of(1), ':mass-erase:force');
			expect(result.status).not.toBe(0);
			expect(equalBytes(it.device.flash('internal').read(base, size), before)).toBe(true);
			// It stands in dfuERROR now, from which a reset with the button is a way out.
			it.device.pressModeAndReset();
			return new NotPossible(saidBy(result));
		}));

	test('is given an application, leaves DFU mode when it is told to, and runs it', () =>
		checked(operation('flash application and leave'), async () => {
			const slots = platform.modules.some((m) => m.function === ModuleFunction.user);
			if (!it.version || !slots || !releaseByVersion(it.version)?.platforms.includes(platform.name)) {
				// Nothing that it could run is to be had, so leaving is all there is to see.
				const result = await tool.write(it, internal.number, placeOfApplication(it), seededRandom(9).bytes(64), ':leave');
				expect(result.status, saidBy(result)).toBe(0);
				await inMode(it, ['dfu', 'safe', 'normal', 'dead']);
				return `then in ${it.device.mode} mode`;
			}
			const { module } = standInApplication(platform, it.version, { version: 7, size: 60_000, seed: 4 });
			const result = await tool.write(
				it,
				internal.number,
				module.prefix.start + internal.addressOffset,
				contentBytes(module),
				':leave',
			);
			expect(result.status, saidBy(result)).toBe(0);
			await running(guest, it);
			expect(it.device.mode).toBe('normal');
			const there = it.device.installedModules().filter((m) => m.function === ModuleFunction.user && m.valid);
			expect(there.map((m) => m.version)).toContain(7);
			return `then in ${it.device.mode} mode`;
		}));
});

/** The names of the settings say it with a letter: a is "may be read" and nothing more (DfuSe, UM0424). */
function firstSectorIsReadOnly({ name }: DfuAlternate): boolean {
	return /^[^/]*\/[^/]*\/\d+\*\d+.a/.test(name);
}

/** Where the newest kind of application of this device stands: a sector begins there. */
function placeOfApplication({ platform }: BenchDevice): number {
	const slot = platform.modules.filter((m) => m.function === ModuleFunction.user).at(-1);
	const region = platform.memory.find((r) => r.name === (slot?.region ?? 'monolithic'));
	if (!region) throw new Error(`${platform.name} has no place for an application.`);
	return region.start;
}

function dctSize({ platform }: BenchDevice): number {
	return platform.dct.size;
}

async function writeAndRead(it: BenchDevice, alternate: DfuAlternate, at: number): Promise<string> {
	const flash = it.device.flash(alternate.storage as 'internal' | 'external');
	const { base, sectors } = it.platform.flash.find((f) => f.storage === alternate.storage)!;
	const bytes = seededRandom(it.platform.id + 1).bytes(20_001);
	// The end of the last sector that is touched, and the sector behind it.
	let end = base;
	for (const { count, size } of sectors) for (let i = 0; i < count && end < at + bytes.length; i++) end += size;
	const behind = flash.contains(end, 256) ? flash.read(end, 256).slice() : undefined;
	const before = flash.read(at - 256, 256).slice();
	const result = await tool.write(it, alternate.number, at + alternate.addressOffset, bytes);
	expect(result.status, saidBy(result)).toBe(0);
	const back = await tool.read(it, alternate.number, at + alternate.addressOffset, bytes.length);
	expect(equalBytes(back, bytes)).toBe(true);
	expect(equalBytes(flash.read(at, bytes.length), bytes)).toBe(true);
	expect(flash.read(at + bytes.length, end - at - bytes.length).every((b) => b === 0xff)).toBe(true);
	if (behind) expect(equalBytes(flash.read(end, 256), behind)).toBe(true);
	expect(equalBytes(flash.read(at - 256, 256), before)).toBe(true);
	return `${bytes.length} bytes`;
}
