export { backupsFolder } from './backups-folder.js';
export { cacheFolder } from './cache-folder.js';
export { devicePublicKey, newDevicePrivateKey } from './device-keys.js';
export { nodeDigests } from './digests.js';
export { checkHost } from './doctor/check-host.js';
export { hostWatcher, watcherOf } from './doctor/host-watcher.js';
export { type InstalledRule, installUdevRule } from './doctor/install-udev-rule.js';
export type { HostFinding, HostObservations, SeenUsbDevice } from './doctor/observations.js';
export { observeHost } from './doctor/observe-host.js';
export { judgeWatch, watchUsb } from './doctor/watch-usb.js';
export { nodeEd25519 } from './ed25519.js';
export { readCandidates, writeWhole } from './files.js';
export { type HostDifferences, type HostSystem, hostDifferences, hostSystemOf } from './host-differences.js';
export { type MadeMirror, type MakeMirrorOptions, type MissingRelease, makeMirror } from './mirror/make-mirror.js';
export { readMirrorKeys, readSigningKey } from './mirror/mirror-keys.js';
export { folderMirror, isFinal, openFurther, type PathSource, pathSource } from './mirror/path-source.js';
export { type VerifiedMirror, verifyMirror } from './mirror/verify-mirror.js';
export { type CachedRelease, openCache, type ReleaseCache } from './releases/cache.js';
export { cacheSource } from './releases/cache-source.js';
export { createDownload, type DownloadOptions } from './releases/download.js';
export { type NpmSource, npmSource, type RunNpm } from './releases/npm-source.js';
export {
	type OpenApplicationOptions,
	type OpenedRelease,
	type OpenReleaseOptions,
	openApplication,
	openRelease,
	resolveVersion,
	type StandardSourcesOptions,
	standardSources,
	type TriedSource,
} from './releases/open-release.js';
export { readTarball } from './releases/tarball.js';
export { readWholeFile, writeNewSecret } from './secret-files.js';
export { nodeSerialHost } from './serial-node.js';
export { usbIpHost } from './usb-ip-host.js';
export { UsbIpServer, type UsbIpServerOptions } from './usb-ip-server.js';
export { nodeUsbHost } from './usb-node.js';
