export { type Boot, boot } from './boot.js';
export { explain, explainRefusal } from './explain.js';
export { type DeviceModel, type ModelModule, modelOf } from './model.js';
export { type PlanOptions, type PlanWithInputs, plan } from './plan.js';
export { releaseFrom, releaseNeeded } from './release-needed.js';
export { type SimulatedStep, type Simulation, simulate } from './simulate.js';
export { stateOf } from './steps.js';
export { afterAction, bootloaderUpdateWay, type WrittenModule, whenInterrupted } from './transitions.js';
export * from './types.js';
