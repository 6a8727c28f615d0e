import { platformByName, platforms, releasesFor } from '@linac/catalog';
import { describe, expect, it } from 'vitest';
import { applicationOf, deviceModules, snapshotOf } from '../../../tests/scenarios/planner-releases.js';
import { diagnose } from './diagnose.js';
import type { DeviceSnapshot, InstalledModule } from './types.js';

const boron = platformByName('boron')!;
const photon = platformByName('photon')!;
const electron = platformByName('electron')!;
const tracker = platformByName('tracker')!;

function dfu(
	platform: typeof boron,
	version: string,
	change: (m: InstalledModule) => InstalledModule | undefined = (m) => m,
): DeviceSnapshot {
	const whole = snapshotOf(platform, deviceModules(platform, version), { mode: 'dfu', depth: 'read', osVersion: version });
	return { ...whole, modules: whole.modules!.flatMap((m) => change(m) ?? []) };
}

const of = (f: number, index?: number) => (m: InstalledModule) => m.function === f && (index === undefined || m.index === index);
const codes = (device: DeviceSnapshot) => diagnose(device, platformByName(device.platform)!).map((f) => f.code);

describe('what is wrong with a device', () => {
	it('is nothing, for a whole device of every platform and release', () => {
		let looked = 0;
		for (const platform of platforms) {
			for (const release of releasesFor(platform)) {
				const modules = deviceModules(platform, release.version);
				for (const look of [{ mode: 'normal', depth: 'reported' } as const, { mode: 'normal', depth: 'read' } as const]) {
					const found = diagnose(snapshotOf(platform, modules, { ...look, osVersion: release.version }), platform);
					expect(found, `${platform.name} ${release.version}: ${found.map((f) => f.message).join(' ')}`).toEqual([]);
					looked++;
				}
			}
		}
		expect(looked).toBeGreaterThan(500);
	});

	it('is said with the names of releases', () => {
		const application = applicationOf(boron, '4.0.0');
		const modules = [...deviceModules(boron, '2.2.0').filter((m) => m.module.prefix.function !== 5), application];
		const found = diagnose(snapshotOf(boron, modules, { mode: 'safe', depth: 'read' }), boron);
		expect(found.map((f) => f.message)).toContain(
			'The application needs Device OS 4.0.0, the board has 2.2.0. It runs in safe mode without it.',
		);
		expect(found.find((f) => f.code === 'APPLICATION_TOO_NEW')!.hint).toContain('--target 4.0.');
	});

	it('is an asset that the application asks for and the device does not have: the bundle helps, no restore', () => {
		const whole = snapshotOf(boron, deviceModules(boron, '5.8.0'), { mode: 'safe', depth: 'reported', osVersion: '5.8.0' });
		const asked = [{ name: 'cat.txt', sha256: 'ab'.repeat(32) }];
		const modules = whole.modules!.map((m) => (m.function === 5 ? { ...m, assets: asked } : m));
		const found = diagnose({ ...whole, modules, assets: { available: [], required: asked } }, boron);
		expect(found.map((f) => f.code)).toEqual(['SAFE_MODE', 'ASSET_MISSING']);
		expect(found.every((f) => f.hint?.includes('`linac flash` with the bundle'))).toBe(true);
		expect(diagnose({ ...whole, mode: 'normal', modules, assets: { available: asked, required: asked } }, boron)).toEqual([]);
	});

	it('names a module that is missing, damaged, or of another kind of device', () => {
		expect(codes(dfu(boron, '2.2.0', (m) => (of(4)(m) ? undefined : m)))).toEqual(['STAYS_IN_DFU', 'MODULE_MISSING']);
		expect(codes(dfu(boron, '2.2.0', (m) => (of(8)(m) ? { ...m, valid: false } : m)))).toEqual([
			'DOES_NOT_START',
			'SOFTDEVICE_DAMAGED',
		]);
		expect(codes(dfu(photon, '2.2.0', (m) => (of(4, 2)(m) ? { ...m, valid: false, platformId: 8 } : m)))).toEqual([
			'DOES_NOT_START',
			'MODULE_OF_OTHER_PLATFORM',
		]);
		expect(codes(dfu(photon, '2.2.0', (m) => (of(5)(m) ? undefined : m)))).toEqual([
			'STARTS_IN_SAFE_MODE',
			'APPLICATION_MISSING',
		]);
		expect(codes(dfu(boron, '2.2.0', (m) => (of(2)(m) ? { ...m, valid: false } : m)))).toContain('BOOTLOADER_DAMAGED');
	});

	it('names parts of two releases, an old bootloader, an old NCP', () => {
		const mixed = dfu(electron, '2.2.0', (m) => (of(4, 1)(m) ? { ...m, version: 2302 } : m));
		expect(codes(mixed)).toContain('SYSTEM_PARTS_MIXED');
		expect(codes(dfu(boron, '4.0.1', (m) => (of(2)(m) ? { ...m, version: 501 } : m)))).toContain('BOOTLOADER_TOO_OLD');
		const old = snapshotOf(tracker, deviceModules(tracker, '4.0.1'), { mode: 'safe', depth: 'reported' });
		const ncp = { ...old, modules: old.modules!.map((m) => (of(7)(m) ? { ...m, version: 1 } : m)) };
		expect(codes(ncp)).toContain('NCP_TOO_OLD');
	});

	it('names what only the flags say', () => {
		expect(codes({ ...dfu(boron, '2.2.0'), setupDone: false })).toEqual(['SETUP_NOT_DONE']);
		expect(codes({ ...dfu(boron, '2.2.0'), pending: [{ way: 'ota-slot', offset: 1753, bytes: 'a5' }] })).toEqual([
			'UPDATE_PENDING',
		]);
		expect(codes({ ...dfu(boron, '2.2.0'), pending: [{ way: 'module-slot', slot: 1, offset: 2872, bytes: 'cdab' }] })).toEqual([
			'MODULE_COPY_PENDING',
		]);
		expect(codes(dfu(boron, '4.0.1'))).toEqual(['IN_DFU_MODE']);
		expect(codes({ ...dfu(boron, '4.0.1'), mode: 'safe' })).toEqual(['SAFE_MODE']);
		expect(codes({ ...dfu(boron, '4.0.1'), mode: 'listening' })).toEqual(['LISTENING_MODE']);
		expect(codes({ ...dfu(boron, '4.0.1'), modules: undefined })).toEqual(['DEVICE_STATE_UNKNOWN']);
		expect(codes({ ...dfu(boron, '4.0.1'), modules: undefined, protection: 'protected' })).toEqual(['DEVICE_PROTECTED']);
	});

	it('names an old application that hides the new one', () => {
		const modules = [...deviceModules(boron, '4.0.1'), applicationOf(boron, '4.0.1', { index: 2 })];
		const device = snapshotOf(boron, modules, { mode: 'normal', depth: 'read' });
		expect(codes(device)).toEqual(['APPLICATION_HIDDEN']);
	});

	it('says what to do, every time', () => {
		for (const f of diagnose(
			dfu(photon, '2.2.0', (m) => (of(4, 1)(m) ? undefined : m)),
			photon,
		)) {
			expect(f.hint).toMatch(/[.]$/);
			expect(f.message).toMatch(/[.]$/);
		}
	});
});
