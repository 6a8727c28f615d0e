export * from './build-module.js';
export * from './extensions.js';
export * from './not-a-module.js';
export * from './parse-module.js';
export * from './prefix.js';
export * from './types.js';
