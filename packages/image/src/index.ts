export * from './dct/build-dct.js';
export * from './dct/encode.js';
export * from './dct/fields.js';
export * from './dct/read-dct.js';
export * from './types.js';
export * from './units/check-units.js';
export * from './units/parse-units.js';
export * from './units/units-manifest.js';
