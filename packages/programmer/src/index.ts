export { type DeviceSelector, findDevice } from './device-selector.js';
export { completeEnvironment, defaultLimits, type Environment, type JobLimits, usbIdsOf, type World } from './environment.js';
export { type KnownModule, knownModule } from './known-modules.js';
export { buttonHint } from './operator.js';
export { type ProgramOptions, program } from './program.js';
export { type RunJobOptions, runJob } from './run-job.js';
export { programOverSerial, type SerialJobOptions } from './serial/serial-job.js';
export { type SnapshotOptions, takeSnapshot } from './snapshot.js';
export * from './types.js';
