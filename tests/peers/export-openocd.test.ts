/**
 * Debian's OpenOCD and dfu-util with what `export` writes for them, without hardware: OpenOCD's own hex reader takes the images apart and writes them
 * into its flash driver `faux`, its Tcl runs the program, and dfu-util reads every file and argument up to the point where it looks for a board.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ProgrammingTool, platformByName } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type ComposedImage, composeImage, type ExportManifest, exportFor } from '@linac/image';
import { standInApplication, standInRelease } from '@linac/virtual';
import { afterAll, describe, expect, test } from 'vitest';
import { realRelease, sourced } from '../scenarios/programming-setup.js';
import { hasTool } from '../support/debian-tools.js';
import { realMbr, standInMbr } from '../support/nordic-mbr.js';
import { realTinker } from '../support/real-firmware.js';

const base = mkdtempSync(join(tmpdir(), 'linac-export-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function made(platformName: string, version: string, tool: ProgrammingTool): { folder: string; composed: ComposedImage } {
	const platform = platformByName(platformName)!;
	const rtl = platform.mcu === 'rtl872x';
	const release = rtl ? standInRelease(platform, version) : realRelease(platformName, version);
	const application = rtl ? standInApplication(platform, version) : sourced(platformName, realTinker(platformName), 'tinker');
	const mbr = platform.mcu === 'nrf52840' ? { mbr: realMbr() ?? standInMbr(), allowUnknownMbr: true } : {};
	const composed = composeImage({ platform, release, application, ...mbr, digests: nodeDigests });
	if (!composed.ok) throw new Error(composed.problems.map((p) => p.message).join(' '));
	const verdict = exportFor(tool, { release, application, composed: composed.value, digests: nodeDigests });
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join(' '));
	const folder = join(base, `${platformName}-${tool}`);
	for (const { path, bytes } of verdict.value) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), bytes);
	}
	return { folder, composed: composed.value };
}

const quiet = ['-c', 'gdb_port disabled', '-c', 'telnet_port disabled', '-c', 'tcl_port disabled'];
const hex = (n: number) => `0x${n.toString(16).padStart(8, '0')}`;

function openocd(folder: string, commands: string[]): { code: number; text: string } {
	const run = spawnSync('openocd', [...quiet, ...commands], { cwd: folder, encoding: 'utf8' });
	return { code: run.status ?? -1, text: run.stdout + run.stderr };
}

describe.skipIf(!hasTool('openocd'))('OpenOCD', () => {
	test.each([
		['boron', '4.0.1', 0x0],
		['photon', '2.2.0', 0x0800_0000],
		['electron', '2.3.1', 0x0800_0000],
		['tracker', '4.0.1', 0x0],
	] as const)(
		'its hex reader finds in the image for %s %s what was meant, and its flash layer takes it',
		(platform, version, start) => {
			const { folder, composed } = made(platform, version, 'openocd');
			const file = `${platform}-${version}.hex`;
			const dummy = ['adapter driver dummy', 'adapter speed 100', 'transport select jtag'];
			const target = ['jtag newtap t tap -irlen 4 -expected-id 0', 'target create t.cpu testee -chain-position t.tap'];
			const banks = [`flash bank f faux ${hex(start)} 0x100000 4 4 t.cpu`, 'flash bank u faux 0x10001000 0x1000 4 4 t.cpu'];
			const work = ['init', `echo [test_image ${file}]`, `echo [flash write_image ${file}]`, 'shutdown'];
			const { code, text } = openocd(
				folder,
				[...dummy, ...target, ...banks, ...work].flatMap((c) => ['-c', c]),
			);
			expect(code, text).toBe(0);
			// A record at every 64 KB boundary may begin a section of its own there: joined, they are the segments.
			const sections = [...text.matchAll(/address 0x([0-9a-f]+) length 0x([0-9a-f]+)/g)].map((m) => ({
				start: Number.parseInt(m[1]!, 16),
				end: Number.parseInt(m[1]!, 16) + Number.parseInt(m[2]!, 16),
			}));
			const joined: { start: number; end: number }[] = [];
			for (const s of sections.sort((a, b) => a.start - b.start)) {
				if (joined.at(-1)?.end === s.start) joined.at(-1)!.end = s.end;
				else joined.push({ ...s });
			}
			expect(joined).toEqual(composed.image.segments.map((s) => ({ start: s.start, end: s.end })));
			expect(text).toMatch(new RegExp(`wrote \\d+ bytes from file ${file}`));
		},
	);

	const stubs = (failing = '') =>
		`foreach n {init reset nrf5 flash verify_image} { catch {rename $n {}}; proc $n {args} "echo \\"CALL $n \\$args\\"; return done" }\n${failing}`;

	test('its Tcl runs the program for a Boron in the right order, and never leaves out the comparison', () => {
		const { folder } = made('boron', '4.0.1', 'openocd');
		const { code, text } = openocd(folder, ['-c', stubs(), '-f', 'program.tcl']);
		expect(code, text).toBe(0);
		expect([...text.matchAll(/^CALL (.*)$/gm)].map((m) => m[1]!.trim())).toEqual([
			'init',
			'reset halt',
			'nrf5 mass_erase',
			'flash write_image boron-4.0.1.hex',
			'verify_image boron-4.0.1.hex',
			'reset run',
		]);
	});

	test('for a Photon nothing is erased but what is written, and only the bootloader is protected again', () => {
		const { folder } = made('photon', '2.2.0', 'openocd');
		const { code, text } = openocd(folder, ['-c', stubs(), '-f', 'program.tcl']);
		expect(code, text).toBe(0);
		expect([...text.matchAll(/^CALL (.*)$/gm)].map((m) => m[1]!.trim())).toEqual([
			'init',
			'reset halt',
			'flash protect 0 0 11 off',
			'flash write_image erase photon-2.2.0.hex',
			'verify_image photon-2.2.0.hex',
			'flash protect 0 0 0 on',
			'reset run',
		]);
		expect(readFileSync(join(folder, 'program.tcl'), 'utf8')).not.toMatch(/mass_erase|erase_sector/);
	});

	test('a comparison that fails ends OpenOCD with an error, and the chip is not started', () => {
		const { folder } = made('boron', '4.0.1', 'openocd');
		const { code, text } = openocd(folder, [
			'-c',
			stubs('proc verify_image {args} { error "contents differ" }'),
			'-f',
			'program.tcl',
		]);
		expect(code).not.toBe(0);
		expect(text).toContain('STOPPED: contents differ');
		expect(text).not.toContain('CALL reset run');
	});

	test.each([
		['boron', '4.0.1', 'cmsis-dap'],
		['boron', '4.0.1', 'jlink'],
		['photon', '2.2.0', 'cmsis-dap'],
		['photon', '2.2.0', 'stlink'],
	])('without a probe the script for %s %s with %s stops and says what to do', (platform, version, probe) => {
		const { folder } = made(platform, version, 'openocd');
		const run = spawnSync('dash', [join(folder, 'program.sh')], {
			encoding: 'utf8',
			env: { PATH: process.env.PATH ?? '', HOME: base, INTERFACE: probe, RESET: '1' },
		});
		expect(run.status).toBe(1);
		// OpenOCD understood everything: only the probe is missing.
		expect(run.stderr).toMatch(/Error: (unable to find a matching CMSIS-DAP device|No J-Link device found|open failed|libusb)/);
		expect(run.stderr).not.toMatch(/invalid command|Can't find|syntax|wrong # args/i);
		expect(run.stderr).toMatch(/STOPPED at step 2 of 2/);
		expect(run.stderr).toMatch(/What to do: /);
	});

	test("for a P2 the script asks for Particle's loader, and writes no byte below the bootloader", () => {
		const { folder, composed } = made('p2', '5.9.0', 'openocd');
		const run = spawnSync('dash', [join(folder, 'program.sh')], { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } });
		expect(run.status).toBe(1);
		expect(run.stderr).toContain('Download scripts/rtl872x.tcl');
		const calls = [...readFileSync(join(folder, 'program.tcl'), 'utf8').matchAll(/write_bin_ext (\S+) (0x[0-9A-F]+) 1 1/g)];
		expect(calls).toHaveLength(4);
		for (const [, file, text] of calls) {
			const start = Number(text);
			expect(start).toBeGreaterThanOrEqual(0x0800_4000);
			// rtl872x.tcl erases pages, and refuses an address inside of one.
			expect(start % 4096).toBe(0);
			const bytes = new Uint8Array(readFileSync(join(folder, file!)));
			const part = composed.parts.find((p) => `${p.name}.bin` === file)!;
			expect(equalBytes(bytes.subarray(part.start - start), part.bytes)).toBe(true);
			expect(bytes.subarray(0, part.start - start).every((b) => b === 0xff)).toBe(true);
		}
	});
});

describe.skipIf(!hasTool('dfu-util'))('dfu-util', () => {
	test.each([
		['boron', '4.0.1'],
		['photon', '2.2.0'],
		['p2', '5.9.0'],
	])('takes every command for %s %s and reads its file, and then misses the board', (platform, version) => {
		const { folder } = made(platform, version, 'dfu-util');
		const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as ExportManifest;
		const lines = readFileSync(join(folder, 'README.txt'), 'utf8')
			.split('\n')
			.filter((l) => l.startsWith('dfu-util -d'));
		expect(lines).toHaveLength(manifest.passes!.flatMap((p) => p.writes).length);
		for (const line of lines) {
			const run = spawnSync('dfu-util', line.split(' ').slice(1), { cwd: folder, encoding: 'utf8' });
			expect(run.status, line).toBe(74);
			expect(run.stderr, line).toMatch(/No DFU capable USB device available|libusb/);
			expect(run.stderr, line).not.toMatch(/Could not open file|usage|invalid argument/i);
		}
	});
});
