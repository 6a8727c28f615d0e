/**
 * Gives an asset to the running Device OS by control requests: it stores it, and restarts. Proved by what the device tells afterwards (request 91):
 * name and SHA-256 of the asset itself. An asset that is stored already is not sent. Format and rules: docs/assets.md.
 */
import { LinacError, throwIfCancelled } from '@linac/core';
import type { AssetRef, DeviceSnapshot, ExpectedAsset, Plan, Step, StepAction } from '@linac/planner';
import { giveModule } from './give-module.js';
import type { RunningJob, StepResult } from './running-job.js';
import type { EvidenceRow } from './types.js';
import { inputModule } from './write-dfu.js';

const FUNCTION_ASSET = 9;

export async function storeAsset(
	job: RunningJob,
	step: Step,
	action: StepAction & { kind: 'update-control' },
	asset: AssetRef,
): Promise<StepResult> {
	const { session, world } = job;
	const { bytes } = inputModule(job, action.sha256).module;
	const there = async () => {
		const { available } = await (await session.answeringControl()).assets();
		return available.some((a) => same(a, asset));
	};
	const evidence = { sha256: asset.sha256, bytes: bytes.length, proof: 'device-hash' };
	if (await there()) return { skipped: `The device tells that "${asset.name}" is stored, with the same SHA-256.`, evidence };

	throwIfCancelled(world.signal);
	await job.changes();
	const control = await session.answeringControl();
	await giveModule(job, step, control, bytes);
	// It stores before it restarts: once it is back, it has done so or never will.
	if (await session.toTheEnd(there)) return { evidence };
	throw new LinacError('ASSET_NOT_STORED', `The device took the asset "${asset.name}" and restarted, but does not have it.`, {
		retry: 'step',
		details: { asset: asset.name, sha256: asset.sha256, bytes: bytes.length },
		hint: 'Its store may be full or damaged: "linac assets" shows what is in it. Run the command again.',
	});
}

function same(a: AssetRef, b: AssetRef): boolean {
	return a.name === b.name && a.sha256 === b.sha256;
}

/** The assets that a plan wants stored in the end. */
export function assetsOf(plan: Plan): readonly ExpectedAsset[] {
	return plan.to.assets ?? [];
}

/** One row an asset: stored or not, by what the device tells of name and SHA-256. Assets have no version: it is 0. */
export function assetRow(expected: AssetRef, before: DeviceSnapshot | undefined, after: DeviceSnapshot | undefined): EvidenceRow {
	const state = (snapshot: DeviceSnapshot | undefined) => {
		const found = snapshot?.assets?.available.find((a) => a.name === expected.name);
		return found && { version: 0, valid: found.sha256 === expected.sha256 };
	};
	const was = state(before);
	const is = state(after);
	return {
		slot: 'asset',
		asset: expected.name,
		function: FUNCTION_ASSET,
		index: 0,
		...(was ? { before: was } : {}),
		...(is ? { after: is } : {}),
		expected: { version: 0 },
		...(is?.valid ? { proof: 'device-hash', sha256: expected.sha256, ok: true } : { proof: 'none', ok: false }),
	};
}
