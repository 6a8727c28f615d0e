import { compareVersions } from '@linac/catalog';
import type { Goal } from '@linac/planner';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, it } from 'vitest';
import { Fresh, type Job, SWEEP_LIMIT_MS, say, sweep, whole } from './interruption-sweep.js';
import type { Bench } from './programming-setup.js';

/** A device in DFU mode whose system part is damaged; the SoftDevice of an nRF52840 too. */
class Broken extends Fresh {
	override make(): Bench {
		const b = super.make();
		const { platform } = b.device;
		const at = platform.mcu === 'rtl872x' ? 0x08061000 : 0x31000;
		b.device.flash('internal').put(at, new Uint8Array(4096));
		if (platform.mcu === 'nrf52840') b.device.flash('internal').put(0x2000, new Uint8Array(256));
		return b;
	}
}

function job(platform: string, from: string, target: string, bootloaderWay: NonNullable<Goal['bootloaderWay']>): Job {
	// A system part that has moved (6.2.0) is as large as to reach over the MBR's old page and the beginning of the one before it.
	const sizes = { 'system-part1': compareVersions(target, '6.2.0') >= 0 ? 0x10000 : 12 * 1024 };
	return {
		platform,
		from: standInRelease(platform, from, { sizes }),
		to: standInRelease(platform, target, { sizes }),
		target,
		application: standInApplication(platform, target, { size: 40_000 }).module.bytes,
		more: { allow: ['downgrade', 'experimental'], bootloaderWay },
	};
}

/** `always` in every run of the tests; the others with LINAC_SWEEP=all. */
const jobs: { name: string; fresh: Fresh; inPlace?: boolean; always?: ('power' | 'cable')[] }[] = [
	{ name: 'boron by OTA slot', fresh: new Fresh(job('boron', '2.2.0', '4.0.1', 'ota-slot')), always: ['power'] },
	{ name: 'boron by module slot', fresh: new Fresh(job('boron', '2.2.0', '4.0.1', 'module-slot')), always: ['power'] },
	{ name: 'boron by module slot, over the move of 6.2.0', fresh: new Fresh(job('boron', '4.0.1', '6.2.0', 'module-slot')) },
	{ name: 'a broken boron by module slot', fresh: new Broken(job('boron', '2.2.0', '4.0.1', 'module-slot')), always: ['cable'] },
	{
		name: 'a broken boron by module slot, over the move of 6.2.0',
		fresh: new Broken(job('boron', '4.0.1', '6.2.0', 'module-slot')),
		always: ['power'],
	},
	{ name: 'boron 1.5.2 by OTA slot', fresh: new Fresh(job('boron', '1.5.2', '4.0.1', 'ota-slot')), inPlace: true },
	{ name: 'p2 by OTA slot', fresh: new Fresh(job('p2', '5.3.0', '5.7.0', 'ota-slot')) },
	{ name: 'p2 by module slot', fresh: new Fresh(job('p2', '5.3.0', '5.7.0', 'module-slot')) },
	{ name: 'a broken p2 by module slot', fresh: new Broken(job('p2', '5.3.0', '5.7.0', 'module-slot')), always: ['power'] },
	{
		name: 'photon by OTA slot',
		fresh: new Fresh(job('photon', '1.5.2', '2.2.0', 'ota-slot')),
		inPlace: true,
		always: ['power', 'cable'],
	},
];
const all = process.env.LINAC_SWEEP === 'all';

describe('a bootloader over DFU, interrupted: the same command finishes the job', () => {
	for (const { name, fresh, inPlace, always } of jobs) {
		it.skipIf(!all && !always?.includes('power'))(
			`${name}: power fails in a flash write`,
			{ timeout: SWEEP_LIMIT_MS },
			async () => {
				const { writes } = await whole(fresh);
				const began = performance.now();
				const swept = await sweep(fresh, writes, (device, point) => {
					device.faults.powerLossAtFlashWrite(point);
					return undefined;
				});
				say(`${name}, power`, swept, began);
				expect(swept.bad).toEqual([]);
				expect(swept.button.filter((p) => !p.named)).toEqual([]);
				// Only a bootloader that the system copies over the old one can be lost, and the plan has said so.
				if (!inPlace) expect(swept.dead).toEqual([]);
				expect(swept.dead.filter((p) => !p.named)).toEqual([]);
			},
		);

		it.skipIf(!all && !always?.includes('cable'))(
			`${name}: the cable is pulled at a transfer`,
			{ timeout: SWEEP_LIMIT_MS },
			async () => {
				const { transfers } = await whole(fresh);
				const began = performance.now();
				const swept = await sweep(fresh, transfers, (device, point) => {
					device.faults.unplugAtTransfer(point);
					return undefined;
				});
				say(`${name}, cable`, swept, began);
				expect(swept.bad).toEqual([]);
				expect(swept.button.filter((p) => !p.named)).toEqual([]);
				expect(swept.dead).toEqual([]);
			},
		);
	}
});
