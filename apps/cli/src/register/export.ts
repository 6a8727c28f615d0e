/** `linac export`: images with scripts for other programmers. */
import type { Registrar } from '../registration.js';

export function registerExport(_registrar: Registrar): void {}
