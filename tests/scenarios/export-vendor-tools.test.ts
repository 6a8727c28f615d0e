/**
 * The scripts for programs that are not free to hand out, with stand-ins that take the arguments and answer as their manuals say: what the scripts
 * tell them, and that no failure passes for success.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgrammingTool, platformByName } from '@linac/catalog';
import { nodeDigests } from '@linac/host';
import { composeImage, exportFor } from '@linac/image';
import { standInApplication, standInRelease } from '@linac/virtual';
import { afterAll, expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';

const base = mkdtempSync(join(tmpdir(), 'linac-export-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function folderOf(name: string, version: string, tool: ProgrammingTool): string {
	const platform = platformByName(name)!;
	const release = standInRelease(platform, version);
	const application = standInApplication(platform, version);
	const mbr = platform.mcu === 'nrf52840' ? { mbr: standInMbr(), allowUnknownMbr: true } : {};
	const composed = composeImage({ platform, release, application, ...mbr, digests: nodeDigests });
	if (!composed.ok) throw new Error();
	const made = exportFor(tool, { release, application, composed: composed.value, digests: nodeDigests });
	if (!made.ok) throw new Error(made.problems[0]?.message);
	const folder = mkdtempSync(join(base, `${name} ${tool} `));
	for (const { path, bytes } of made.value) writeFileSync(join(folder, path), bytes);
	return folder;
}

/** Runs the script with a program in place of the real one: what it was told, and how it ended. */
function run(folder: string, variable: string, body: string, env: Record<string, string> = {}) {
	const program = join(folder, 'stand-in');
	const told = join(folder, 'told');
	writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" >>'${told}'\n${body}\n`);
	chmodSync(program, 0o755);
	const result = spawnSync('dash', [join(folder, 'program.sh')], {
		encoding: 'utf8',
		env: { PATH: process.env.PATH ?? '', [variable]: program, ...env },
	});
	return {
		code: result.status,
		out: result.stdout,
		err: result.stderr,
		told: existsSync(told) ? readFileSync(told, 'utf8') : '',
	};
}

test('J-Link Commander is told the chip and the file, and every part has to be reported as compared', () => {
	const folder = folderOf('boron', '4.0.1', 'jlink');
	const script = readFileSync(join(folder, 'program.jlink'), 'utf8').trim().split('\n');
	const parts = script.filter((l) => l.startsWith('verifybin '));
	expect(script.slice(0, 4)).toEqual(['r', 'h', 'erase', 'loadfile boron-4.0.1.hex']);
	expect(script.slice(-3)).toEqual(['r', 'g', 'exit']);
	for (const line of parts) expect(existsSync(join(folder, /^verifybin (\S+), 0x/.exec(line)![1]!))).toBe(true);
	const say = (n: number) => `i=0; while [ $i -lt ${n} ]; do echo 'Verify successful.'; i=$((i + 1)); done`;
	const good = run(folder, 'JLINK', say(parts.length));
	expect(good.code, good.err).toBe(0);
	expect(good.told).toBe(
		'-NoGui 1 -ExitOnError 1 -Device NRF52840_XXAA -If SWD -Speed 4000 -AutoConnect 1 -CommandFile program.jlink\n',
	);
	// It ends with 0 also where it could not connect: its words count.
	for (const bad of [say(parts.length - 1), 'echo "Cannot connect to target."', `${say(parts.length)}; exit 1`]) {
		const failed = run(folder, 'JLINK', bad);
		expect(failed.code).toBe(1);
		expect(failed.err).toMatch(/STOPPED at step 2 of 2/);
		expect(failed.out).not.toContain('DONE');
	}
	expect(run(folder, 'JLINK', say(parts.length), { SERIAL: '123' }).told.split('\n').at(-2)).toContain('-SelectEmuBySN 123');
});

test('for a Photon J-Link Commander erases nothing by itself', () => {
	const folder = folderOf('photon', '2.3.1', 'jlink');
	expect(readFileSync(join(folder, 'program.jlink'), 'utf8')).not.toMatch(/^erase/m);
	expect(run(folder, 'JLINK', 'true').told).toContain('-Device STM32F205RG');
});

test.each([
	['boron', '4.0.1', 'nrfjprog', 'NRFJPROG', '-f NRF52 --program boron-4.0.1.hex --chiperase --verify --reset\n'],
	['photon', '2.3.1', 'stm32cubeprogrammer', 'CUBE', '-c port=SWD mode=UR -w photon-2.3.1.hex -v -rst\n'],
] as const)(
	'for %s %s the script for %s calls it as its manual says, and believes its exit code',
	(name, version, tool, variable, call) => {
		const folder = folderOf(name, version, tool);
		const good = run(folder, variable, 'exit 0');
		expect(good.code, good.err).toBe(0);
		expect(good.told).toBe(call);
		expect(good.out).toMatch(/DONE: Device OS/);
		const failed = run(folder, variable, 'exit 33');
		expect(failed.code).toBe(1);
		expect(failed.err).toMatch(/STOPPED at step 2 of 2.*What to do: /s);
	},
);

test('a program that is not installed is named before anything else is tried', () => {
	const folder = folderOf('boron', '4.0.1', 'nrfjprog');
	const result = spawnSync('dash', [join(folder, 'program.sh')], {
		encoding: 'utf8',
		env: { PATH: '/usr/bin:/bin', NRFJPROG: '/nowhere/nrfjprog' },
	});
	expect(result.status).toBe(1);
	expect(result.stderr).toMatch(/There is no program \/nowhere\/nrfjprog.*Install Nordic/s);
});
