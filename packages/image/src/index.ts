export * from './application.js';
export * from './chip-modules.js';
export * from './classic-hex.js';
export * from './compose.js';
export * from './mbr.js';
export * from './restore-manifest.js';
export * from './restore-zip.js';
export * from './types.js';
