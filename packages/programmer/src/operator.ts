/** Sentences for the person in front of the device: which button to press, and when only a debugger helps. Not for logic. */

import type { Platform } from '@linac/catalog';
import { type Clock, LinacError } from '@linac/core';

/**
 * How to bring a device into DFU mode by hand. The button next to RESET is called SETUP on generation 2 and MODE from generation 3
 * on (docs.particle.io: "LED and device modes", DFU mode); modules without buttons have the same two pins on their carrier board.
 */
export function buttonHint(platform: Platform): string {
	const button = platform.generation <= 2 ? 'SETUP' : 'MODE';
	return (
		`Hold ${button}, tap RESET, and let go of ${button} when the LED blinks yellow: that is DFU mode. ` +
		'Then run the same command again: it continues from what is on the device.'
	);
}

/** A device that was let run and is not seen again: it does not start, or stays in the bootloader, or its cable is out. */
export function needsDfuButton(platform: Platform, cause?: unknown): LinacError {
	return new LinacError(
		'NEEDS_DFU_BUTTON',
		`The ${platform.displayName} was restarted and has not come back by itself: it has to be brought into DFU mode by hand.`,
		{ retry: 'operator', hint: `See that the cable is in. ${buttonHint(platform)}`, cause },
	);
}

/** A device that was overwriting its own bootloader in place and did not come back. Nothing over USB may be left to help. */
export function bootloaderMayBeLost(platform: Platform, waitedMs: number, cause?: unknown): LinacError {
	return new LinacError(
		'BOOTLOADER_MAY_BE_LOST',
		`The ${platform.displayName} was replacing its bootloader in place and has not come back within ${Math.round(waitedMs / 1000)} s.`,
		{
			retry: 'operator',
			hint:
				`Unplug it, plug it in again and run the same command. If it stays dark, try DFU mode by hand: ${buttonHint(platform)} ` +
				'If it does not come up in DFU mode either, its bootloader is gone, and only a debugger on the SWD pins can bring it back.',
			cause,
		},
	);
}

/** Milliseconds on a clock, bounded by `limitMs`; for waits that ask `ready` now and then. */
export async function poll(clock: Clock, limitMs: number, everyMs: number, ready: () => Promise<boolean>): Promise<boolean> {
	const until = clock.now() + limitMs;
	for (;;) {
		if (await ready()) return true;
		if (clock.now() >= until) return false;
		await clock.sleep(everyMs);
	}
}
