/**
 * Runs a plan on the model of a device, step by step. The planner proves its own plans with the same transitions; this is for `--dry-run`,
 * for tests, and for comparing with the byte-level twins of `@linac/virtual`.
 */

import type { Platform } from '@linac/catalog';
import { assert, portableDigests } from '@linac/core';
import { type DeviceModel, keyOf, modelOf } from './model.js';
import { stateOf } from './steps.js';
import { afterAction, type WrittenModule, whenInterrupted } from './transitions.js';
import type { DeviceSnapshot, Plan, PlanInputs, Recovery, SimulatedState } from './types.js';
import { toWanted } from './wanted.js';

export interface SimulatedStep {
	step: string;
	after: SimulatedState;
	ifInterrupted: Recovery['way'];
}

export interface Simulation {
	before: SimulatedState;
	steps: SimulatedStep[];
	final: DeviceModel;
}

/** What a plan does to a device in this state. */
export function simulate(device: DeviceSnapshot, plan: Plan, options: { platform: Platform; inputs: PlanInputs }): Simulation {
	let model = modelOf(options.platform, device);
	const before = stateOf(model);
	const steps: SimulatedStep[] = [];
	for (const step of plan.steps) {
		const written = moduleOf(step.action, options);
		const ifInterrupted = whenInterrupted(model, step.action, written).way;
		model = afterAction(model, step.action, written);
		steps.push({ step: step.id, after: stateOf(model), ifInterrupted });
	}
	return { before, steps, final: model };
}

function moduleOf(
	action: Plan['steps'][number]['action'],
	options: { platform: Platform; inputs: PlanInputs },
): WrittenModule | undefined {
	const writes = ['write-dfu', 'update-control', 'update-serial', 'request-update'].includes(action.kind);
	if (!writes || !('sha256' in action)) return undefined;
	if (action.kind === 'update-control' && action.asset) return undefined;
	const source = options.inputs.modules.get(action.sha256);
	assert(source, `the plan speaks of a module ${action.sha256} that is not among its inputs`);
	const slot = options.platform.modules.find((s) => keyOf(s) === keyOf(source.module.prefix));
	assert(slot, 'a planned module has no slot');
	return toWanted(slot, source, [], portableDigests).written;
}
