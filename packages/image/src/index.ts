export * from './application.js';
export * from './bundle/look-at-bundle.js';
export * from './bundle/measure-assets.js';
export * from './bundle/plan-bundle.js';
export * from './bundle/project-properties.js';
export * from './chip-modules.js';
export * from './classic-hex.js';
export * from './compose.js';
export * from './convert.js';
export * from './dct/build-dct.js';
export * from './dct/encode.js';
export * from './dct/fields.js';
export * from './dct/read-dct.js';
export { serverAddressText } from './dct/server-address.js';
export * from './export/export.js';
export type * from './export/types.js';
export * from './inspect/compare-files.js';
export type * from './inspect/finding.js';
export { settingsOf } from './inspect/image-finding.js';
export { type InspectFileOptions, inspectFile } from './inspect/inspect-file.js';
export { toPem } from './keys/pem.js';
export { privateKeyForFiles } from './keys/private-key.js';
export * from './make/base-hex.js';
export * from './make/make-export.js';
export {
	type HexChoices,
	type HexLayout,
	hexFileName,
	hexLayouts,
	type ImageChoices,
	type MadeHex,
	makeHex,
} from './make/make-hex.js';
export * from './make/make-zip.js';
export * from './make/unit-hexes.js';
export { renderMapSvg } from './map/map-svg.js';
export { type MapTextOptions, type MapTone, mapLegend, renderMapText } from './map/map-text.js';
export * from './map/memory-map.js';
export * from './mbr.js';
export * from './part-words.js';
export * from './read/blank-board.js';
export * from './read/diff-images.js';
export * from './read/diff-words.js';
export * from './read/open-image.js';
export * from './read/read-image.js';
export type { ImageOverlap, ImageReading, PartState, ReadPart, RegisterReading } from './read/types.js';
export * from './read/verify-image.js';
export * from './replace-application.js';
export * from './restore-manifest.js';
export * from './restore-zip.js';
export * from './types.js';
export * from './units/check-units.js';
export * from './units/parse-units.js';
export * from './units/units-manifest.js';
