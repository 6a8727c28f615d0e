/** A file that somebody gave the page, read here in the worker. What is wrong with reading it is a problem of the field that it was given in. */
import { asLinacError, bad, good, problem, throwIfCancelled, type Verdict } from '@linac/core';
import { tooLargeInput } from '@linac/firmware';

export interface ReadFile {
	name: string;
	bytes: Uint8Array<ArrayBuffer>;
}

/** Bad with `FILE_TOO_LARGE` or `FILE_UNREADABLE`. Throws `CANCELLED`. */
export async function readGivenFile(file: File, signal?: AbortSignal): Promise<Verdict<ReadFile>> {
	const { name } = file;
	const tooLarge = tooLargeInput(name, file.size);
	if (tooLarge) return bad(tooLarge);
	try {
		const bytes = new Uint8Array(await file.arrayBuffer());
		throwIfCancelled(signal);
		return good({ name, bytes });
	} catch (error) {
		const e = asLinacError(error);
		if (e.code === 'CANCELLED') throw e;
		const message = `${name} cannot be read: ${e.message} It may have been moved or changed since it was chosen: choose it again.`;
		return bad(problem('FILE_UNREADABLE', message, { file: name }));
	}
}
