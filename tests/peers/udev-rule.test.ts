/**
 * The udev rule as real udev takes it: `udevadm test` over a Boron and its serial port in a tree that stands in for /sys, with all rules of
 * this computer's systemd besides. In a mount namespace of its own, so that nothing of the computer changes; needs root for that.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { platforms } from '@linac/catalog';
import { UDEV_RULE_PATH, udevRule, usbIdsByVendor } from '@linac/usb';
import { afterAll, describe, expect, test } from 'vitest';
import { particleCli } from '../support/real-firmware.js';

const folder = mkdtempSync(join(tmpdir(), 'linac-udev-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function possible(): boolean {
	try {
		execFileSync('unshare', ['-m', 'udevadm', '--version'], { stdio: 'ignore' });
		return true;
	} catch {
		return false;
	}
}

/** Lays out a device with one serial port, binds it over /sys and the rule over /etc/udev/rules.d, and asks udevadm. */
const script = (ruleFile: string, name: string, vendor: string, product: string) => `
set -e
mount -t tmpfs t /mnt
mkdir -p /mnt/rules /mnt/dev /mnt/run /mnt/none
D=/mnt/sys/devices/pci0/usb1/1-2
T="$D/1-2:1.0/tty/ttyACM0"
mkdir -p "$T" /mnt/sys/bus/usb /mnt/sys/class/tty /mnt/sys/module
ln -s ../../../../bus/usb $D/subsystem
printf 'MAJOR=189\\nMINOR=1\\nDEVNAME=bus/usb/001/002\\nDEVTYPE=usb_device\\nPRODUCT=${vendor}/${product}/1\\nBUSNUM=001\\nDEVNUM=002\\n' > $D/uevent
echo ${vendor} > $D/idVendor; echo ${product} > $D/idProduct; echo 189:1 > $D/dev; echo 1 > $D/busnum; echo 2 > $D/devnum
ln -s ../../../../../bus/usb "$D/1-2:1.0/subsystem"; echo DEVTYPE=usb_interface > "$D/1-2:1.0/uevent"
ln -s ../../../../../../../class/tty "$T/subsystem"
printf 'MAJOR=166\\nMINOR=0\\nDEVNAME=ttyACM0\\n' > "$T/uevent"; echo 166:0 > "$T/dev"
cp ${ruleFile} /mnt/rules/${name}
mount --bind /mnt/rules /etc/udev/rules.d
mount --bind /mnt/dev /dev; mount --bind /mnt/run /run; mount --bind /mnt/sys /sys
export SYSTEMD_DEVICE_VERIFY_SYSFS=0
for p in /sys/devices/pci0/usb1/1-2 "/sys/devices/pci0/usb1/1-2/1-2:1.0/tty/ttyACM0"; do echo "== $p"; udevadm test -a add "$p" 2>&1; done
`;

/** What udev says about the device and about its serial port. */
function ask(text: string, name: string, vendor = '2b04', product = 'c00d'): { device: string; serial: string } {
	const ruleFile = join(folder, name);
	writeFileSync(ruleFile, text);
	const said = execFileSync('unshare', ['-m', 'sh', '-c', script(ruleFile, name, vendor, product)], { encoding: 'utf8' });
	const [, device = '', serial = ''] = said.split(/^== .*$/m);
	return { device, serial };
}
/** The mode that was set last is the one that counts. */
const modeOf = (said: string) =>
	[...said.matchAll(/^\S+: (\S+):\d+ MODE (\d+)$/gm)].map((m) => `${basename(m[1]!)} ${m[2]}`).at(-1);

describe.skipIf(!possible())('real udev', () => {
	const text = udevRule(usbIdsByVendor(platforms));
	const name = basename(UDEV_RULE_PATH);

	test('opens the device and its serial port to everybody, and keeps ModemManager away from both', () => {
		const { device, serial } = ask(text, name);
		for (const said of [device, serial]) {
			expect(modeOf(said)).toBe(`${name} 0666`);
			expect(said).toContain('ID_MM_DEVICE_IGNORE=1');
			expect(said).not.toMatch(/60-linac\.rules:\d+ (Invalid|Unknown|.*ignoring)/i);
		}
	});

	test.each([
		['a Photon in DFU mode', '2b04', 'd006'],
		['a Core', '1d50', '607f'],
	])('knows %s', (_what, vendor, product) => {
		expect(modeOf(ask(text, name, vendor, product).device)).toBe(`${name} 0666`);
	});

	test('leaves devices of others alone', () => {
		const { device } = ask(text, name, '046d', 'c52b');
		expect(device).not.toContain('ID_MM_DEVICE_IGNORE');
		expect(modeOf(device)).not.toContain(name);
	});

	test('a rule with a name before 50-udev-default does not last: that is why ours has a later one', () => {
		expect(modeOf(ask(text, '50-linac.rules').device)).toBe('50-udev-default.rules 0664');
		const others = execFileSync('cat', [join(particleCli('3.51.0'), 'assets', '50-particle.rules')], { encoding: 'utf8' });
		expect(modeOf(ask(others, '50-particle.rules').device)).toBe('50-udev-default.rules 0664');
	});
});
