import type { Chip } from './chip.js';
import { nrf52840 } from './chip-nrf52840.js';
export const stm32f1: Chip = nrf52840;
