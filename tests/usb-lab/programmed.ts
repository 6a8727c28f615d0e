/** Whether a device holds what was asked for, by its own flash, whatever a tool says of it. */
import { type SourcedModule, slotByName } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { contentBytes, ModuleFunction } from '@linac/firmware';
import { expect } from 'vitest';
import type { BenchDevice } from './devices.js';

/** Every module is there with its version and its bytes. What is kept encrypted cannot be compared, and of what runs on another chip only the version. */
export function expectProgrammed(
	{ device, platform }: Pick<BenchDevice, 'device' | 'platform'>,
	modules: readonly Pick<SourcedModule, 'slot' | 'module'>[],
): void {
	expect(device.mode, device.why).toBe('normal');
	const flashed = device.installedModules();
	for (const { slot, module } of modules) {
		const { function: kind, index, version, start } = module.prefix;
		if (slotByName(platform, slot)?.encrypted) continue;
		const there = flashed.some(
			(m) => m.function === kind && m.version === version && (m.index === index || kind === ModuleFunction.radioStack),
		);
		expect(there, slot).toBe(true);
		const bytes = contentBytes(module);
		// Bootloaders of some platforms lie in another storage, or behind a header of the chip's own.
		if (kind !== ModuleFunction.bootloader && kind !== ModuleFunction.ncp)
			expect(equalBytes(device.flash('internal').read(start, bytes.length), bytes), slot).toBe(true);
	}
}
