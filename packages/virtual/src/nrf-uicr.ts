/**
 * UICR NRFFW[1]: the page in which the MBR notes its order. Bits only go from 1 to 0: blank, 0x2F000, and from Device OS 6.2.0 on 0x27000, written by the first
 * bootloader or system of that time that starts, which then erases the new page and resets (device-os v2.2.0 and v6.2.0:
 * platform/MCU/nRF52840/src/hw_config.c configure_uicr; before 6.2.0 only the bootloader does it).
 */
import type { Hardware } from './hardware.js';

const BLANK = 0xffffffff;
const LEGACY = 0x2f000;
const MOVED = 0x27000;
/** Bootloader and system of Device OS 6.1.2, in whose memory map the page has moved. */
const MOVED_BOOTLOADER = 3100;
const MOVED_SYSTEM = 6102;

/** A bootloader or a system of this version starts. True when it has changed the register and resets. */
export async function configureUicr(hw: Hardware, who: 'bootloader' | 'system', version: number): Promise<boolean> {
	const moves = version >= (who === 'bootloader' ? MOVED_BOOTLOADER : MOVED_SYSTEM);
	if (moves && (hw.mbrParameterPage === BLANK || hw.mbrParameterPage === LEGACY)) {
		hw.mbrParameterPage = MOVED;
		await hw.worker.run(hw.internal.erase(MOVED, 1));
		return true;
	}
	if (who === 'bootloader' && hw.mbrParameterPage === BLANK) {
		hw.mbrParameterPage = LEGACY;
		return true;
	}
	return false;
}
