/**
 * `linac doctor` on a real kernel with a real udev: what it says to somebody without rights, that the rule which it installs gives them, that it finds who
 * holds a device, and what it sees while a board is plugged in.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inMode, LabBench } from './devices.js';
import { bootGuest, type Guest, noLabHere } from './guest.js';

const why = noLabHere();
if (why) throw new Error(why);

const main = join(fileURLToPath(new URL('../../', import.meta.url)), 'apps/cli/dist/main.js');
/** `nobody` and `nogroup` of Debian. */
const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
/** Everything is emulated, and the machine may be busy. */
const timeoutMs = 300_000;

interface Doctor {
	exitCode: number;
	host: { code: string; severity: string; message: string; hint?: string }[];
	devices: { reachable: boolean; mode: string; error?: { code: string; hint?: string }; findings: unknown[] }[];
}

let bench: LabBench;
let guest: Guest;
const boron = () => bench.devices[0]!;

async function doctor(as: string[] = []): Promise<Doctor> {
	const argv = [
		...as,
		'env',
		'LINAC_CACHE=/tmp/linac-cache',
		'LINAC_BACKUPS=/tmp/linac-backups',
		process.execPath,
		main,
		'doctor',
		'--json',
	];
	const { status, stdout, stderr } = await guest.run(argv, { timeoutMs });
	const seen = JSON.parse(stdout || '{}') as Doctor;
	expect(seen.exitCode, stderr).toBe(status);
	return seen;
}
const codes = (d: Doctor, ...severities: string[]) => d.host.filter((f) => severities.includes(f.severity)).map((f) => f.code);

beforeAll(async () => {
	bench = await LabBench.start([{ platform: 'boron', version: '2.2.0' }]);
	await inMode(boron(), 'normal');
	guest = await bootGuest({ attach: bench.devices });
	await guest.enumerated(boron().busid);
});
afterAll(async () => {
	await guest?.close();
	await bench?.close();
});

test('to root nothing is wrong: the missing rule is for information, and the board is reached through the kernel', async () => {
	const seen = await doctor();
	expect(codes(seen, 'warning', 'error')).toEqual([]);
	// Debian's dfu-util brings a rule with some of our ids.
	expect(codes(seen, 'info').join()).toMatch(/UDEV_RULE_(MISSING|INCOMPLETE)/);
	expect(seen.host.find((f) => f.code === 'USB')!.message).toMatch(/Boron.* at \d+-\d/);
	expect(seen.devices).toHaveLength(1);
	expect(seen.devices[0]).toMatchObject({ reachable: true, mode: 'normal', findings: [] });
	expect(seen.exitCode).toBe(0);
});

test('to a user without rights it names rule and permission, and what to do', async () => {
	const seen = await doctor(nobody);
	expect(codes(seen, 'error')).toContain('USB_PERMISSION');
	expect(codes(seen, 'warning').join()).toMatch(/UDEV_RULE_(MISSING|INCOMPLETE)/);
	expect(seen.host.find((f) => f.code === 'USB_PERMISSION')!.hint).toContain('--install-udev-rule');
	expect(seen.devices[0]).toMatchObject({
		reachable: false,
		error: { code: 'USB_PERMISSION', hint: expect.stringContaining('udev') },
	});
	expect(seen.exitCode).toBe(9);
});

test('that user may not write the rule, and is told the command; root writes it, and then the user has nothing to complain of', async () => {
	const install = [process.execPath, main, 'doctor', '--install-udev-rule', '--yes', '--json'];
	const refused = await guest.run([...nobody, ...install], { timeoutMs });
	expect(refused.status).toBe(9);
	expect((JSON.parse(refused.stdout) as { error: { code: string; hint: string } }).error).toMatchObject({
		code: 'NOT_ROOT',
		hint: expect.stringContaining('sudo linac doctor --install-udev-rule'),
	});
	const written = await guest.run(install, { timeoutMs });
	expect(written.status, written.stdout + written.stderr).toBe(0);
	expect(JSON.parse(written.stdout)).toMatchObject({ path: '/etc/udev/rules.d/60-linac.rules', written: true });
	await guest.run(['udevadm', 'settle'], { timeoutMs });
	const seen = await doctor(nobody);
	expect(codes(seen, 'warning', 'error')).toEqual([]);
	expect(seen.devices[0]).toMatchObject({ reachable: true, findings: [] });
	expect(seen.exitCode).toBe(0);
});

test('the right is there again when the board comes back in another mode', async () => {
	boron().device.pressModeAndReset();
	await inMode(boron(), 'dfu');
	await guest.enumerated(boron().busid, { usbId: '2b04:d00d' });
	await guest.run(['udevadm', 'settle'], { timeoutMs });
	const seen = await doctor(nobody);
	expect(seen.devices[0]).toMatchObject({ reachable: true, mode: 'dfu' });
	boron().device.pressReset();
	await inMode(boron(), 'normal');
	await guest.enumerated(boron().busid, { usbId: '2b04:c00d' });
});

test('a program that holds the board is named', async () => {
	const hold = `
import glob, sys, time
for folder in glob.glob('/sys/bus/usb/devices/*'):
    try:
        if open(folder + '/idVendor').read().strip() == '2b04':
            bus, dev = int(open(folder + '/busnum').read()), int(open(folder + '/devnum').read())
            f = open('/dev/bus/usb/%03d/%03d' % (bus, dev), 'rb', buffering=0)
    except OSError: pass
print('held', flush=True)
time.sleep(600)
`;
	let said = '';
	const holder = guest.start(['python3', '-c', hold], { timeoutMs, onOutput: (text) => (said += text) });
	await expect.poll(() => said, { timeout: 120_000 }).toContain('held');
	const seen = await doctor();
	const found = seen.host.find((f) => f.code === 'DEVICE_IN_USE');
	expect(found?.message).toMatch(/python3 \(process \d+\)/);
	holder.kill();
	await holder.result;
});
