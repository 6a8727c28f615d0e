import { platforms } from '@linac/catalog';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverOf, UDEV_RULE_PATH, udevRule, usbIdsByVendor } from './udev-rule.js';

const ids = usbIdsByVendor(platforms);
const all = ids.flatMap((i) => i.productIds.map((productId) => ({ vendorId: i.vendorId, productId })));
/** particle-cli 3.51.0: assets/50-particle.rules, the two lines about devices. */
const ofParticle =
	'SUBSYSTEMS=="usb", ATTRS{idVendor}=="1d50", ATTRS{idProduct}=="607[df]", GROUP="plugdev", MODE="0666", ENV{ID_MM_DEVICE_IGNORE}="1"\n' +
	'SUBSYSTEMS=="usb", ATTRS{idVendor}=="2b04", ATTRS{idProduct}=="[cd]0??", GROUP="plugdev", MODE="0666", ENV{ID_MM_DEVICE_IGNORE}="1"\n';
const cover = (path: string, text: string, groups: string[] = []) => coverOf([{ path, text }], ids, groups);

describe('the rule of linac', () => {
	it('names every USB id of the catalogue, running and in DFU mode, and the Core with its own vendor', () => {
		const text = udevRule(ids);
		for (const { usb } of platforms)
			for (const id of [usb.productId, usb.dfuProductId]) expect(text).toContain(id.toString(16).padStart(4, '0'));
		expect(ids.map((i) => i.vendorId)).toEqual([0x1d50, 0x2b04]);
		expect(text.split('\n').filter((l) => l.startsWith('SUBSYSTEMS'))).toHaveLength(2);
	});

	it('covers all of them by its own judgement, and keeps ModemManager away', () => {
		expect(cover(UDEV_RULE_PATH, udevRule(ids))).toEqual({
			files: [UDEV_RULE_PATH],
			uncovered: [],
			groups: [],
			modemManager: [],
		});
	});
});

describe('rules of others', () => {
	it("particle-cli's gives devices to its group only: its mode is set too early to last", () => {
		const path = '/etc/udev/rules.d/50-particle.rules';
		expect(cover(path, ofParticle, ['users'])).toEqual({ files: [path], uncovered: all, groups: ['plugdev'], modemManager: [] });
		expect(cover(path, ofParticle, ['plugdev']).uncovered).toEqual([]);
	});

	it.each([
		['the same with a later name', '/etc/udev/rules.d/99-particle.rules', ofParticle, 0],
		['a mode that nothing may change', '/etc/udev/rules.d/10-a.rules', ofParticle.replaceAll('MODE="0666"', 'MODE:="0666"'), 0],
		['the person at the screen', '/usr/lib/udev/rules.d/70-a.rules', 'ATTRS{idVendor}=="2b04|1d50", TAG+="uaccess"', 0],
		['a vendor without products', '/etc/udev/rules.d/99-a.rules', 'SUBSYSTEM=="usb", ATTR{idVendor}=="2b04", MODE="0666"', 2],
		[
			'one product',
			'/etc/udev/rules.d/99-a.rules',
			'ATTR{idVendor}=="2b04", ATTR{idProduct}=="c00d", MODE="0666"',
			all.length - 1,
		],
		['other vendors', '/etc/udev/rules.d/99-a.rules', 'ATTR{idVendor}=="0403", MODE="0666"', all.length],
		['a comment', '/etc/udev/rules.d/99-a.rules', `# ${ofParticle.replaceAll('\n', ' ')}`, all.length],
		['a mode for the owner alone', '/etc/udev/rules.d/99-a.rules', 'ATTR{idVendor}=="2b04", MODE="0600"', all.length],
		['everything but our vendor', '/etc/udev/rules.d/99-a.rules', 'ATTR{idVendor}!="2b04", MODE="0666"', all.length],
		['a line over two', '/etc/udev/rules.d/99-a.rules', 'ATTR{idVendor}=="2b04|1d50", \\\n  MODE="0666"', 0],
	])('%s', (_what, path, text, uncovered) => {
		expect(cover(path, text).uncovered).toHaveLength(uncovered);
	});

	it('never fail on whatever a file holds', () => {
		fc.assert(
			fc.property(fc.string(), fc.string(), (key, value) => {
				const text = `ATTRS{idVendor}=="${value}", ATTRS{idProduct}=="${key}", MODE="${value}"\n${key}`;
				expect(cover('/etc/udev/rules.d/x.rules', text).uncovered.length).toBeLessThanOrEqual(all.length);
			}),
		);
	});
});
