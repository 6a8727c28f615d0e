/**
 * Restores damaged devices and looks into their flash whether that was the truth; cuts the power at every flash write of a repair and does it again.
 * No tests here: recovery-*.test.ts.
 */
import { platforms, type ReleaseSet, releases } from '@linac/catalog';
import { asLinacError, LinacError } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type JobEvent, type RestoreOptions, type RestoreReport, restore } from '@linac/programmer';
import { type VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { realTinker } from '../support/real-firmware.js';
import { realRelease, sourced } from './programming-setup.js';
import { damaged, type Kind, type State } from './recovery-states.js';

Error.stackTraceLimit = 0;

export interface Ended {
	report?: RestoreReport;
	error?: LinacError;
	events: JobEvent[];
}

const OPERATOR_MS = 60_000;

async function open(platform: string, version: string): Promise<ReleaseSet> {
	try {
		const release = realRelease(platform, version);
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
			openRelease: open,
			openApplication: async () => sourced(kind.platform, realTinker(kind.platform), 'tinker.bin'),
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
export function notRepaired(device: VirtualDevice, ended: Ended): string | undefined {
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
	const release = realRelease(device.platform.name, report.target.version);
	const truth = device.installedModules();
	for (const { module } of release.modules) {
		const { function: f, index, version } = module.prefix;
		const there = truth.find((t) => t.function === f && t.index === index);
		if (!there?.valid) return `${f}/${index} is not whole in flash`;
		const older = there.version < version && f !== ModuleFunction.bootloader;
		const system = f === ModuleFunction.system && there.version !== version;
		if (older || system) return `${f}/${index} is ${there.version} in flash, not ${version}`;
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
			else sweep.swd++;
			continue;
		}
		const why = notRepaired(state.device, ended);
		if (why) sweep.bad.push(`${what()}: ${why}`);
		else if (ended.report!.outcome === 'already') sweep.already++;
		else sweep.repaired++;
	}
	return sweep;
}
