import type { Chip } from './chip.js';
import { nrf52840 } from './chip-nrf52840.js';
export const rtl872x: Chip = nrf52840;
