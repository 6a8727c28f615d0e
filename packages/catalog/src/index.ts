export * from './platforms.js';
export * from './releases.js';
export * from './types.js';
export * from './versions.js';
