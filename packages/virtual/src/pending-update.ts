/**
 * The update that the OTA flag of the DCT (0xA5) asks for: Device OS clears the flag, applies what stands in the slot, and starts again.
 * The same on every chip that has the flag; what applying means is the chip's. device-os v4.0.1: system/src/main.cpp.
 */
import type { BootOutcome, Chip } from './chip.js';
import type { Hardware } from './hardware.js';
import { restartMs } from './timing.js';

const APPLY = 0xa5;
/** Device OS 1.2.1: the first that looks at the flag. */
const LOOKS_FROM = 1213;

/** What the start ends in when an update was applied; `undefined` when the system goes on starting. */
export async function applyFlaggedUpdate(chip: Chip, hw: Hardware, systemVersion: number): Promise<BootOutcome | undefined> {
	const flag = hw.platform.dct.otaFlag;
	if (systemVersion < LOOKS_FROM) return undefined;
	if (hw.dct.read(flag, 1)[0] !== APPLY) return undefined;
	await hw.worker.run(hw.dct.write(flag, Uint8Array.of(0xff)));
	if ((await chip.applyUpdate(hw, systemVersion, 0)) !== 0) return undefined;
	await hw.worker.wait(restartMs.updateApplied);
	return { runs: 'again', why: 'A pending update was applied.' };
}
