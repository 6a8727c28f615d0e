/** `linac bundle`: applications with their assets. */
import type { Registrar } from '../registration.js';

export function registerBundle(_registrar: Registrar): void {}
