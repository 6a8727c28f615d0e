/** `linac verify` and `linac flash` judge a device alike: what a job leaves for a reason is right, and other bytes are never called the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { realModule } from '../support/real-firmware.js';
import { document, Lab, linac, realSources, temporaryFolder } from './cli-harness.js';
import { application } from './programming-setup.js';

interface Rows {
	outcome: string;
	bytesWritten: number;
	evidence: { slot: string; ok: boolean; proof: string; note?: string; after?: { version: number } }[];
}

const sources = realSources();
const ends: (() => unknown)[] = [];
afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

/** A device in a lab of its own, with real modules or, where no source is given to the lab, with stand-ins of the same numbers. */
async function deviceIn(device: string, labSources: string[]) {
	const folder = temporaryFolder();
	ends.push(() => folder.remove());
	const env: Record<string, string> = { LINAC_CACHE: join(folder.path, 'cache'), LINAC_OFFLINE: '1' };
	const lab = await Lab.start(
		['--device', device, '--timing', 'none', '--state', join(folder.path, 'state'), ...labSources],
		env,
	);
	ends.push(() => lab.stop());
	env.LINAC_USBIP = lab.address;
	return { folder: folder.path, run: (...args: string[]) => linac([...args, ...sources], { cwd: folder.path, env }) };
}

const bootloaderOf = (rows: Rows) => rows.evidence.find((row) => row.slot === 'bootloader');

test.each([
	['boron@4.0.1', '2.2.0', 2202],
	['photon@2.3.1', '1.5.2', 1512],
])(
	'after an allowed downgrade of %s to %s, verify accepts the newer bootloader that stays, in the words of the report',
	async (device, target, needs) => {
		const { run, folder } = await deviceIn(device, sources);
		const refused = await run('verify', '--target', target);
		expect(refused.code).toBe(7);
		expect(refused.stderr).toContain('would refuse that: The application on the device was built for');
		writeFileSync(join(folder, 'old.bin'), application(device.split('@')[0]!, { needs }));
		const wrong = await run('verify', 'old.bin', '--target', target);
		expect(wrong.code).toBe(7);
		expect(wrong.stderr).toContain(`"linac flash old.bin --target ${target} --allow downgrade"`);
		expect(wrong.stderr).not.toContain('bootloader is');

		const flashed = await run('flash', 'old.bin', '--target', target, '--allow', 'downgrade', '--yes', '--json');
		expect(flashed.code).toBe(0);
		const report = document<Rows>(flashed);
		const right = await run('verify', '--target', target, '--json');
		expect(right.code).toBe(0);
		const verified = document<Rows>(right);
		expect(bootloaderOf(verified)).toMatchObject({ ok: true });
		expect(bootloaderOf(verified)?.note).toMatch(/^newer than the release's \d+; it stays$/);
		expect(bootloaderOf(report)?.note).toBe(bootloaderOf(verified)?.note);
		expect((await run('verify', '--target', target)).stdout).toContain('it stays');
	},
);

test('a bootloader of the same number and other bytes is found, replaced and proved where that survives a power cut', async () => {
	const { run } = await deviceIn('argon@2.2.0', []);
	expect((await run('verify', '--target', '2.2.0')).code).toBe(7);
	const flashed = await run('flash', '--target', '2.2.0', '--yes', '--json');
	expect(flashed.stderr).toBe('');
	const report = document<Rows>(flashed);
	expect(report.outcome).toBe('verified');
	for (const row of report.evidence.filter((r) => r.slot !== 'ncp')) {
		expect(row, row.slot).toMatchObject({ ok: true, proof: 'read-back-sha256' });
	}
	expect((await run('verify', '--target', '2.2.0')).code).toBe(0);
	const again = document<Rows>(await run('flash', '--target', '2.2.0', '--yes', '--json'));
	expect(again).toMatchObject({ outcome: 'already', bytesWritten: 0 });
	expect(bootloaderOf(again)).toMatchObject({ ok: true, proof: 'read-back-sha256' });
});

test('where replacing it would risk the device it is kept, which the report says, and verify says the same', async () => {
	const { run, folder } = await deviceIn('photon@2.3.1', []);
	const flashed = await run('flash', '--target', '2.3.1', '--yes', '--json');
	const report = document<Rows>(flashed);
	expect(report.outcome).toBe('verified');
	expect(bootloaderOf(report)).toMatchObject({ ok: true, proof: 'read-back-sha256' });
	expect(bootloaderOf(report)?.note).toContain('same number, other bytes; kept');
	const verified = await run('verify', '--target', '2.3.1', '--json');
	expect(verified.code).toBe(0);
	expect(bootloaderOf(document<Rows>(verified))?.note).toBe(bootloaderOf(report)?.note);
	const again = document<Rows>(await run('flash', '--target', '2.3.1', '--yes', '--json'));
	expect(again).toMatchObject({ outcome: 'already', bytesWritten: 0 });
	expect(bootloaderOf(again)?.note).toBe(bootloaderOf(report)?.note);

	// Named as a file it is meant, and then it is written, read back, and right for both.
	const name = 'photon-bootloader@2.3.1+lto.bin';
	writeFileSync(join(folder, name), realModule(name));
	expect((await run('verify', name)).code).toBe(7);
	const forced = document<Rows>(await run('flash', name, '--yes', '--json'));
	expect(forced.outcome).toBe('verified');
	expect(bootloaderOf(forced)).toMatchObject({ ok: true, proof: 'read-back-sha256' });
	expect(bootloaderOf(forced)?.note).toBeUndefined();
	expect((await run('verify', name)).code).toBe(0);
});
