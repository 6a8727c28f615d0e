/** What the steps of one job share. Not exported from the package. */
import type { DeviceSnapshot, ExpectedModule, Plan, PlanInputs, Step } from '@linac/planner';
import type { World } from './environment.js';
import type { JobEvents } from './job-events.js';
import type { Proofs } from './proofs.js';
import type { DeviceSession } from './session.js';

export interface RunningJob {
	world: World;
	session: DeviceSession;
	plan: Plan;
	inputs: PlanInputs;
	events: JobEvents;
	proofs: Proofs;
	before: DeviceSnapshot;
	/** Last look at the running device; filled by the verify step. */
	after?: DeviceSnapshot;
	/** Bytes of the device have been changed by this job. */
	readonly wrote: boolean;
	/**
	 * To be awaited just before anything on the device is changed: makes the backup when it has not been made, and notes that something is
	 * changed. The device may have restarted meanwhile: take its interface afterwards, except in DFU mode, where it stays open.
	 */
	changes(): Promise<void>;
}

/** `skipped` says why there was nothing to do. */
export interface StepResult {
	skipped?: string;
	evidence?: { [key: string]: string | number | boolean };
}

/** What the plan expects of the slots in the end: its verify steps, the last one counting. */
export function expectedModules(plan: Plan): ExpectedModule[] {
	for (const step of [...plan.steps].reverse()) if (step.action.kind === 'verify') return step.action.modules;
	return plan.to.modules;
}

/** Steps that come after this one. */
export function stepsAfter(plan: Plan, step: Step): Step[] {
	return plan.steps.slice(plan.steps.indexOf(step) + 1);
}
