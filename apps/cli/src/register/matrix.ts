/** `linac matrix`: what may be programmed how. */
import type { Registrar } from '../registration.js';

export function registerMatrix(_registrar: Registrar): void {}
