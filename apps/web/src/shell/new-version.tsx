/**
 * Has the browser keep the site for use without a network (service-worker.ts), and says when a newer one is ready. The newer one is used when the person
 * says so, never in the middle of a job.
 */
import { signal } from '@preact/signals';
import { announce } from '../parts/announcer.js';
import { holds } from './hold.js';

/** The site opens without a network from now on. */
export const keptForLater = signal(false);

interface Ready {
	/** Not there when another tab has taken the new version into use already. */
	waiting?: ServiceWorker;
}

const ready = signal<Ready | undefined>(undefined);

/** To be called once, when the first page is shown. A browser or host with which it does not work shows the site as always. */
export async function keepForLater(): Promise<void> {
	if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
	const { serviceWorker } = navigator;
	let before = serviceWorker.controller;
	serviceWorker.addEventListener('controllerchange', () => {
		// The first one only begins to keep the site.
		if (before) {
			if (asked) location.reload();
			else show({});
		}
		before = serviceWorker.controller;
	});
	try {
		const registration = await serviceWorker.register(new URL('service-worker.js', document.baseURI), { updateViaCache: 'none' });
		const found = (worker: ServiceWorker | null) => {
			if (worker && serviceWorker.controller) show({ waiting: worker });
		};
		found(registration.waiting);
		registration.addEventListener('updatefound', () => {
			const installing = registration.installing;
			installing?.addEventListener('statechange', () => installing.state === 'installed' && found(installing));
		});
		await serviceWorker.ready;
		keptForLater.value = true;
	} catch {
		// No storage, no https, or a host that changes files: everything works, with a network.
	}
}

let asked = false;

function show(what: Ready): void {
	ready.value = what;
	announce('A new version of linac is ready.');
}

function use({ waiting }: Ready): void {
	asked = true;
	if (waiting) waiting.postMessage('use-now');
	else location.reload();
}

export function NewVersion() {
	const there = ready.value;
	if (!there) return null;
	const held = holds.value[0];
	return (
		<section class="new-version" aria-label="New version">
			<p>
				<strong>A new version of linac is ready.</strong>{' '}
				{held ? `${held.why} You can reload when that has ended.` : 'It is used when the page is loaded again.'}
			</p>
			<div class="row">
				<button type="button" class="primary" disabled={held !== undefined} onClick={() => use(there)}>
					Reload now
				</button>
				<button
					type="button"
					onClick={() => {
						ready.value = undefined;
					}}
				>
					Later
				</button>
			</div>
		</section>
	);
}
