/** `linac hex`: images for programmers, and what is in them. */
import type { Registrar } from '../registration.js';

export function registerHex(_registrar: Registrar): void {}
