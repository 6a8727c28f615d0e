import { asPlatform, platforms, releasesFor } from '@linac/catalog';
import { LinacError, VirtualClock } from '@linac/core';
import { expect, test } from 'vitest';
import { type BenchDevice, DeviceBench } from './bench.js';
import type { PartSources } from './delivered-parts.js';
import { carryOut } from './device-commands.js';
import { viewOf } from './device-view.js';
import { type StartingStateName, startingStates } from './starting-states.js';

/** Nothing can be had: everything is a stand-in. */
const nothing: PartSources = {
	open: () => Promise.reject(new LinacError('RELEASE_NOT_AVAILABLE', 'Not here.', { retry: 'operator' })),
	application: () => Promise.resolve(undefined),
};

function bench() {
	const clock = new VirtualClock();
	return { clock, bench: new DeviceBench({ clock, timing: 'datasheet', sources: nothing }) };
}

async function found(platform: string, version: string, start: StartingStateName): Promise<BenchDevice> {
	const { bench: one, clock } = bench();
	const made = await one.add({ platform: asPlatform(platform), version }, { start });
	// A button that was pressed last restarts it once more; a crash takes until the end of its SOS.
	await clock.sleep(10_000);
	return made;
}

const told = async (platform: string, version: string, start: StartingStateName) => {
	const { device } = await found(platform, version, start);
	return [device.mode, viewOf(device).led.words];
};

test('a Boron in each state does what a board does in it', async () => {
	const boron = (start: StartingStateName) => told('boron', '4.0.1', start);
	expect(await boron('healthy')).toEqual(['normal', 'blinks green']);
	expect(await boron('half-written')).toEqual(['dfu', 'blinks yellow']);
	expect(await boron('application-too-new')).toEqual(['safe', 'breathes magenta']);
	expect(await boron('application-missing')).toEqual(['safe', 'breathes magenta']);
	expect(await boron('application-damaged')).toEqual(['safe', 'breathes magenta']);
	expect(await boron('bootloader-old')).toEqual(['safe', 'breathes magenta']);
	expect(await boron('softdevice-damaged')).toEqual(['dead', 'blinks red: SOS']);
	expect(await boron('system-missing')).toEqual(['dfu', 'blinks yellow']);
	expect(await boron('bootloader-damaged')).toEqual(['dead', 'is dark']);
	expect(await boron('dfu')).toEqual(['dfu', 'blinks yellow']);
	expect(await boron('listening')).toEqual(['listening', 'blinks dark blue']);
	expect(await boron('safe')).toEqual(['safe', 'breathes magenta']);
});

test('every state that is offered for a Photon and a P2 is another one than the healthy one', async () => {
	for (const [platform, version] of [
		['photon', '2.3.1'],
		['p2', '5.7.0'],
	] as const) {
		const healthy = viewOf((await found(platform, version, 'healthy')).device);
		expect(healthy.mode).toBe('normal');
		for (const { name } of startingStates(asPlatform(platform), version).slice(1)) {
			const { mode, modules } = viewOf((await found(platform, version, name)).device);
			expect([name, { mode, modules }]).not.toEqual([name, { mode: healthy.mode, modules: healthy.modules }]);
		}
	}
});

test('the newest release of every platform can be put on a virtual device', async () => {
	for (const platform of platforms) {
		const release = releasesFor(platform)[0];
		if (!release) continue;
		const { device } = await found(platform.name, release.version, 'healthy');
		expect([platform.name, device.mode]).toEqual([platform.name, 'normal']);
	}
});

test('names, places and ids stay apart when devices come and go', async () => {
	const { bench: one } = bench();
	const photon = { platform: asPlatform('photon'), version: '2.3.1' };
	const [a, b] = [await one.add(photon), await one.add(photon)];
	expect([a.name, b.name]).toEqual(['photon', 'photon-2']);
	await one.started();
	one.remove(a);
	expect(await one.bus.wires()).toHaveLength(1);
	const c = await one.add(photon, { seed: 77 });
	expect([c.name, c.device.location]).toEqual(['photon', a.device.location]);
	expect(c.device.deviceId).not.toBe(a.device.deviceId);
	expect(one.find(b.device.deviceId)).toBe(b);
});

test('a device goes on from its saved state, with the cable out if it was', async () => {
	const { device } = await found('boron', '4.0.1', 'application-missing');
	const { bench: other } = bench();
	const saved = { state: device.saveState(), standIn: true };
	const again = await other.add({ platform: device.platform, version: '4.0.1' }, { saved, unplugged: true });
	expect([again.device.mode, again.device.deviceId, again.standIn]).toEqual(['off', device.deviceId, true]);
	again.device.plug();
	await other.started();
	expect(again.device.mode).toBe('safe');
});

test('a cable that is to come out at the next restart does, and faults can be seen and taken back', async () => {
	const { device } = await found('boron', '4.0.1', 'healthy');
	carryOut(device, { do: 'unplug-at-restart', at: 1 });
	carryOut(device, { do: 'unplug-at-transfer', at: 500 });
	expect(viewOf(device).faults).toEqual([
		{ fault: 'unplug', in: 500 },
		{ fault: 'unplug-at-restart', in: 1 },
	]);
	carryOut(device, { do: 'reset' });
	expect(viewOf(device)).toMatchObject({ cable: false, mode: 'off', faults: [{ fault: 'unplug', in: 500 }] });
	carryOut(device, { do: 'mend' });
	expect(viewOf(device).faults).toEqual([]);
});

test('a release that the platform never had is refused', async () => {
	await expect(bench().bench.add({ platform: asPlatform('photon'), version: '4.0.1' })).rejects.toMatchObject({
		code: 'RELEASE_UNKNOWN',
	});
});
