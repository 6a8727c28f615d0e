/** What the identify page knows: which boards can be asked, who is being asked, and the table of those that have answered. Kept while other pages are shown. */
import { signal } from '@preact/signals';
import type { Answer, Askable } from '../../engine/identify-methods.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';

export interface Unit {
	/** Counts from 1, in the order of the answers. */
	number: number;
	askable: Askable;
	answer: Answer;
}

/** Undefined until the engine has told. */
export const askables = signal<readonly Askable[] | undefined>(undefined);
export const listFailure = signal<unknown>(undefined);
/** What came of the browser's own list of ports. */
export const portNote = signal('');
/** The one that is being asked. */
export const asking = signal<string | undefined>(undefined);
/** Why the one that was asked last did not answer. */
export const askFailure = signal<{ askable: Askable; error: unknown } | undefined>(undefined);
export const units = signal<readonly Unit[]>([]);

/** What a board says is listened to until this is called: whoever asks a board needs its port. */
let stopMonitor = () => {};
export function monitorRuns(stop: () => void): void {
	stopMonitor = stop;
}

let stopAsking = new AbortController();

/** Watches until the returned function is called. */
export function watchAskable(): () => void {
	const stop = new AbortController();
	listFailure.value = undefined;
	callEngine('identify.watch', undefined, {
		signal: stop.signal,
		onEvent: (list) => {
			askables.value = list;
		},
	}).catch((error: unknown) => {
		if (!stop.signal.aborted) listFailure.value = error;
	});
	return () => stop.abort();
}

/** Opens the browser's list of serial ports, and asks the chosen one if it can be told which it is. */
export async function choosePort(): Promise<void> {
	portNote.value = '';
	const before = new Set(askables.value?.map((a) => a.id));
	try {
		await navigator.serial.requestPort({ filters: portFilters });
	} catch (error) {
		// Whoever closes the list has changed their mind; anything else is told.
		portNote.value =
			(error as DOMException).name === 'NotFoundError'
				? 'No port was chosen. If the board was not in the list: another cable (some only charge), another USB port, or it is in DFU mode, where it has none.'
				: (error as Error).message;
		return;
	}
	const list = await callEngine('identify.list', undefined);
	askables.value = list;
	const serial = list.filter((a) => a.way === 'serial');
	const fresh = serial.filter((a) => !before.has(a.id));
	const [only] = fresh.length > 0 ? fresh : serial;
	if (only && (fresh.length === 1 || serial.length === 1)) await ask(only);
	else portNote.value = 'Choose the board below: the browser does not say which of its ports it was.';
}

let portFilters: SerialPortFilter[] = [];
/** The browser opens its list only right after a click: what it shows has to be known before. */
export async function loadPortFilters(): Promise<void> {
	portFilters = await callEngine('identify.filters', undefined);
}

export async function ask(askable: Askable): Promise<void> {
	if (asking.value !== undefined) return;
	stopMonitor();
	stopAsking = new AbortController();
	asking.value = askable.id;
	askFailure.value = undefined;
	announce(`Asking ${nameOf(askable)}.`);
	try {
		const answer = await callEngine('identify.ask', { id: askable.id }, { signal: stopAsking.signal });
		add(askable, answer);
		announce(`${answer.displayName ?? 'The board'} ${answer.values.deviceId ?? ''} has answered.`);
	} catch (error) {
		if (!stopAsking.signal.aborted) askFailure.value = { askable, error };
	} finally {
		asking.value = undefined;
	}
}

/** A board that is asked again has its line replaced: a table of units has each once. */
function add(askable: Askable, answer: Answer): void {
	const id = answer.values.deviceId;
	const others = units.value.filter((u) => id === undefined || u.answer.values.deviceId !== id);
	const number = Math.max(0, ...units.value.map((u) => u.number)) + 1;
	units.value = [...others, { number, askable, answer }];
}

export function cancelAsking(): void {
	stopAsking.abort();
}

export function forgetUnits(): void {
	units.value = [];
	announce('The table is empty.');
}

export function nameOf({ displayName, port, virtual }: Askable): string {
	return `${virtual ? 'virtual ' : ''}${displayName ?? 'unknown device'}${port === undefined ? '' : ` at serial port ${port.replace(/^\D*/, '')}`}`;
}
