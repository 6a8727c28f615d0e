export * from './byte-stream.js';
