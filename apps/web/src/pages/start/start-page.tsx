/** The first page: what can be done here, and what of it this browser can do. */
import { keptForLater } from '../../shell/new-version.js';
import { address } from '../../shell/router.js';

const cards = [
	['restore', 'Restore a device', 'See what is on a board, bring it to a release of Device OS, and see the proof.'],
	['hex', 'Make a hex file', 'One file with everything on it, for a programmer or a production line.'],
	['inspect', 'Inspect a file', 'What is this module, hex file, zip or bundle, and is it sound?'],
	['releases', 'Device OS releases', 'Which releases there are for which board, each as a zip.'],
	['identify', 'Identify a board', 'Ask a board in listening mode who it is, over its serial port.'],
	['try', 'Try without hardware', 'Virtual boards in this page, with which everything can be tried.'],
] as const;

export function StartPage() {
	const usb = 'usb' in navigator;
	const serial = 'serial' in navigator;
	return (
		<section>
			<h1>Put Device OS on Particle boards, and prove it</h1>
			<p>Everything happens in this page: no account, no installation, and nothing is sent to anybody.</p>
			{!usb && (
				<p class="card">
					<strong>This browser has no WebUSB.</strong> Hex files, the inspector, releases and virtual boards work here. To reach a
					board by USB, use Chrome, Edge or Opera on a computer, or the <code>linac</code> command line.
					{!serial && ' Web Serial, for Identify, is missing too.'}
				</p>
			)}
			<ul class="cards">
				{cards.map(([page, title, text]) => (
					<li key={page} class="card">
						<h2>
							<a href={address(page)}>{title}</a>
						</h2>
						<p>{text}</p>
					</li>
				))}
			</ul>
			{keptForLater.value && <p class="quiet">This page is kept in your browser: it opens without a network too.</p>}
		</section>
	);
}
