/** Which chip model a platform has, by its MCU family. */
import type { McuFamily } from '@linac/catalog';
import type { Chip } from './chip.js';
import { nrf52840 } from './chip-nrf52840.js';
import { rtl872x } from './chip-rtl872x.js';
import { stm32f1 } from './chip-stm32f1.js';
import { stm32f2 } from './chip-stm32f2.js';

export const chips: Record<McuFamily, Chip> = { stm32f1, stm32f2, nrf52840, rtl872x };
