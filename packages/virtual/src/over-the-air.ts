/**
 * What the cloud does with a device that waits in safe mode: it sends a module that is missing, the device applies it and restarts, until nothing is
 * missing (Particle's "safe mode healer"; the device tells its modules on connecting, device-os v2.3.1: system/src/system_cloud_internal.cpp,
 * "spark/device/safemode"). A device that listens does not connect. Whether and when a real one is reached depends on its network and account: here
 * it is after a given time. This is what makes a Gen 2 device go on by itself when it restarts in the middle of a job over serial.
 */
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import type { Chip } from './chip.js';
import type { Hardware } from './hardware.js';
import { clearJobs } from './module-slots.js';
import { locate, seenModules } from './system-view.js';

export interface Cloud {
	/** What it can send. */
	modules: readonly ParsedModule[];
	/** From the start in safe mode until a module has arrived, milliseconds. */
	afterMs: number;
}

/** The module that the cloud would send to a device with these modules: one that is asked for and not there. */
export function missingModule(hw: Hardware, systemVersion: number, cloud: Cloud): ParsedModule | undefined {
	for (const seen of seenModules(hw, systemVersion)) {
		if (seen.function === ModuleFunction.ncp || seen.function === ModuleFunction.radioStack) continue;
		for (const d of seen.dependencies) {
			const place = hw.slots(systemVersion).find(({ slot }) => slot.function === d.function && slot.index === d.index);
			const there = place?.region && locate(hw, place.slot, place.region);
			if (there && there.version >= d.version) continue;
			const sent = cloud.modules.find(
				(m) => m.prefix.function === d.function && m.prefix.index === d.index && m.prefix.version >= d.version,
			);
			if (sent) return sent;
		}
	}
	return undefined;
}

/** Bytes that arrive together. */
const CHUNK = 4096;

/**
 * Stages and applies it as an update over the air. `connected` is asked before every piece: a device that listens has left its network, and the
 * update is broken off. True: it was applied, and the device restarts.
 */
export async function installOverTheAir(
	chip: Chip,
	hw: Hardware,
	systemVersion: number,
	module: ParsedModule,
	connected: () => boolean,
): Promise<boolean> {
	const slot = chip.otaSlot(hw, systemVersion);
	const flash = hw.flash(slot.storage);
	if (!connected()) return false;
	await hw.worker.run(clearJobs(hw));
	await hw.worker.run(flash.erase(slot.start, module.bytes.length));
	for (let at = 0; at < module.bytes.length; at += CHUNK) {
		if (!connected()) return false;
		await hw.worker.run(flash.program(slot.start + at, module.bytes.subarray(at, at + CHUNK)));
	}
	return connected() && (await chip.applyUpdate(hw, systemVersion, module.bytes.length)) >= 0;
}
