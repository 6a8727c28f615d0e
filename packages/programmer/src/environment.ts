/**
 * What a job needs from the world: the USB host, the facts, a clock, digests, and how long it may wait. Everything is handed in, so
 * that the same job runs in Node, in a browser and in a test on a virtual clock. Not for choosing devices or releases.
 */

import type { Platform, ReleaseEntry } from '@linac/catalog';
import { type Clock, type Digests, type Log, portableDigests, silentLog } from '@linac/core';
import type { UsbHost, UsbPlatformIds } from '@linac/usb';
import type { KnownModule } from './known-modules.js';
import type { JobEvent } from './types.js';

/** How often and how long. Every wait has an end; nothing is retried blindly for minutes. Milliseconds on the job's clock. */
export interface JobLimits {
	/** Tries of one step for errors of class `step`, the first included. */
	stepTries: number;
	/** Times that a job is planned again from a fresh look at the device, in all. For an error of class `step`, whose tries are used up: once. */
	replans: number;
	/** Nothing more is tried once the tries that failed have taken this long together. Waiting for people is not counted. */
	failedMs: number;
	/** Until a device that was told to change its mode is back on the bus. */
	modeChangeMs: number;
	/** Until a device that applies an update (copies a module, maybe restarts twice) is back on the bus. */
	applyMs: number;
	/** Until a device that has left DFU mode runs; a system may have something to apply at its first start. */
	bootMs: number;
	/** Until a restarted device answers control requests. */
	answerMs: number;
	/** Until a device that vanished without being told to is back, before the job gives up. */
	returnMs: number;
	/** Until somebody has pressed a button or plugged the device in again, after being asked. 0: do not wait for people. */
	operatorMs: number;
}

export const defaultLimits: JobLimits = {
	stepTries: 3,
	replans: 3,
	failedMs: 120_000,
	modeChangeMs: 15_000,
	applyMs: 60_000,
	bootMs: 30_000,
	answerMs: 10_000,
	returnMs: 5_000,
	operatorMs: 0,
};

/** Handed to every entry of this package. */
export interface Environment {
	host: UsbHost;
	/** All platforms of the catalogue: USB ids and memory maps come from here. */
	platforms: readonly Platform[];
	/** Releases of the catalogue, to tell a Device OS version from a module number. */
	releases?: readonly ReleaseEntry[];
	clock: Clock;
	/** Default: the portable ones of `@linac/core`. */
	digests?: Digests;
	log?: Log;
	/** Raised to stop. Acted on at safe points only: see docs/programming.md. */
	signal?: AbortSignal;
	onEvent?: (event: JobEvent) => void;
	limits?: Partial<JobLimits>;
}

/** The same with every default filled in. */
export interface World extends Environment {
	digests: Digests;
	log: Log;
	limits: JobLimits;
	usbPlatforms: readonly UsbPlatformIds[];
	/** Modules whose bytes are at hand: they give names to hashes that a device tells or that are read back. */
	known: readonly KnownModule[];
}

export function completeEnvironment(environment: Environment, known: readonly KnownModule[] = []): World {
	return {
		...environment,
		digests: environment.digests ?? portableDigests,
		log: environment.log ?? silentLog,
		limits: { ...defaultLimits, ...environment.limits },
		usbPlatforms: environment.platforms.map(usbIdsOf),
		known,
	};
}

/** What `@linac/usb` needs to know of a platform. */
export function usbIdsOf(platform: Platform): UsbPlatformIds {
	return {
		name: platform.name,
		id: platform.id,
		vendorId: platform.usb.vendorId,
		productId: platform.usb.productId,
		dfuProductId: platform.usb.dfuProductId,
		controlOutNeedsDataStage: platform.quirks.controlOutNeedsDataStage,
	};
}
