import { platformByName } from '@linac/catalog';
import { VirtualClock } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { VirtualBus, VirtualDevice } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { application, goalFile, parsed } from './programming-setup.js';
import { type Kind, releaseOf, smallKinds } from './recovery-states.js';
import { notRepaired, restoreOnce } from './recovery-sweep.js';

/** A device with this Device OS and this application, running. */
async function board(
	kind: Kind,
	version: string,
	app: Uint8Array | undefined,
	damage: (device: VirtualDevice) => void = () => {},
) {
	const clock = new VirtualClock();
	const modules = releaseOf(kind, version)
		.modules.map((m) => m.module)
		.filter((m) => m.prefix.function !== ModuleFunction.ncp);
	const device = new VirtualDevice({
		platform: platformByName(kind.platform)!,
		clock,
		timing: 'none',
		setupDone: true,
		modules: [...modules, ...(app ? [parsed(app)] : [])],
	});
	damage(device);
	const bus = new VirtualBus();
	bus.add(device);
	device.plug();
	await clock.sleep(10_000);
	return { device, bus, clock, kind };
}

const boron = smallKinds.boron!;
const photon = smallKinds.photon!;
const app = (needs: number, more = {}) => application('boron', { needs, size: 5000, ...more });
const contents = (device: VirtualDevice) => JSON.stringify(device.saveState());

describe('a Boron whose application is too new', () => {
	test('is told so with the names of releases, and gets a Device OS that is new enough', async () => {
		const b = await board(boron, '2.3.1', app(4003));
		expect(b.device.mode).toBe('safe');
		const ended = await restoreOnce(b);
		expect(ended.report!.findings.map((f) => f.message)).toContain(
			'The application needs Device OS 4.0.0, the board has 2.3.1. It runs in safe mode without it.',
		);
		expect(ended.report!.target.version).toBe('4.0.2');
		expect(ended.report!.application.action).toBe('keep');
		expect(notRepaired(b, ended)).toBeUndefined();
		expect(b.device.mode).toBe('normal');
		expect(ended.report!.remaining).toEqual([]);
	});

	test('is only told so by a dry run: nothing is written, and it runs as before', async () => {
		const b = await board(boron, '2.3.1', app(4003));
		const before = contents(b.device);
		const ended = await restoreOnce(b, { dryRun: true });
		expect(ended.report).toMatchObject({ outcome: 'planned', target: { version: '4.0.2' } });
		expect(ended.report!.plan!.steps.length).toBeGreaterThan(2);
		expect(contents(b.device)).toBe(before);
		expect(b.device.mode).toBe('safe');
	});

	test('is left as it was when the answer is no', async () => {
		const b = await board(boron, '2.3.1', app(4003));
		const before = contents(b.device);
		const ended = await restoreOnce(b, { confirm: () => false });
		expect(ended.error?.code).toBe('CANCELLED');
		expect(contents(b.device)).toBe(before);
		expect(b.device.mode).toBe('safe');
	});

	test('gets another application when one is given', async () => {
		const b = await board(boron, '2.3.1', app(4003));
		const other = goalFile('boron', app(2302, { seed: 7 }));
		const ended = await restoreOnce(b, { files: [other], target: '2.3.1' });
		expect(notRepaired(b, ended)).toBeUndefined();
		expect(ended.report).toMatchObject({ outcome: 'verified', application: { action: 'file' } });
		expect(b.device.mode).toBe('normal');
	});
});

test('a Photon that restarts again and again is reached by its buttons, and one where nobody is at hand is not', async () => {
	const tornPart = (device: VirtualDevice) => device.flash('internal').put(0x08020800, new Uint8Array(64));
	const b = await board(photon, '2.3.1', undefined, tornPart);
	expect(b.device.mode).toBe('dead');
	const alone = await restoreOnce(b, { limits: { operatorMs: 0 } });
	expect(alone.error?.code).toBe('DEVICE_NOT_FOUND');
	expect(alone.error?.hint).toContain('SETUP');
	const ended = await restoreOnce(b);
	expect(ended.events.find((e) => e.type === 'waiting')).toMatchObject({ hint: expect.stringContaining('SETUP') });
	expect(ended.report!.findings.map((f) => f.code)).toEqual(expect.arrayContaining(['DOES_NOT_START', 'MODULE_DAMAGED']));
	expect(notRepaired(b, ended)).toBeUndefined();
});

test('a sound Boron in DFU mode is let run, and nothing is written to it', async () => {
	const b = await board(boron, '4.2.0', app(4200));
	const before = contents(b.device);
	b.device.pressModeAndReset();
	await b.clock.sleep(10_000);
	const ended = await restoreOnce(b);
	expect(ended.report!.findings.map((f) => f.code)).toEqual(['IN_DFU_MODE']);
	expect(ended.report!.outcome).toBe('already');
	expect(b.device.mode).toBe('normal');
	expect(contents(b.device)).toBe(before);
});

test('of two applications that both run, the device keeps both, and is told which one runs', async () => {
	const b = await board(boron, '4.2.0', app(4200), (device) => {
		const second = parsed(app(4200, { index: 2, seed: 3 }));
		device.flash('internal').put(second.prefix.start, second.bytes);
	});
	const ended = await restoreOnce(b);
	expect(ended.report!.remaining.map((f) => f.code)).not.toContain('APPLICATION_TOO_NEW');
	expect(ended.report!.findings.map((f) => f.code)).toContain('APPLICATION_HIDDEN');
	expect(b.device.installedModules().filter((m) => m.function === ModuleFunction.user && m.valid)).toHaveLength(2);
});

test('an older Device OS is not installed without permission', async () => {
	const b = await board(boron, '4.2.0', app(2302));
	const before = contents(b.device);
	const ended = await restoreOnce(b, { target: '2.3.1' });
	expect(ended.report!.outcome).toBe('refused');
	expect(ended.report!.problems[0]!.code).toBe('DOWNGRADE_NOT_ALLOWED');
	expect(contents(b.device)).toBe(before);
	expect(b.device.mode).toBe('normal');
	const allowed = await restoreOnce(b, { target: '2.3.1', allow: ['downgrade'] });
	expect(notRepaired(b, allowed)).toBeUndefined();
});
