/**
 * Restores damaged devices and looks into their flash whether that was the truth; cuts the power at every flash write of a repair and does it again.
 * No tests here: recovery-*.test.ts.
 */
import { platforms, type ReleaseSet, releases } from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type JobEvent, type RestoreOptions, type RestoreReport, restore } from '@linac/programmer';
import { standInApplication, type VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { realTinker } from '../support/real-firmware.js';
import { sourced } from './programming-setup.js';
import { damaged, type Kind, releaseOf, type State } from './recovery-states.js';

// Thousands of transfers are cancelled timers, each an error that nobody looks at.
Error.stackTraceLimit = 0;

/** `npm run test:sweep`. */
export const all = process.env.LINAC_SWEEP === 'all';

export interface Ended {
	report?: RestoreReport;
	error?: LinacError;
	events: JobEvent[];
}

const OPERATOR_MS = 60_000;

async function open(kind: Kind, version: string): Promise<ReleaseSet> {
	try {
		const release = releaseOf(kind, version);
		if (release.modules.length > 0) return release;
	} catch {
		// In no tarball.
	}
	throw new LinacError('RELEASE_NOT_AVAILABLE', `${version} cannot be had`, { retry: 'job' });
}

/** Somebody who does what the screen says: puts the cable in, presses the buttons. */
function helpfulHand(device: VirtualDevice): void {
	if (device.mode === 'off' && !device.attached) device.plug();
	device.pressModeAndReset();
}

/** What `linac restore` does, with somebody beside it who presses buttons when asked to. */
export async function restoreOnce(
	state: Pick<State, 'device' | 'bus' | 'clock' | 'kind'>,
	more: Partial<RestoreOptions> = {},
): Promise<Ended> {
	const events: JobEvent[] = [];
	const { device, bus, clock, kind } = state;
	try {
		const report = await restore({
			host: virtualUsbHost(bus),
			platforms,
			releases,
			clock,
			digests: nodeDigests,
			limits: { operatorMs: OPERATOR_MS },
			allow: [],
			openRelease: (_, version) => open(kind, version),
			openApplication: async (platform, version) =>
				kind.small ? standInApplication(platform, version) : sourced(platform, realTinker(platform), 'tinker.bin'),
			onEvent: (event) => {
				events.push(event);
				if (event.type === 'waiting') void clock.sleep(2_000).then(() => helpfulHand(device));
			},
			...more,
		});
		return { report, events };
	} catch (error) {
		return { error: asLinacError(error), events };
	}
}

/** Why this is not a repaired device; `undefined` when it is: by its flash and its mode, whatever the report says. */
export function notRepaired({ device, kind }: Pick<State, 'device' | 'kind'>, ended: Ended): string | undefined {
	const { report, error } = ended;
	if (error) return `${error.code} ${error.message}`;
	if (!report) return 'no report';
	if (report.outcome !== 'verified' && report.outcome !== 'already') {
		const why = report.report?.error ?? report.problems[0];
		return `${report.outcome}: ${why?.code} ${why?.message}`;
	}
	const left = report.remaining.filter((f) => f.severity === 'error');
	if (left.length > 0) return `still wrong: ${left.map((f) => f.message).join(' ')}`;
	if (!report.report?.evidence.every((row) => row.ok)) return 'evidence is missing';
	if (device.mode !== 'normal' && device.mode !== 'listening') return `it is in ${device.mode} mode: ${device.why}`;
	const release = releaseOf(kind, report.target.version);
	const truth = device.installedModules();
	for (const { module } of release.modules) {
		const { function: f, index, version } = module.prefix;
		// What a layout that has been left behind still holds is not what runs: any of them may be the right one.
		const there = truth.filter((t) => t.function === f && t.index === index && t.valid).map((t) => t.version);
		if (there.length === 0) return `${f}/${index} is not whole in flash`;
		const exact = f === ModuleFunction.system ? there.includes(version) : there.some((v) => v >= version);
		if (!exact && f !== ModuleFunction.bootloader) return `${f}/${index} is ${there.join(', ')} in flash, not ${version}`;
	}
	if (!truth.some((t) => t.function === ModuleFunction.user && t.valid)) return 'there is no whole application in flash';
	return undefined;
}

/** Whether what was said, that only SWD can help, is the truth: no buttons bring it to DFU mode, and the bootloader is not whole. */
export async function isTrueSwd(state: State, ended: Ended): Promise<string | undefined> {
	const text = `${ended.error?.message} ${ended.error?.hint}`;
	if (!/SWD/.test(text) || !/linac hex/.test(text)) return `it does not say that only SWD can help: ${text}`;
	return isReallyDead(state);
}

export async function isReallyDead({ device, clock }: State): Promise<string | undefined> {
	if (device.mode === 'off') device.plug();
	await clock.sleep(10_000);
	device.pressModeAndReset();
	await clock.sleep(10_000);
	if (device.mode !== 'dead') return `it is not dead: ${device.mode}, ${device.why}`;
	const bootloader = device.installedModules().find((t) => t.function === ModuleFunction.bootloader && t.index === 0);
	if (bootloader?.valid) return `its bootloader ${bootloader.version} is whole`;
	return undefined;
}

export interface Sweep {
	kind: Kind;
	states: number;
	repaired: number;
	already: number;
	swd: number;
	byHand: number;
	bad: string[];
}

/** Restores states `from` to `to` of a kind. */
export async function sweepStates(kind: Kind, seeds: readonly number[]): Promise<Sweep> {
	const sweep: Sweep = { kind, states: 0, repaired: 0, already: 0, swd: 0, byHand: 0, bad: [] };
	for (const seed of seeds) {
		const state = damaged(kind, seed);
		const ended = await restoreOnce(state);
		sweep.states++;
		if (ended.events.some((e) => e.type === 'waiting')) sweep.byHand++;
		const what = () => `${kind.platform} ${seed} (${state.release}: ${state.damage.join('; ')})`;
		if (ended.error?.code === 'NOTHING_ANSWERS') {
			const lie = await isTrueSwd(state, ended);
			if (lie) sweep.bad.push(`${what()}: ${lie}`);
			else if (state.bootloader) sweep.bad.push(`${what()}: it had a bootloader when it was found, and has none now`);
			else sweep.swd++;
			continue;
		}
		const why = notRepaired(state, ended);
		if (why) sweep.bad.push(`${what()}: ${why}`);
		else if (ended.report!.outcome === 'already') sweep.already++;
		else sweep.repaired++;
	}
	return sweep;
}

export interface PowerSweep {
	states: number;
	/** Flash writes of all repairs, and those at which the power was cut. */
	writes: number;
	points: number;
	repaired: number;
	/** Dead for USB, and the plan had named that hazard for the step in which it happened. */
	named: number;
	bad: string[];
}

/** Cuts the power at flash writes of the repair of each state (every one, or at most `most` spread over them), and runs the same command again. */
export async function sweepPower(kind: Kind, seeds: readonly number[], most: number): Promise<PowerSweep> {
	const sweep: PowerSweep = { states: 0, writes: 0, points: 0, repaired: 0, named: 0, bad: [] };
	for (const seed of seeds) {
		const writes = await writesOf(kind, seed);
		sweep.states++;
		sweep.writes += writes;
		for (const point of spread(writes, most)) {
			sweep.points++;
			const state = await settled(kind, seed);
			const { device, clock } = state;
			device.faults.powerLossAtFlashWrite(point);
			let hazards: string[] = [];
			const first = await restoreOnce(state, {
				limits: { operatorMs: OPERATOR_MS, failedMs: 1 },
				confirm: (plan) => {
					hazards = plan.steps.filter((s) => s.ifInterrupted.way === 'none').map((s) => s.title);
					return true;
				},
			});
			device.faults.clear();
			if (device.mode === 'off' && !device.attached) device.plug();
			await clock.sleep(10_000);
			const second = await restoreOnce(state);
			const what = () =>
				`${kind.platform} ${seed} (${state.release}: ${state.damage.join('; ')}), power cut at write ${point} of ${writes}`;
			if (second.error?.code === 'NOTHING_ANSWERS') {
				const lie = await isTrueSwd(state, second);
				const failed = first.report?.report?.steps.find((s) => s.result === 'failed')?.title;
				const wasNamed = hazards.length > 0 && (failed === undefined || hazards.includes(failed));
				if (lie) sweep.bad.push(`${what()}: ${lie}`);
				else if (!wasNamed) sweep.bad.push(`${what()}: dead, and no step had been named (failed: ${failed})`);
				else sweep.named++;
				continue;
			}
			const why = notRepaired(state, second);
			if (why) sweep.bad.push(`${what()}: ${why}`);
			else sweep.repaired++;
		}
	}
	return sweep;
}

/** What the device does by itself when it is plugged in is over. */
async function settled(kind: Kind, seed: number): Promise<State> {
	const state = damaged(kind, seed);
	await state.clock.sleep(10_000);
	return state;
}

async function writesOf(kind: Kind, seed: number): Promise<number> {
	const state = await settled(kind, seed);
	const before = state.device.counters.flashWrites + state.device.counters.flashErases;
	await restoreOnce(state);
	return state.device.counters.flashWrites + state.device.counters.flashErases - before;
}

function spread(count: number, most: number): number[] {
	if (count <= most) return Array.from({ length: count }, (_, i) => i + 1);
	return [...new Set(Array.from({ length: most }, (_, i) => 1 + Math.round((i * (count - 1)) / (most - 1))))];
}

function seconds(began: number): string {
	return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}

export function sayStates(name: string, s: Sweep, began: number): void {
	console.log(
		`${name}: ${s.states} states in ${seconds(began)}, ${s.repaired} repaired, ${s.already} sound already, ${s.swd} for SWD only, ${s.byHand} with buttons, ${s.bad.length} bad`,
	);
}

export function sayPower(name: string, s: PowerSweep, began: number): void {
	console.log(
		`${name}: ${s.states} states, ${s.points} of ${s.writes} flash writes in ${seconds(began)}, ${s.repaired} repaired, ${s.named} dead as named, ${s.bad.length} bad`,
	);
}
