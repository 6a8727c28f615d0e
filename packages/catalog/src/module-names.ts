/** What modules are called where people read it. Not the names of files or regions. */
import { moduleLabel } from '@linac/firmware';
import { slotOf } from './platforms.js';
import type { Platform } from './types.js';

/** By the slot it belongs in (`softdevice`), with its index where a platform has several of a kind. */
export function moduleName(platform: Platform, module: { function: number; index: number }): string {
	const slot = slotOf(platform, module)?.name;
	const alone = platform.modules.filter((m) => m.name === slot).length === 1;
	return slot !== undefined && alone ? slot : moduleLabel(module);
}
