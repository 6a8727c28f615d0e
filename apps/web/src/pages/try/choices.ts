/**
 * What virtual boards can be made of, as the engine told last. Kept when the page is left: when somebody comes back, all of it stands where it stood,
 * and nothing moves away under the pointer while the engine is asked again.
 */

import type { StartingState } from '@linac/virtual';
import { signal } from '@preact/signals';
import type { VirtualPlatform } from '../../engine/virtual-methods.js';

/** Undefined until the engine has told. */
export const platforms = signal<readonly VirtualPlatform[] | undefined>(undefined);
/** Of the platform and release that are chosen. Undefined until the engine has told. */
export const startingStates = signal<readonly StartingState[] | undefined>(undefined);
