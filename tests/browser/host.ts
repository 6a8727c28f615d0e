/**
 * In place of `@linac/host`, the adapters for Node, when tests run in a browser: what the web app uses there. This is the whole difference between the
 * two runs; the engine itself is the same source.
 */
import { portableDigests, webEd25519 } from '@linac/core';

export const nodeDigests = portableDigests;
export const nodeEd25519 = webEd25519;
export { type HostSystem, hostDifferences } from '../../packages/host/src/host-differences.js';
