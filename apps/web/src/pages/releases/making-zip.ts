/** One zip at a time: asked for, made by the engine, given to the person; or why not. */
import type { SourceProgress } from '@linac/catalog';
import { signal } from '@preact/signals';
import type { ReleaseZip } from '../../engine/release-methods.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';

export interface AskedZip {
	platform: string;
	version: string;
}

export type ZipState =
	| { kind: 'none' }
	| ({ kind: 'making'; progress?: SourceProgress } & AskedZip)
	| ({ kind: 'given'; zip: ReleaseZip } & AskedZip)
	/** No source of the page has the release. */
	| ({ kind: 'not-here' } & AskedZip)
	| ({ kind: 'failed'; error: unknown } & AskedZip);

export const zipState = signal<ZipState>({ kind: 'none' });

/** Whether the default application goes into the zips, as in the published ones. */
export const withApplication = signal(true);

let stop = new AbortController();

/** `here`: whether a source has it. */
export async function giveZip(asked: AskedZip, here: boolean, name: string): Promise<void> {
	stop.abort();
	stop = new AbortController();
	const { signal: stopped } = stop;
	if (!here) {
		zipState.value = { kind: 'not-here', ...asked };
		announce(`Device OS ${asked.version} for the ${name} is not here.`);
		return;
	}
	zipState.value = { kind: 'making', ...asked };
	try {
		const zip = await callEngine(
			'releases.zip',
			{ ...asked, application: withApplication.value },
			{
				signal: stopped,
				onEvent: (progress) => {
					if (!stopped.aborted) zipState.value = { kind: 'making', ...asked, progress };
				},
			},
		);
		if (stopped.aborted) return;
		zipState.value = { kind: 'given', zip, ...asked };
		download(zip.file, zip.zip, 'application/zip');
		announce(`${zip.file} was made and checked.`);
	} catch (error) {
		if (stopped.aborted) return;
		zipState.value = { kind: 'failed', error, ...asked };
	}
}

export function closeZip(): void {
	stop.abort();
	zipState.value = { kind: 'none' };
}
