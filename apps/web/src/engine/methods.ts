/** Every method that the page can call. Each area has a file of its own; this one only puts them together. */
import { deviceMethods } from './device-methods.js';
import { ownReleaseMethods } from './own-release-methods.js';
import { releaseMethods } from './release-methods.js';
import { restoreMethods } from './restore-methods.js';
import { virtualMethods } from './virtual-methods.js';

export const methods = { ...deviceMethods, ...ownReleaseMethods, ...releaseMethods, ...restoreMethods, ...virtualMethods };

export type EngineMethods = typeof methods;
