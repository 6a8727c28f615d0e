import { platformByName, type ReleaseModule } from '@linac/catalog';
import type { Json } from '@linac/core';
import type { ParsedModule } from '@linac/firmware';
import { standInApplication, standInModule, standInRelease } from '@linac/virtual';
import { expect, test } from 'vitest';
import { lab } from '../../../tests/support/virtual-lab.js';

const small = { sizes: { default: 3000 } };

function deviceSet(platform: string, version: string): ParsedModule[] {
	return [...standInRelease(platform, version, small).modules, standInApplication(platform, version, { size: 3000 })].map(
		(m) => m.module,
	);
}

function newBootloader(platform: string, version: number, index = 0): ParsedModule {
	const slot = platformByName(platform)!.modules.find((s) => s.function === 2 && s.index === index)!;
	const expected: Pick<ReleaseModule, 'slot' | 'function' | 'index' | 'version' | 'dependencies'> = {
		slot: slot.name,
		function: 2,
		index,
		version,
		dependencies: [],
	};
	return standInModule(platformByName(platform)!, 0, expected, small).module;
}

interface Outcome {
	n: number;
	mode: string;
	bootloader: string;
}

/** Gives the device a bootloader by control requests and cuts the power at flash write n; then power comes back. `undefined`: no n-th write. */
async function cutAt(platform: string, state: Json, bootloader: ParsedModule, n: number): Promise<Outcome | undefined> {
	const l = lab(platform, { modules: [], state, timing: 'none' });
	const dev = await l.control();
	l.device.faults.powerLossAtFlashWrite(n);
	await dev.updateFirmware(bootloader.bytes).catch(() => {});
	const settled = async () => {
		for (let i = 0; i < 50 && l.device.mode !== 'dead' && !l.device.attached && l.device.why !== 'The cable is out.'; i++)
			await l.clock.sleep(100);
	};
	await l.clock.sleep(100);
	await settled();
	if (l.device.mode !== 'off') return undefined;
	l.device.plug();
	await l.clock.sleep(100);
	await settled();
	const found = l.device.installedModules().find((m) => m.function === 2 && m.index === bootloader.prefix.index);
	const outcome = { n, mode: l.device.mode as string, bootloader: found?.valid ? String(found.version) : 'broken' };
	if (outcome.mode === 'dead') {
		l.device.pressModeAndReset();
		await l.clock.sleep(100);
		await settled();
		outcome.mode = `dead, with the button ${l.device.mode}`;
	}
	l.device.unplug();
	return outcome;
}

async function sweep(platform: string, version: string, bootloader: ParsedModule): Promise<Outcome[]> {
	const origin = lab(platform, { modules: deviceSet(platform, version), setupDone: true, timing: 'none' });
	const state = origin.device.saveState();
	origin.device.unplug();
	const out: Outcome[] = [];
	for (let n = 1; ; n++) {
		const outcome = await cutAt(platform, state, bootloader, n);
		if (!outcome) return out;
		out.push(outcome);
	}
}

test('power lost at any flash write of a bootloader update through the MBR leaves a Boron that starts with one bootloader or the other', async () => {
	const outcomes = await sweep('boron', '2.2.0', newBootloader('boron', 1101));
	expect(outcomes.length).toBeGreaterThan(60);
	expect(outcomes.filter((o) => o.mode !== 'normal')).toEqual([]);
	expect(new Set(outcomes.map((o) => o.bootloader))).toEqual(new Set(['1006', '1101']));
});

test('power lost at any flash write of a bootloader update leaves a P2 that starts', async () => {
	for (const index of [0, 2]) {
		const outcomes = await sweep('p2', '5.3.0', newBootloader('p2', 2400, index));
		expect(outcomes.length).toBeGreaterThan(20);
		expect(outcomes.filter((o) => o.mode !== 'normal')).toEqual([]);
	}
});

test.each([
	['photon', '2.2.0'],
	['boron', '1.5.2'],
])(
	'the bootloader of a %s on %s is replaced in place: power lost between its erase and its last byte is the only end',
	async (platform, version) => {
		const outcomes = await sweep(platform, version, newBootloader(platform, 1105));
		const dead = outcomes.filter((o) => o.mode !== 'normal');
		expect(dead.length).toBeGreaterThan(2);
		expect(new Set(dead.map((o) => o.mode))).toEqual(new Set(['dead, with the button dead']));
		expect(new Set(dead.map((o) => o.bootloader))).toEqual(new Set(['broken']));
		// One stretch without a gap, at the end.
		expect(dead.map((o) => o.n)).toEqual(Array.from({ length: dead.length }, (_, i) => dead[0]!.n + i));
		expect(dead.at(-1)!.n).toBe(outcomes.at(-1)!.n);
	},
);
