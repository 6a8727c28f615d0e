import { platformByName } from '@linac/catalog';
import { equalBytes, fromHex } from '@linac/core';
import { encodeModuleSlot, ModuleFunction, ModuleSlotFlag, type ModuleSlotRecord } from '@linac/firmware';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, it, test } from 'vitest';
import { lab } from '../../../tests/support/virtual-lab.js';

const VERIFY = ModuleSlotFlag.verifyCrc | ModuleSlotFlag.destinationIsStart | ModuleSlotFlag.verifyFunction;

function device(platform: string, version: string) {
	const modules = [...standInRelease(platform, version).modules, standInApplication(platform, version)].map((m) => m.module);
	return lab(platform, { modules, setupDone: true });
}

type Lab = ReturnType<typeof device>;

function part(platform: string, version: string, slot: string) {
	return standInRelease(platform, version).modules.find((m) => m.slot === slot)!.module;
}

function order(
	l: Lab,
	slot: number,
	record: Partial<ModuleSlotRecord> & Pick<ModuleSlotRecord, 'source' | 'destination' | 'length'>,
): void {
	const bytes = encodeModuleSlot({
		sourceExternal: l.device.platform.mcu === 'nrf52840',
		destinationExternal: false,
		flags: VERIFY,
		function: ModuleFunction.bootloader,
		...record,
	});
	if (l.device.platform.mcu === 'stm32f2') throw new Error('the DCT of an STM32F2 is written by DFU');
	l.device.flash('dct').put(l.device.platform.dct.moduleSlots + slot * 20, bytes);
}

const pending = (l: Lab, slot: number) => {
	const magic = l.device.readDct(l.device.platform.dct.moduleSlots + slot * 20, 2);
	return magic[0] === 0xcd && magic[1] === 0xab;
};
const version = (l: Lab, fn: number, index = 0) =>
	l.device.installedModules().find((m) => m.function === fn && m.index === index)?.version;

async function restart(l: Lab): Promise<void> {
	l.device.pressReset();
	await l.clock.sleep(20_000);
}

describe('the bootloader of an nRF52840', () => {
	const next = part('boron', '4.0.1', 'bootloader');
	const aside = 0x289000;

	function staged(from: string) {
		const l = device('boron', from);
		l.device.flash('external').put(aside, next.bytes);
		return l;
	}

	it('carries its successor through the place of the application, and puts that back', async () => {
		const l = staged('2.2.0');
		const before = l.device.flash('internal').read(0xd4000, 0x8000);
		order(l, 1, { source: aside, destination: 0xd4000, length: next.bytes.length });
		await restart(l);
		expect(version(l, 2)).toBe(next.prefix.version);
		expect(equalBytes(l.device.flash('internal').read(0xd4000, 0x8000), before)).toBe(true);
		for (let slot = 1; slot < 5; slot++) expect(pending(l, slot)).toBe(false);
		expect(l.device.mode).toBe('normal');
	});

	it('before 2.0.0 knows no such way, frees the slot and leaves everything as it is', async () => {
		const l = staged('1.5.2');
		const before = version(l, 2);
		order(l, 1, { source: aside, destination: 0xd4000, length: next.bytes.length });
		await restart(l);
		expect(version(l, 2)).toBe(before);
		expect(pending(l, 1)).toBe(false);
		expect(l.device.mode).toBe('normal');
	});

	it('erases itself when it is told to copy over its own place', async () => {
		const l = staged('2.2.0');
		order(l, 1, { source: aside, destination: 0xf4000, length: next.bytes.length });
		await restart(l);
		expect(l.device.mode).toBe('dead');
		expect(l.device.why).toContain('erased itself');
	});

	for (const [what, spoil] of [
		['a wrong CRC', (b: Uint8Array) => b.fill(0, 5000, 5001)],
		['another platform', (b: Uint8Array) => b.fill(0x7f, next.prefixOffset + 12, next.prefixOffset + 13)],
	] as const) {
		it(`frees the slot of a module with ${what}, and copies nothing`, async () => {
			const l = device('boron', '2.2.0');
			const bytes = next.bytes.slice();
			spoil(bytes);
			l.device.flash('external').put(aside, bytes);
			const before = version(l, 2);
			order(l, 1, { source: aside, destination: 0xd4000, length: bytes.length });
			await restart(l);
			expect(version(l, 2)).toBe(before);
			expect(pending(l, 1)).toBe(false);
		});
	}

	it('checks nothing when no flag asks for it, and drops a header when the slot says so', async () => {
		const l = device('boron', '2.2.0');
		const bytes = Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff);
		l.device.flash('external').put(aside, bytes);
		order(l, 4, { source: aside, destination: 0xb4000, length: 4096, flags: ModuleSlotFlag.dropModuleInfo, function: 0 });
		await restart(l);
		expect(equalBytes(l.device.flash('internal').read(0xb4000, 4072), bytes.subarray(24))).toBe(true);
		expect(pending(l, 4)).toBe(false);
	});

	it('installs a SoftDevice without its header, as the header asks', async () => {
		const l = device('boron', '2.2.0');
		const radio = part('boron', '4.0.1', 'softdevice');
		l.device.flash('external').put(aside, radio.bytes);
		l.device.flash('internal').put(0x1800, new Uint8Array(256));
		order(l, 2, { source: aside, destination: 0x1000, length: radio.bytes.length, function: ModuleFunction.radioStack });
		await restart(l);
		expect(l.device.installedModules().find((m) => m.function === 8)?.valid).toBe(true);
		expect(l.device.mode).toBe('normal');
	});

	it('copies everything else first and bootloaders last, whatever their slots', async () => {
		const l = staged('2.2.0');
		const system = part('boron', '2.2.0', 'system-part1');
		const at = aside + 0x20000;
		l.device.flash('external').put(at, system.bytes);
		l.device.flash('internal').put(0x31000, new Uint8Array(4096));
		order(l, 1, { source: aside, destination: 0xd4000, length: next.bytes.length });
		order(l, 2, { source: at, destination: 0x30000, length: system.bytes.length, function: ModuleFunction.system });
		await restart(l);
		expect(version(l, 2)).toBe(next.prefix.version);
		expect(l.device.mode).toBe('normal');
	});

	it('lets the MBR erase the page that the UICR names, also under a system of 6.2.0', async () => {
		const l = device('boron', '4.0.1');
		const newest = part('boron', '6.2.0', 'bootloader');
		l.device.flash('external').put(aside, newest.bytes);
		const marks = Uint8Array.from({ length: 16 }, () => 0x11);
		l.device.flash('internal').put(0x2f100, marks);
		order(l, 1, { source: aside, destination: 0xd4000, length: newest.bytes.length });
		await restart(l);
		expect(version(l, 2)).toBe(newest.prefix.version);
		expect([...l.device.flash('internal').read(0x2f100, 16)]).toEqual(new Array(16).fill(0xff));
		// The new bootloader has moved the page: the next one leaves 0x2F000 alone.
		l.device.flash('internal').put(0x2f100, marks);
		order(l, 1, { source: aside, destination: 0xd4000, length: newest.bytes.length });
		await restart(l);
		expect([...l.device.flash('internal').read(0x2f100, 16)]).toEqual([...marks]);
	});
});

describe('power that fails while an nRF52840 carries out a slot', () => {
	const next = part('boron', '4.0.1', 'bootloader');

	it('never leaves a device without a bootloader, and never loses the application', async () => {
		let lost = 0;
		let done = 0;
		for (let at = 1; ; at += 3) {
			const l = device('boron', '2.2.0');
			await l.clock.sleep(20_000);
			const before = l.device.flash('internal').read(0xd4000, 0x8000);
			l.device.flash('external').put(0x289000, next.bytes);
			order(l, 1, { source: 0x289000, destination: 0xd4000, length: next.bytes.length });
			l.device.faults.powerLossAtFlashWrite(at);
			await restart(l);
			const struck = l.device.mode === 'off';
			if (struck) {
				l.device.plug();
				await l.clock.sleep(20_000);
			}
			expect(l.device.mode, `flash write ${at}`).toBe('normal');
			expect(equalBytes(l.device.flash('internal').read(0xd4000, 0x8000), before), `flash write ${at}`).toBe(true);
			if (version(l, 2) === next.prefix.version) done++;
			else lost++;
			if (!struck) break;
		}
		// The slot is freed first: cut before the MBR has its order, the request is gone and the old bootloader is there.
		expect(lost).toBeGreaterThan(5);
		expect(done).toBeGreaterThan(5);
	});
});

test('an RTL872x hands one bootloader a start to KM0, in the order of the slots', async () => {
	const l = device('p2', '5.3.0');
	const set = standInRelease('p2', '5.7.0').modules.filter((m) => m.module.prefix.function === 2 && !m.module.encrypted);
	const bootloader = set.find((m) => m.module.prefix.index === 0)!.module;
	const part1 = set.find((m) => m.module.prefix.index === 2)!.module;
	l.device.flash('internal').put(0x08300000, part1.bytes);
	l.device.flash('internal').put(0x08340000, bootloader.bytes);
	order(l, 1, { source: 0x08300000, destination: part1.prefix.start, length: part1.bytes.length });
	order(l, 2, { source: 0x08340000, destination: bootloader.prefix.start, length: bootloader.bytes.length });
	await restart(l);
	expect(version(l, 2, 2)).toBe(part1.prefix.version);
	expect(version(l, 2, 0)).toBe(bootloader.prefix.version);
	expect(pending(l, 1) || pending(l, 2)).toBe(false);
	expect(l.device.mode).toBe('normal');
});

test('an order to KM0 with a source outside of the place for updates is thrown away', async () => {
	const l = device('p2', '5.3.0');
	const before = version(l, 2);
	const bootloader = standInRelease('p2', '5.7.0').modules.find((m) => m.slot === 'bootloader')!.module;
	l.device.flash('internal').put(0x08700000, bootloader.bytes);
	order(l, 1, { source: 0x08700000, destination: bootloader.prefix.start, length: bootloader.bytes.length });
	await restart(l);
	expect(version(l, 2)).toBe(before);
	expect(l.device.mode).toBe('normal');
});

describe('the bootloader of an STM32F2', () => {
	it('erases itself when a module slot tells it to copy over its own sector', async () => {
		const l = device('electron', '2.2.0');
		const dfu = await l.dfu();
		const bootloader = part('electron', '2.2.0', 'bootloader').bytes;
		await dfu.write(0, 0x080c0000, bootloader);
		const record = encodeModuleSlot({
			sourceExternal: false,
			destinationExternal: false,
			source: 0x080c0000,
			destination: 0x08000000,
			length: bootloader.length,
			flags: VERIFY,
			function: ModuleFunction.bootloader,
		});
		await dfu.write(1, l.device.platform.dct.moduleSlots + 20, record, { erase: false });
		await dfu.leave();
		await l.clock.sleep(20_000);
		expect(l.device.mode).toBe('dead');
		expect(l.device.why).toContain('erased itself');
	});

	it('of a Photon reads the DCT only with whole system parts; that of an Electron without', async () => {
		for (const [platform, reads] of [
			['photon', false],
			['electron', true],
		] as const) {
			const l = device(platform, '2.2.0');
			await l.clock.sleep(20_000);
			l.device.pressModeAndReset();
			await l.clock.sleep(20_000);
			const found = platformByName(platform)!;
			const whole = await l.dfu();
			expect((await whole.read(1, found.dct.otaFlag, 1)).length).toBe(1);
			await whole.close();
			l.device.flash('internal').put(0x08022000, fromHex('00000000')!);
			l.device.pressModeAndReset();
			await l.clock.sleep(20_000);
			const torn = await l.dfu();
			// An STM32 answers an UPLOAD that it cannot serve with what is in its buffer.
			expect((await torn.read(1, found.dct.otaFlag, 1))[0]).toBe(reads ? 0xff : 0);
			const write = torn.write(1, found.dct.otaFlag, Uint8Array.of(0xff), { erase: false });
			if (reads) await write;
			else await expect(write).rejects.toThrow();
			await torn.close();
		}
	});
});
