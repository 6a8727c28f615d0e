/** The page "Restore a device": the devices that may be used, each with its own way from the look to the proof. */
import { useEffect, useState } from 'preact/hooks';
import { callEngine } from '../../link/page-link.js';
import { Failure } from '../../parts/problems.js';
import { address } from '../../shell/router.js';
import { Backups } from './backups.js';
import { DeviceCard } from './device-card.js';
import {
	answerPlan,
	cards,
	devicesKnown,
	engineFailure,
	filters,
	makePlan,
	recommendedGoal,
	watchCards,
} from './device-cards.js';
import { linkedFirst, linkedGoal } from './linked.js';
import './restore.css';

export default function RestorePage() {
	useEffect(() => watchCards(), []);
	return (
		<section class="restore">
			<h1>Restore a device</h1>
			<p>
				See what is on a board, bring it to a release of Device OS, and see the proof. Nothing is written before you have seen the
				plan and agreed to it.
			</p>
			{'usb' in navigator ? <Connect /> : <NoWebUsb />}
			{engineFailure.value !== undefined && <Failure error={engineFailure.value} title="The devices cannot be told" />}
			<Linked />
			<Together />
			<Devices />
			<Backups />
		</section>
	);
}

function Connect() {
	const [note, setNote] = useState('');
	const choose = async () => {
		setNote('');
		try {
			await navigator.usb.requestDevice({ filters: filters.value ?? [] });
			await callEngine('devices.changed', undefined);
		} catch (error) {
			// Whoever closes the list has changed their mind; anything else is told.
			if ((error as Error).name !== 'NotFoundError') setNote((error as Error).message);
			else
				setNote(
					'No board was chosen. If it was not in the list: another cable (some only charge), another port, or bring it into DFU mode with its buttons.',
				);
		}
	};
	return (
		<>
			<p class="row">
				<button type="button" class="primary" disabled={filters.value === undefined} onClick={() => void choose()}>
					Connect a board
				</button>
				<a href={address('try')}>Or try it with a virtual board</a>
			</p>
			{note && <p role="status">{note}</p>}
		</>
	);
}

/** What a link has chosen, as long as there is no board to which it could be applied. */
function Linked() {
	const goal = linkedGoal();
	if (!goal || cards.value.some((c) => c.platform === goal.platform)) return null;
	return (
		<p data-testid="linked">
			Device OS <strong>{goal.version}</strong> is chosen, for a board of the platform <strong>{goal.platform}</strong>: connect
			it.
		</p>
	);
}

function NoWebUsb() {
	return (
		<div class="card">
			<h2>This browser has no WebUSB</h2>
			<p>
				To reach a board by USB, open this page in Chrome, Edge or Opera on a computer, or use the <code>linac</code> command
				line. Here you can <a href={address('hex')}>make a hex file</a> for a programmer,{' '}
				<a href={address('inspect')}>inspect files</a>, and <a href={address('try')}>try all of this with virtual boards</a>.
			</p>
		</div>
	);
}

/** What is done with several devices at once. */
function Together() {
	const ready = cards.value.filter((c) => c.stage.value.name === 'choose');
	const planned = cards.value.filter((c) => c.stage.value.name === 'plan');
	if (ready.length < 2 && planned.length < 2) return null;
	const planAll = () => {
		for (const card of ready) {
			const stage = card.stage.value;
			const goal = stage.name === 'choose' ? recommendedGoal(stage.releases) : undefined;
			if (goal) void makePlan(card, goal);
		}
	};
	return (
		<p class="row">
			{ready.length >= 2 && (
				<button type="button" onClick={planAll}>
					Plan all {ready.length} with what is recommended
				</button>
			)}
			{planned.length >= 2 && (
				<button
					type="button"
					onClick={() => {
						for (const card of planned) answerPlan(card, true);
					}}
				>
					Start all {planned.length} plans
				</button>
			)}
		</p>
	);
}

function Devices() {
	if (cards.value.length === 0) {
		return (
			<p class="card" data-testid="no-devices">
				{devicesKnown.value ? 'There is no board yet that this page may use.' : 'Looking for boards ...'}
			</p>
		);
	}
	return (
		<ul class="restore-cards" aria-label="Boards">
			{linkedFirst(cards.value).map((card) => (
				<li key={card.key}>
					<DeviceCard card={card} />
				</li>
			))}
		</ul>
	);
}
