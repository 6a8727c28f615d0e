/** The files that are being looked at, one after the other, and what was found in each. They stay while other pages are visited, and go with the tab. */
import { signal } from '@preact/signals';
import type { InspectedFile, ShownFinding } from '../../engine/inspect-methods.js';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { countText } from '../../parts/numbers.js';

export interface OpenFile {
	id: number;
	file: File;
	/** With the folders above it, where it was in some. */
	name: string;
	/** What somebody said about it: the board of an image, and the address of plain bytes. */
	platform: string;
	base: string;
	state: 'waiting' | 'looking' | 'found' | 'failed';
	finding?: ShownFinding;
	error?: unknown;
}

export const openFiles = signal<readonly OpenFile[]>([]);

let next = 1;
let looking = false;
let stop = new AbortController();

/** `paths`: of each file, as they are to be called. */
export function addFiles(files: readonly File[], paths: readonly string[]): void {
	const added = files.map(
		(file, i): OpenFile => ({ id: next++, file, name: paths[i] ?? file.name, platform: '', base: '', state: 'waiting' }),
	);
	openFiles.value = [...openFiles.value, ...added];
	void lookAtAll();
}

export function removeFile(id: number): void {
	openFiles.value = openFiles.value.filter((f) => f.id !== id);
}

export function removeAllFiles(): void {
	stop.abort();
	stop = new AbortController();
	openFiles.value = [];
}

/** Looks again, with what somebody knows about the file. */
export function lookAgain(id: number, known: Pick<OpenFile, 'platform' | 'base'>): void {
	change(id, { ...known, state: 'waiting' });
	void lookAtAll();
}

/** What the engine is told about a file. */
export function asked({ file, name, platform, base }: OpenFile): InspectedFile {
	return { file, name, ...(platform === '' ? {} : { platform }), ...(base === '' ? {} : { base }) };
}

function change(id: number, more: Partial<OpenFile>): void {
	openFiles.value = openFiles.value.map((f) => (f.id === id ? { ...f, ...more } : f));
}

/** One at a time: several large files at once would fill the memory. */
async function lookAtAll(): Promise<void> {
	if (looking) return;
	looking = true;
	const done: number[] = [];
	try {
		for (;;) {
			const file = openFiles.value.find((f) => f.state === 'waiting');
			if (!file) break;
			change(file.id, { state: 'looking' });
			try {
				const finding = await callEngine('inspect.file', asked(file), { signal: stop.signal });
				const { error: _error, ...rest } = openFiles.value.find((f) => f.id === file.id) ?? file;
				openFiles.value = openFiles.value.map((f) => (f.id === file.id ? { ...rest, state: 'found', finding } : f));
			} catch (error) {
				change(file.id, { state: 'failed', error });
			}
			done.push(file.id);
		}
	} finally {
		looking = false;
	}
	tell(openFiles.value.filter((f) => done.includes(f.id)));
}

/** Once for all of them: nobody wants to hear ten files one by one. */
function tell(files: readonly OpenFile[]): void {
	const only = files.length === 1 ? files[0] : undefined;
	if (only?.finding) announce(`${only.name}: ${only.finding.headline} ${only.finding.verdict}`);
	else if (only) announce(`${only.name} could not be looked at.`);
	else if (files.length > 1) {
		const wrong = files.filter((f) => f.finding?.state !== 'sound' && f.finding?.state !== 'unproven').length;
		const rest = wrong === 0 ? 'Nothing in them is known to be wrong.' : `${countText(wrong, 'file')} with something wrong.`;
		announce(`${files.length} files looked at. ${rest}`);
	}
}
