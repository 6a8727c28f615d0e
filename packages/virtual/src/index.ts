export { type BusMember, VirtualBus, VirtualWire, virtualUsbHost } from './bus.js';
export { type DeviceCounters, VirtualDevice, type VirtualDeviceOptions, type VirtualMode } from './device.js';
export { DfuRequest, DfuState, DfuStatus } from './dfu-function.js';
export { FaultPlan } from './faults.js';
export { FlashModel, type FlashStep } from './flash-model.js';
export type { InstalledTruth } from './flash-modules.js';
export type { Cloud } from './over-the-air.js';
export { type StandInOptions, standInApplication, standInModule, standInRelease } from './stand-in.js';
export { bulkTransferMs, controlTransferMs, type PhysicalTime, restartMs } from './timing.js';
