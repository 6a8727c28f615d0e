/** Turns drafts into numbered steps: the simulated state after each, what an interruption would leave, durations, and named hazards. */
import { assert, type Problem } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { boot } from './boot.js';
import { ASK_MS, assetMs, ncpMs, RESTART_MS, replaceMs, stageMs, updateMs, writeMs } from './estimate.js';
import { type DeviceModel, listed } from './model.js';
import { afterAction, embeddedUpdate, type WrittenModule, whenInterrupted, whenStarted } from './transitions.js';
import type { ExpectedAsset, ExpectedModule, Recovery, SimulatedState, Step, StepAction } from './types.js';
import { warning } from './wanted.js';
import type { Draft } from './work.js';

export interface Ending {
	modules: ExpectedModule[];
	assets: ExpectedAsset[];
	osVersion: string | undefined;
	mode: 'normal' | 'listening' | 'safe';
}

export function toSteps(model: DeviceModel, drafts: readonly Draft[], ending: Ending): { steps: Step[]; notes: Problem[] } {
	const steps: Step[] = [];
	const notes: Problem[] = [];
	let now = model;
	for (const draft of drafts.length === 0 ? [] : [...drafts, verifyDraft(ending)]) {
		const module = draft.wanted?.written;
		const embedded = draft.action.kind === 'restart' ? embeddedUpdate(now) : undefined;
		const ifInterrupted = hazard(now, draft.action, module, embedded !== undefined);
		assert(
			draft.action.kind !== 'apply-update' || (now.requests?.length ?? 0) > 0,
			'a step applies updates that nobody has requested',
		);
		now = afterAction(now, draft.action, module);
		steps.push({
			id: `step-${steps.length + 1}`,
			title: draft.title,
			because: draft.because,
			action: draft.action,
			...(draft.wanted
				? {
						module: {
							slot: draft.wanted.slot.name,
							version: draft.wanted.written.version,
							...(draft.from === undefined ? {} : { from: draft.from }),
						},
					}
				: {}),
			...transportOf(draft.action),
			needs: draft.needs,
			after: stateOf(now),
			ifInterrupted,
			estimateMs: estimate(now, draft.action, module),
		});
		if (ifInterrupted.way === 'none') notes.push(warning('BOOTLOADER_IN_PLACE', `${draft.title}: ${ifInterrupted.why}`));
	}
	return { steps, notes };
}

function verifyDraft(ending: Ending): Draft {
	const words = ending.mode === 'normal' ? 'running' : `in ${ending.mode} mode`;
	return {
		action: {
			kind: 'verify',
			modules: ending.modules,
			...(ending.assets.length === 0 ? {} : { assets: ending.assets }),
			...(ending.osVersion === undefined ? {} : { osVersion: ending.osVersion }),
			expectMode: ending.mode,
		},
		title: `See that the device is ${words} with what was planned`,
		because: ['Success is what the device says and what was read back, not that no step failed.'],
		needs: [],
	};
}

function hazard(model: DeviceModel, action: StepAction, module: WrittenModule | undefined, embedded: boolean): Recovery {
	const recovery = whenInterrupted(model, action, module);
	if (recovery.way !== 'none') return recovery;
	// The system that is written brings a bootloader of about the size of the one that is there.
	const length = module?.function === ModuleFunction.bootloader ? module.size : 0;
	const address = module?.start ?? 0;
	const region = model.platform.memory.find((r) => r.name === 'bootloader');
	const ms = replaceMs(
		model.platform,
		embedded && region ? region.start : address,
		embedded && region ? region.end - region.start : length,
	);
	return {
		way: 'none',
		why: `${recovery.why} That takes about ${ms} ms; only SWD could help if power failed just then. Keep the device powered.`,
	};
}

function transportOf(action: StepAction): Pick<Step, 'transport'> {
	if (action.kind === 'write-dfu' || action.kind === 'stage-update') return { transport: 'dfu' };
	if (action.kind === 'update-serial') return { transport: 'serial' };
	return action.kind === 'update-control' ? { transport: 'control' } : {};
}

export function stateOf(model: DeviceModel): SimulatedState {
	const { boots, why } = boot(model.requests?.length ? whenStarted(model) : model);
	return { boots, why, modules: listed(model) };
}

function estimate(model: DeviceModel, action: StepAction, module: WrittenModule | undefined): number {
	const { platform } = model;
	switch (action.kind) {
		case 'write-dfu':
			return writeMs(platform, module!.start, action.length);
		case 'update-control':
			if (action.asset) return assetMs(platform, action.length);
			if (module!.function === ModuleFunction.ncp) return ncpMs(action.length);
			return updateMs(platform, module!.start, action.length);
		case 'update-serial':
			return updateMs(platform, module!.start, action.length);
		case 'invalidate':
			return writeMs(platform, action.address, action.length);
		case 'stage-update':
			return stageMs(platform, action.alternate, action.address, action.length);
		case 'apply-update': {
			const region = platform.memory.find((r) => r.name === 'bootloader');
			const size = region ? region.end - region.start : 0;
			return action.modules.reduce((ms) => ms + updateMs(platform, region?.start ?? 0, size), 0);
		}
		case 'request-update':
		case 'clear-request':
		case 'write-dct':
			return ASK_MS;
		case 'enter-mode':
		case 'restart':
			return RESTART_MS;
		case 'verify':
			return ASK_MS;
	}
}
