/** What the engine has of the world in a browser: clock, digests, platforms. Hosts of devices are `usb-host.ts`, releases are `sources.ts`. */
import { platforms, releases } from '@linac/catalog';
import { portableDigests, systemClock } from '@linac/core';

export const world = { platforms, releases, clock: systemClock, digests: portableDigests };
