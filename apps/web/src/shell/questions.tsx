/**
 * Questions of the engine that only a page can answer, because a browser wants a click for them: the permission to use a device that has come back in
 * another mode. For virtual devices the page shows the list that a browser would show.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PermissibleDevice } from '../engine/device-methods.js';
import type { PermissionQuestion } from '../link/messages.js';
import { answerQuestions, callEngine } from '../link/page-link.js';

interface Open {
	number: number;
	question: PermissionQuestion;
	answer(value: boolean): void;
}

/** The list of virtual devices is looked at this often, ms: a browser's own list follows by itself. */
const LIST_EVERY_MS = 500;

const open = signal<readonly Open[]>([]);
let last = 0;

answerQuestions(
	(question, withdrawn) =>
		new Promise((resolve) => {
			const one: Open = { number: ++last, question, answer };
			function answer(value: boolean): void {
				open.value = open.value.filter((o) => o !== one);
				resolve(value);
			}
			withdrawn.addEventListener('abort', () => answer(false), { once: true });
			open.value = [...open.value, one];
		}),
);

export function Questions() {
	const first = open.value[0];
	return first ? <Permission key={first.number} {...first} waiting={open.value.length - 1} /> : null;
}

function Permission({ question, answer, waiting }: Open & { waiting: number }) {
	const dialog = useRef<HTMLDialogElement>(null);
	useEffect(() => dialog.current?.showModal(), []);
	return (
		<dialog
			ref={dialog}
			class="question"
			aria-labelledby="question-title"
			aria-describedby="question-why"
			data-testid="permission"
			onCancel={(event) => {
				event.preventDefault();
				answer(false);
			}}
		>
			<h2 id="question-title">The browser needs your permission once more</h2>
			<p id="question-why">{question.why}</p>
			{question.virtual ? <VirtualList question={question} answer={answer} /> : <RealList question={question} answer={answer} />}
			{waiting > 0 && (
				<p class="quiet">After this one, {waiting === 1 ? 'one more board waits' : `${waiting} more boards wait`}.</p>
			)}
		</dialog>
	);
}

type Answering = Pick<Open, 'question' | 'answer'>;

function Stop({ answer }: Pick<Open, 'answer'>) {
	return (
		<button type="button" onClick={() => answer(false)}>
			Stop the job
		</button>
	);
}

function RealList({ question, answer }: Answering) {
	const [note, setNote] = useState('');
	const { filters, deviceId } = question;
	const bySerial = filters.some((f) => f.serialNumber !== undefined);
	const choose = async (wanted: USBDeviceFilter[]) => {
		setNote('');
		// The browser shows its own list now; whoever closes it can press the button again.
		const device = await navigator.usb?.requestDevice({ filters: wanted }).catch(() => undefined);
		if (!device) {
			setNote('No board was chosen. It appears in the list some seconds after it has restarted.');
			return;
		}
		const serial = device.serialNumber?.toLowerCase();
		if (deviceId !== undefined && serial && serial !== deviceId)
			setNote(`That is another board (${serial}). Choose ${deviceId}.`);
		else answer(true);
	};
	return (
		<>
			{note && <p role="status">{note}</p>}
			<div class="row end">
				<Stop answer={answer} />
				{bySerial && note !== '' && (
					<button type="button" onClick={() => void choose(filters.map(({ vendorId, productId }) => ({ vendorId, productId })))}>
						It is not in the list: show all of its kind
					</button>
				)}
				<button type="button" class="primary" onClick={() => void choose(filters)}>
					Choose the board
				</button>
			</div>
		</>
	);
}

function VirtualList({ question, answer }: Answering) {
	const [list, setList] = useState<PermissibleDevice[]>([]);
	const [chosen, setChosen] = useState<number>();
	const { filters } = question;
	useEffect(() => {
		const look = () => void callEngine('devices.permissible', { filters }).then(setList, () => setList([]));
		look();
		const timer = setInterval(look, LIST_EVERY_MS);
		return () => clearInterval(timer);
	}, [filters]);
	const one = chosen ?? (list.length === 1 ? list[0]?.index : undefined);
	const allow = async () => {
		if (one === undefined) return;
		await callEngine('devices.permit', { index: one });
		answer(true);
	};
	const allowAll = async () => {
		await callEngine('devices.permissions', { ask: false });
		answer(true);
	};
	return (
		<>
			<fieldset>
				<legend>Virtual boards, as the list of the browser would show them</legend>
				{list.length === 0 && <p>None yet: it appears as soon as it has restarted.</p>}
				{list.map((d) => (
					<label key={d.index} class="row">
						<input type="radio" name="question-device" checked={d.index === one} onChange={() => setChosen(d.index)} />
						<span>
							{d.displayName} <code>{d.deviceId ?? 'without id'}</code>
							{d.mode === 'dfu' ? ', DFU mode' : ''}
						</span>
					</label>
				))}
			</fieldset>
			<div class="row end">
				<Stop answer={answer} />
				<button type="button" onClick={() => void allowAll()}>
					Do not ask for virtual boards
				</button>
				<button type="button" class="primary" disabled={one === undefined} onClick={() => void allow()}>
					Connect
				</button>
			</div>
		</>
	);
}
