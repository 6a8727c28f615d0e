export * from './backup/backup-file.js';
export * from './backup/contents.js';
export { type RestorableGroup, restorableGroups, restoreChanges } from './backup/restore-changes.js';
export { type TakeBackupOptions, takeBackup } from './backup/take-backup.js';
export { type DctChange, type DctJobOptions, type DctReport, type DctReportField, runDctJob } from './dct-job.js';
export { type DeviceSelector, findDevice } from './device-selector.js';
export { completeEnvironment, defaultLimits, type Environment, type JobLimits, usbIdsOf, type World } from './environment.js';
export {
	type Identity,
	type IdentityField,
	type IdentityNote,
	type IdentityWorld,
	identifiable,
	identityColumns,
	identityFields,
	identityOf,
} from './identity/device-identity.js';
export { overSerial, PLAIN_RATE, type SerialDevice, serialDevices } from './identity/serial-devices.js';
export { type KnownModule, knownModule } from './known-modules.js';
export { buttonHint } from './operator.js';
export { type ProgramOptions, program } from './program.js';
export { type Diagnosis, type FailedWay, type RestoreOptions, type RestoreReport, restore } from './restore.js';
export { type RunJobOptions, runJob } from './run-job.js';
export { programOverSerial, type SerialJobOptions } from './serial/serial-job.js';
export { type SnapshotOptions, takeSnapshot } from './snapshot.js';
export { assetRow } from './store-asset.js';
export * from './types.js';
