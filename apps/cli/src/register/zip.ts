/** `linac zip`: restore zips. */
import type { Registrar } from '../registration.js';

export function registerZip(_registrar: Registrar): void {}
