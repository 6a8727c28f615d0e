/** The page "Try without hardware": make virtual boards, see what they do, and work their cables, buttons and faults. */
import { useEffect } from 'preact/hooks';
import { Failure } from '../../parts/problems.js';
import { bench, benchFailure, watchBench } from '../../parts/virtual/bench-state.js';
import { AddForm } from './add-form.js';
import { BoardCard } from './board-card.js';
import { startingStates } from './choices.js';
import { Pace } from './pace.js';
import '../../parts/virtual/virtual.css';
import './try.css';

const keeping = {
	kept: 'They are kept in this browser. A reload is for them what a pulled cable is for a board.',
	'other-tab':
		'Another tab has the virtual boards of this browser. Those that you make here last until this tab is closed or reloaded.',
	'not-kept': 'This browser keeps nothing for this page: virtual boards last until the page is closed or reloaded.',
} as const;

export default function TryPage() {
	useEffect(watchBench, []);
	return (
		<section class="try">
			<h1>Try without hardware</h1>
			<p>
				A virtual board is a model of a real one: it has flash that is erased by sector, a bootloader, Device OS with its modes,
				buttons, and a cable that you can pull at any moment. It answers the same USB packets as a board, so that every page works
				with it, and what goes wrong with boards can go wrong here. Nothing leaves this page.
			</p>
			<AddForm />
			{benchFailure.value !== undefined && <Failure error={benchFailure.value} title="That did not work" />}
			{(startingStates.value !== undefined || benchFailure.value !== undefined) && <Boards />}
		</section>
	);
}

/** Below the form, and not before it stands there: boards that it pushed down would be clicked where they were. */
function Boards() {
	const shown = bench.value;
	return (
		<>
			<h2>Virtual boards</h2>
			{shown === undefined && benchFailure.value === undefined && <p class="quiet">Loading ...</p>}
			{shown && shown.devices.length === 0 && <p data-testid="no-boards">There is none yet. Plug one in above.</p>}
			{shown && shown.devices.length > 0 && (
				<>
					<Pace settings={shown} />
					<p class="quiet">{keeping[shown.kept]}</p>
					<ul class="try-boards" aria-label="Virtual boards">
						{shown.devices.map((device) => (
							<li key={device.deviceId}>
								<BoardCard device={device} />
							</li>
						))}
					</ul>
				</>
			)}
		</>
	);
}
