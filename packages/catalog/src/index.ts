export * from './asset-facts.js';
export * from './dct-facts.js';
export * from './image-facts.js';
export * from './matrix.js';
export {
	filesOf,
	type MirrorFile,
	type MirrorFurther,
	type MirrorManifest,
	type MirrorModule,
	type MirrorRelease,
	mirrorManifest,
	parseManifest,
	serializeManifest,
} from './mirror/manifest.js';
export { furtherPart, type MirrorPart, releasePart } from './mirror/mirror-part.js';
export { MANIFEST_NAME, SIGNATURE_NAME } from './mirror/mirror-paths.js';
export { type MirrorSignature, parseSignatures, serializeSignatures, signManifest } from './mirror/mirror-signature.js';
export {
	type FurtherQuery,
	type MirrorReader,
	type MirrorSource,
	type MirrorSourceOptions,
	mirrorSource,
} from './mirror/mirror-source.js';
export { type Mirror, type ReadMirrorOptions, readMirror, type SignedBy, verifyMirrorFile } from './mirror/read-mirror.js';
export * from './platforms.js';
export * from './releases.js';
export * from './rules.js';
export * from './sources/check-release.js';
export * from './sources/device-os-api-source.js';
export * from './sources/docs-source.js';
export type { Download, DownloadRequest, DownloadResult } from './sources/download.js';
export * from './sources/file-source.js';
export * from './sources/github-source.js';
export * from './sources/release-zip.js';
export * from './sources/tarballs.js';
export * from './sources/zip-archive.js';
export * from './swd-facts.js';
export * from './types.js';
export * from './update-slot.js';
export * from './versions.js';
