export * from './byte-stream.js';
export * from './listening.js';
export * from './module-info.js';
export * from './received-bytes.js';
export { quoted, serialError } from './serial-errors.js';
export * from './ymodem.js';
