/**
 * The devices of the restore page and how far each is: one state machine a device. It lives as long as the page is loaded, also while another page is
 * shown, so that jobs go on. Not for showing them.
 */
import type { LinacError } from '@linac/core';
import type { Plan } from '@linac/planner';
import type { Diagnosis, JobEvent, RestoreReport } from '@linac/programmer';
import { type Signal, signal } from '@preact/signals';
import type { DeviceShown } from '../../engine/device-methods.js';
import { isNameless } from '../../engine/device-ref.js';
import type { DeviceState } from '../../engine/device-state.js';
import type { ReleaseChoice } from '../../engine/release-choices.js';
import type { RestoreEvent } from '../../engine/restore-job.js';
import type { UnfinishedJob } from '../../engine/restore-methods.js';
import type { RestoreGoal } from '../../engine/storage.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { holdPage } from '../../shell/hold.js';
import { fetching, type JobProgress, nextProgress, noProgress } from './job-progress.js';
import { perFrame } from './per-frame.js';

export type Stage =
	| { name: 'looking' }
	| { name: 'choose'; state: DeviceState; releases: ReleaseChoice[] }
	/** Everything is read back, for the plan. */
	| { name: 'reading' }
	| { name: 'plan'; plan: Plan; standIn: boolean }
	| { name: 'running' }
	| { name: 'ended'; report: RestoreReport }
	/** Nothing was written. */
	| { name: 'failed'; error: unknown; doing: 'look' | 'restore' }
	/** Begun and not finished. `byItself`: it goes on as soon as the device is there. */
	| { name: 'unfinished'; job?: UnfinishedJob; error?: LinacError; report?: RestoreReport; byItself: boolean };

export interface Card {
	key: string;
	virtual: boolean;
	name: string;
	platform: string;
	displayName: string;
	/** Undefined while it is not there. */
	present: Signal<DeviceShown | undefined>;
	stage: Signal<Stage>;
	/** What the look before the plan has found, and what is made of it. */
	diagnosis: Signal<(Pick<Diagnosis, 'target' | 'application'> & { state: DeviceState }) | undefined>;
	progress: Signal<JobProgress>;
	goal: RestoreGoal | undefined;
	stop: AbortController | undefined;
}

export const cards = signal<readonly Card[]>([]);
/** Undefined until the engine has told the devices for the first time. */
export const devicesKnown = signal(false);
/** Why the engine cannot tell devices. */
export const engineFailure = signal<unknown>(undefined);
export const filters = signal<USBDeviceFilter[] | undefined>(undefined);

let started = false;

/** Begins to watch devices. Called whenever the page is shown; only the first call does something. */
export function watchCards(): void {
	if (started) return;
	started = true;
	engineFailure.value = undefined;
	callEngine('devices.filters', undefined).then(
		(list) => {
			filters.value = list;
		},
		() => {},
	);
	void watch().catch((error: unknown) => {
		started = false;
		engineFailure.value = error;
	});
}

async function watch(): Promise<void> {
	const unfinished = await callEngine('restore.unfinished', undefined);
	let first = true;
	await callEngine('devices.watch', undefined, {
		onEvent: (devices) => {
			if (first) for (const job of unfinished) meetUnfinished(job, devices);
			first = false;
			update(devices);
			devicesKnown.value = true;
		},
	});
}

function meetUnfinished(job: UnfinishedJob, devices: readonly DeviceShown[]): void {
	const byItself = !devices.some((d) => d.key === job.key);
	add({ ...job, stage: { name: 'unfinished', job, byItself } });
}

function update(devices: readonly DeviceShown[]): void {
	const there = new Set<string>();
	for (const device of devices) {
		const own = cards.value.find((c) => c.key === device.key) ?? successor(device);
		const card = own ?? add({ ...device, stage: { name: 'looking' } });
		there.add(card.key);
		const was = card.present.value;
		card.present.value = device;
		if (was === undefined) arrived(card, device);
		else if (was.busy && !device.busy) void givenUp(card);
	}
	for (const card of cards.value) {
		if (there.has(card.key)) continue;
		card.present.value = undefined;
		const { name } = card.stage.value;
		if (name === 'choose' || name === 'failed') remove(card);
	}
}

/** A device without an id that comes while a job waits for one of its kind: the job takes it for its own, and so does its card. */
function successor(device: DeviceShown): Card | undefined {
	if (!isNameless(device)) return undefined;
	const waiting = (c: Card) => c.stop !== undefined && isNameless(c) && c.platform === device.platform;
	return cards.value.find((c) => waiting(c) && c.virtual === device.virtual);
}

/** Another tab has ended its work on the device. */
async function givenUp(card: Card): Promise<void> {
	const { name } = card.stage.value;
	if (name === 'failed') return look(card);
	if (name !== 'unfinished') return;
	const still = await callEngine('restore.unfinished', undefined);
	if (!still.some((job) => job.key === card.key) && card.stage.value.name === 'unfinished') await look(card);
}

function arrived(card: Card, device: DeviceShown): void {
	const stage = card.stage.value;
	if (stage.name === 'unfinished') {
		if (stage.byItself && !device.busy) void continueJob(card);
	} else if (stage.name === 'looking') void look(card);
}

function add(about: Pick<Card, 'key' | 'virtual' | 'name' | 'platform' | 'displayName'> & { stage: Stage }): Card {
	const { key, virtual, name, platform, displayName } = about;
	const card: Card = {
		key,
		virtual,
		name,
		platform,
		displayName,
		present: signal(undefined),
		stage: signal(about.stage),
		diagnosis: signal(undefined),
		progress: signal(noProgress),
		goal: undefined,
		stop: undefined,
	};
	cards.value = [...cards.value, card];
	return card;
}

export function remove(card: Card): void {
	cards.value = cards.value.filter((c) => c !== card);
}

const refOf = ({ virtual, name }: Card) => ({ virtual, name });
/** How a device is called in sentences. */
export const nameOf = ({ displayName, name }: Pick<Card, 'displayName' | 'name'>): string =>
	isNameless({ name }) ? `${displayName} without id` : `${displayName} ${name}`;

/** Looks at what is on the device, and what it may be brought to. */
export async function look(card: Card): Promise<void> {
	card.stage.value = { name: 'looking' };
	card.diagnosis.value = undefined;
	try {
		const state = await callEngine('devices.look', refOf(card));
		const releases = await callEngine('devices.releases', refOf(card));
		card.stage.value = { name: 'choose', state, releases };
	} catch (error) {
		card.stage.value = { name: 'failed', error, doing: 'look' };
		// It may have been restarting just then: as long as it is away, there is nothing to tell.
		if (card.present.value === undefined) remove(card);
	}
}

/** The recommended release and what is on the device: what most people want. */
export function recommendedGoal(releases: readonly ReleaseChoice[]): RestoreGoal | undefined {
	const release = releases.find((r) => r.recommended !== undefined);
	return release && { target: release.version, application: { kind: 'keep' }, allow: [] };
}

/** Reads everything and makes the plan; then the person is asked. */
export function makePlan(card: Card, goal: RestoreGoal): Promise<void> {
	card.goal = goal;
	card.stage.value = { name: 'reading' };
	return run(card, (options) => callEngine('restore.run', { ref: refOf(card), goal }, options));
}

export function answerPlan(card: Card, yes: boolean): void {
	void callEngine('restore.confirm', { ref: refOf(card), yes });
}

export function continueJob(card: Card): Promise<void> {
	card.stage.value = { name: 'running' };
	announce(`Continuing the job on the ${nameOf(card)}.`);
	return run(card, (options) => callEngine('restore.continue', refOf(card), options));
}

export async function forgetJob(card: Card): Promise<void> {
	await callEngine('restore.forget', { key: card.key });
	if (card.present.value) await look(card);
	else remove(card);
}

/** Stops at the next safe point. */
export function cancel(card: Card): void {
	card.stop?.abort();
}

const whyHeld = (card: Card) => `${nameOf(card)} is being programmed.`;

type RunOptions = { signal: AbortSignal; onEvent(event: RestoreEvent): void };

async function run(card: Card, call: (options: RunOptions) => Promise<RestoreReport>): Promise<void> {
	const stop = new AbortController();
	card.stop = stop;
	card.progress.value = noProgress;
	card.diagnosis.value = undefined;
	let begun = card.stage.value.name === 'running';
	// Jobs go on while another page of the site is shown, but not when the site is left.
	let letGo = begun ? holdPage(whyHeld(card)) : undefined;
	try {
		const report = await call({
			signal: stop.signal,
			onEvent: (event) => {
				if (event.type === 'begun') {
					begun = true;
					letGo ??= holdPage(whyHeld(card));
				}
				perFrame(card.key, () => take(card, event));
			},
		});
		perFrame(card.key, () => end(card, report));
	} catch (error) {
		perFrame(card.key, () => fail(card, error as LinacError, begun, stop.signal.aborted));
	} finally {
		letGo?.();
	}
}

function take(card: Card, event: RestoreEvent): void {
	switch (event.type) {
		case 'diagnosis': {
			const { state, target, application } = event;
			card.diagnosis.value = { state, target, application };
			break;
		}
		case 'fetching':
			card.progress.value = fetching(card.progress.value, event);
			break;
		case 'plan':
			card.stage.value = { name: 'plan', plan: event.plan, standIn: event.standIn };
			announce(`The plan for the ${nameOf(card)} is ready.`);
			break;
		case 'begun':
			card.stage.value = { name: 'running' };
			break;
		case 'job':
			card.progress.value = nextProgress(card.progress.value, event.event);
			tell(card, event.event);
	}
}

let lastTold = Number.NEGATIVE_INFINITY;
/** A reader is not interrupted more often than this, ms. */
const TELL_EVERY_MS = 4_000;

function tell(card: Card, event: JobEvent): void {
	const urgent = event.type === 'waiting';
	const now = performance.now();
	if (!urgent && now - lastTold < TELL_EVERY_MS) return;
	if (event.type === 'step-started') announce(`${nameOf(card)}: step ${event.index} of ${event.count}, ${event.title}.`);
	else if (event.type === 'waiting') announce(`${nameOf(card)}: waiting for ${event.for}. ${event.hint ?? ''}`);
	else return;
	lastTold = now;
}

/** Errors after which the job goes on by itself once the device is back. */
const awayCodes: ReadonlySet<string> = new Set([
	'DEVICE_NOT_BACK',
	'DEVICE_NOT_FOUND',
	'USB_DISCONNECTED',
	'NEEDS_DFU_BUTTON',
	'BOOTLOADER_MAY_BE_LOST',
	'NOTHING_ANSWERS',
]);

function end(card: Card, report: RestoreReport): void {
	card.stop = undefined;
	const { outcome } = report;
	if (outcome === 'failed' || outcome === 'cancelled') {
		const error = report.report?.error;
		// The page may hear later than the job that it has left.
		const byItself = error !== undefined && awayCodes.has(error.code);
		card.stage.value = { name: 'unfinished', report, byItself };
		announce(`${nameOf(card)}: the job is not finished. ${error?.message ?? ''}`);
		return;
	}
	card.stage.value = { name: 'ended', report };
	announce(
		`${nameOf(card)}: ${outcome === 'verified' ? 'verified' : outcome === 'already' ? 'nothing had to be written' : 'there is no plan'}.`,
	);
}

function fail(card: Card, error: LinacError, begun: boolean, stopped: boolean): void {
	card.stop = undefined;
	if (begun) {
		const byItself = awayCodes.has(error.code) && !stopped;
		card.stage.value = { name: 'unfinished', error, byItself };
	} else if (error.code === 'CANCELLED') void look(card);
	else card.stage.value = { name: 'failed', error, doing: 'restore' };
}
