/** Every method that the page can call. Each area has a file of its own; this one only puts them together. */
import { bundleMethods } from './bundle-methods.js';
import { deviceMethods } from './device-methods.js';
import { identifyMethods } from './identify-methods.js';
import { imageMethods } from './image-methods.js';
import { inspectMethods } from './inspect-methods.js';
import { ownReleaseMethods } from './own-release-methods.js';
import { releaseMethods } from './release-methods.js';
import { restoreMethods } from './restore-methods.js';
import { unitMethods } from './unit-methods.js';
import { virtualMethods } from './virtual-methods.js';

export const methods = {
	...bundleMethods,
	...deviceMethods,
	...identifyMethods,
	...imageMethods,
	...inspectMethods,
	...ownReleaseMethods,
	...releaseMethods,
	...restoreMethods,
	...unitMethods,
	...virtualMethods,
};

export type EngineMethods = typeof methods;
