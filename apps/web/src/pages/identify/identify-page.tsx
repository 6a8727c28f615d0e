/** The page "Identify": ask boards who they are, one after the other, and take the table away as a file. */
import { useEffect } from 'preact/hooks';
import { Failure } from '../../parts/problems.js';
import { address } from '../../shell/router.js';
import { AnswerView } from './answer-view.js';
import { AskableList } from './askable-list.js';
import { choosePort, listFailure, portNote, units, watchAskable } from './identify-state.js';
import { Monitor } from './monitor.js';
import { UnitsTable } from './units-table.js';
import './identify.css';

export default function IdentifyPage() {
	useEffect(() => watchAskable(), []);
	const last = units.value.at(-1);
	return (
		<section class="identify">
			<h1>Identify a board</h1>
			<p>
				Device id, serial number, IMEI and SIM of a board, and the versions on it. In listening mode a board tells all of it over
				its serial port: hold MODE (SETUP on Photon and P1) for three seconds, until its LED blinks dark blue. Nothing is written
				to it.
			</p>
			{'serial' in navigator ? <ChoosePort /> : <NoWebSerial />}
			{listFailure.value !== undefined && <Failure error={listFailure.value} title="The boards cannot be told" />}
			<AskableList />
			{last && <AnswerView unit={last} />}
			<UnitsTable />
			<Monitor />
		</section>
	);
}

function ChoosePort() {
	return (
		<>
			<p class="row">
				<button type="button" class="primary" onClick={() => void choosePort()}>
					Choose a serial port
				</button>
				<a href={address('try')}>Or try it with a virtual board</a>
			</p>
			{portNote.value !== '' && <p role="status">{portNote.value}</p>}
		</>
	);
}

function NoWebSerial() {
	return (
		<div class="card" data-testid="no-web-serial">
			<h2>This browser has no Web Serial</h2>
			<p>
				To ask a board over its serial port, open this page in Chrome, Edge or Opera on a computer, or use{' '}
				<code>linac serial identify</code>.
				{'usb' in navigator && ' Boards that were connected by USB on the page Restore can be asked here all the same.'}{' '}
				Everything here can be tried with <a href={address('try')}>a virtual board</a>.
			</p>
		</div>
	);
}
