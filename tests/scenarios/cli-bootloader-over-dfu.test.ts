/** `--bootloader-by` and `--experimental` as a user types them, against `linac lab`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { document, Lab, linac, realSources, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
const env: Record<string, string> = { LINAC_CACHE: `${folder.path}/cache`, LINAC_OFFLINE: '1' };
const sources = realSources();
let lab: Lab;
const run = (...args: string[]) => linac(args, { cwd: folder.path, env });
const update = ['update', '--target', '4.0.1', '--device', 'boron', ...sources];

beforeAll(async () => {
	lab = await Lab.start(['--device', 'boron@2.2.0', '--device', 'photon@1.5.2', '--timing', 'none', ...sources], env);
	env.LINAC_USBIP = lab.address;
});
afterAll(async () => {
	await lab?.stop();
	folder.remove();
});

describe('the way of a bootloader', () => {
	test('a module slot is refused without --experimental, and nothing is written', async () => {
		const result = await run(...update, '--bootloader-by', 'module-slot', '--yes', '--json');
		expect(result.code).toBe(4);
		expect(document<{ error: { code: string } }>(result).error.code).toBe('EXPERIMENTAL_NOT_ALLOWED');
	});

	test('a way that does not exist is a mistake of usage, which names those that do', async () => {
		const result = await run(...update, '--bootloader-by', 'carrier-pigeon');
		expect(result.code).toBe(2);
		expect(result.stderr).toContain('ota-slot');
	});

	test('a Photon is told why its bootloader cannot come by module slot', async () => {
		const result = await run(
			'plan',
			'--target',
			'2.2.0',
			'--device',
			'photon',
			'--bootloader-by',
			'module-slot',
			'--experimental',
			...sources,
		);
		expect(result.code).toBe(4);
		expect(result.stderr).toContain('MODULE_SLOT_IMPOSSIBLE');
		expect(result.stderr).toContain('erase itself');
	});

	test('a plan by OTA slot says where the bootloader is left and who installs it', async () => {
		const { stdout, code } = await run('plan', ...update.slice(1), '--bootloader-by', 'ota-slot', '--explain');
		expect(code).toBe(0);
		expect(stdout).toContain('Leave bootloader 1101 at 0x00289000');
		expect(stdout).toContain('Ask Device OS to install bootloader 1101');
	});

	test('with --experimental a Boron gets all of 4.0.1 by module slot, and every module is proved', async () => {
		const result = await run(...update, '--bootloader-by', 'module-slot', '--experimental', '--yes', '--json');
		const report = document<{ outcome: string; evidence: { slot: string; ok: boolean; after?: { version: number } }[] }>(result);
		expect(result.code).toBe(0);
		expect(report.outcome).toBe('verified');
		expect(report.evidence.every((r) => r.ok)).toBe(true);
		expect(report.evidence.find((r) => r.slot === 'bootloader')?.after?.version).toBe(1101);
	});
});
