/** Shows that a release is being fetched, on whatever page, and how far that is. */

import type { SourceProgress } from '@linac/catalog';
import { signal } from '@preact/signals';
import { watchFetching } from '../link/page-link.js';
import { announce } from '../parts/announcer.js';

/** What is there sooner than this is not worth a word, in milliseconds. */
const WORTH_SHOWING_MS = 400;

const downloads = signal<readonly SourceProgress[]>([]);
const shown = signal(false);
let timer: ReturnType<typeof setTimeout> | undefined;

watchFetching((now) => {
	downloads.value = now;
	if (now.length === 0) {
		clearTimeout(timer);
		timer = undefined;
		shown.value = false;
	} else {
		timer ??= setTimeout(() => {
			shown.value = true;
			announce(`Fetching ${now[0]?.what ?? 'Device OS'}.`);
		}, WORTH_SHOWING_MS);
	}
});

export function Fetching() {
	if (!shown.value) return null;
	// Two releases may lie in one package.
	const different = new Map(downloads.value.map((d) => [d.what, d]));
	return (
		<section class="fetching" aria-label="Being fetched">
			{[...different.values()].map((download) => (
				<Download key={download.what} {...download} />
			))}
		</section>
	);
}

function Download({ what, done, total }: SourceProgress) {
	return (
		<>
			<p>
				Fetching {what}
				{total === undefined ? ' ...' : `: ${megabytes(done)} of ${megabytes(total)}`}
			</p>
			<progress aria-label={`Fetching ${what}`} {...(total === undefined ? {} : { value: done, max: total })} />
		</>
	);
}

function megabytes(bytes: number): string {
	return `${(bytes / 1e6).toFixed(1)} MB`;
}
