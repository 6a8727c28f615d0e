export * from './bytes.js';
export * from './clock.js';
export * from './digests.js';
export * from './errors.js';
export * from './events.js';
export * from './random.js';
