/** The verify step: what runs now, asked of the device itself, against what the plan says. Never a write. */
import { LinacError } from '@linac/core';
import type { DeviceSnapshot, Step, StepAction } from '@linac/planner';
import { poll } from './operator.js';
import { evidenceRow } from './proofs.js';
import type { RunningJob, StepResult } from './running-job.js';
import { snapshotOf } from './snapshot.js';
import { assetRow } from './store-asset.js';

/** Modes as a plan sees them: a device without cloud credentials waits in listening mode, which is as good as running. */
function acceptable(expected: 'normal' | 'listening' | 'safe', found: DeviceSnapshot['mode']): boolean {
	return found === expected || (expected === 'normal' && found === 'listening');
}

export async function verify(job: RunningJob, _step: Step, action: StepAction & { kind: 'verify' }): Promise<StepResult> {
	const { session, world } = job;
	if (session.found.mode === 'normal') await session.answeringControl();
	let after = await snapshotOf(session);
	// A device that has just started may still be on its way into listening mode or safe mode.
	if (after.mode !== 'dfu' && !acceptable(action.expectMode, after.mode)) {
		await poll(world.clock, world.limits.answerMs, 500, async () => {
			after = await snapshotOf(session);
			return after.mode === 'dfu' || acceptable(action.expectMode, after.mode);
		});
	}
	job.after = after;
	const wrong: string[] = [];
	if (!acceptable(action.expectMode, after.mode)) wrong.push(`it is in ${after.mode} mode, not in ${action.expectMode} mode`);
	if (action.osVersion !== undefined && after.osVersion !== undefined && after.osVersion !== action.osVersion) {
		wrong.push(`it runs Device OS ${after.osVersion}, not ${action.osVersion}`);
	}
	for (const expected of action.modules) {
		const row = evidenceRow(expected, job.before, after, job.proofs);
		if (row.ok) continue;
		wrong.push(
			row.after
				? `${expected.slot} is ${row.after.version}${row.after.valid ? '' : ' and damaged'}, expected ${expected.version}`
				: `${expected.slot} ${expected.version} is not there`,
		);
	}
	for (const expected of action.assets ?? []) {
		const row = assetRow(expected, job.before, after);
		if (!row.ok) wrong.push(`the asset "${expected.name}" is ${row.after ? 'another one' : 'not stored'}`);
	}
	if (wrong.length > 0) {
		throw new LinacError('VERIFY_FAILED', `The device is not as planned: ${wrong.join('; ')}.`, {
			retry: 'reconnect',
			details: { differences: wrong },
			hint: 'Run the command again: it continues from what is on the device.',
		});
	}
	return {
		evidence: { mode: after.mode, modules: action.modules.length, ...(after.osVersion ? { osVersion: after.osVersion } : {}) },
	};
}
