/**
 * The slot for updates of a running Device OS: where it leaves what it receives, and where it looks when it is asked (by the OTA flag of the DCT) to install
 * what somebody else has left there. One place for these addresses; they are used for plans, for scripts and by the virtual devices' tests.
 */
import { asPlatform, regionOf } from './platforms.js';
import type { Platform } from './types.js';

const PAGE = 4096;

export interface UpdateSlotOf {
	/** Number of the system part that will look into it; without it, as the newest does. */
	moduleVersion?: number;
	/** First address behind that part's CRC. Asked for only where the slot begins behind the part. */
	systemEnd?: number;
	/** Start of an application that ends the slot (RTL872x: it lies at the end of the same flash). */
	applicationStart?: number;
}

export interface UpdateSlot {
	storage: 'internal' | 'external';
	/** Addresses of the chip, `end` exclusive. */
	start: number;
	end: number;
}

/**
 * Where the region of the catalogue begins inside of the system part's, the slot floats: it is the first page behind the page in which the part's CRC
 * ends (device-os v5.4.1: hal/src/rtl872x/ota_module_bounds.c; the part that starts decides, not the one before it), and ends at the application. The assets of
 * Device OS 5.5.0 and newer end it too, where they share its flash. `undefined`: there is no slot, or the system part's end is not known.
 */
export function updateSlot(platform: Platform | string, of: UpdateSlotOf): UpdateSlot | undefined {
	const p = asPlatform(platform);
	const region = regionOf(p, 'ota', of.moduleVersion);
	if (!region || region.storage === 'dct') return undefined;
	const system = regionOf(p, 'system-part-1', of.moduleVersion);
	const floats =
		system !== undefined && system.storage === region.storage && region.start > system.start && region.start < system.end;
	let { start, end } = region;
	if (floats) {
		if (of.systemEnd === undefined) return undefined;
		start = of.systemEnd - (of.systemEnd % PAGE) + PAGE;
	}
	const assets = regionOf(p, 'assets', of.moduleVersion);
	if (assets && assets.storage === region.storage && assets.start > start && assets.start < end) end = assets.start;
	if (region.storage === 'internal' && of.applicationStart !== undefined && of.applicationStart > start)
		end = Math.min(end, of.applicationStart);
	return end > start ? { storage: region.storage, start, end } : undefined;
}
