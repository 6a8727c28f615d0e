export * from './application.js';
export * from './classic-hex.js';
export * from './compose.js';
export * from './export/export.js';
export type * from './export/types.js';
export * from './mbr.js';
export * from './types.js';
