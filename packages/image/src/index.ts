export * from './bundle/plan-bundle.js';
export * from './bundle/project-properties.js';
export * from './types.js';
