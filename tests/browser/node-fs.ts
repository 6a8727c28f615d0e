/**
 * In place of `node:fs` when tests run in a browser: reads files of this repository from the server of the tests (`repository-files.ts`), with the
 * few functions that tests and their support use. Synchronous, as Node's are, so that no test differs. Nothing can be written.
 */

const known = new Map<string, Uint8Array | undefined>();
const folders = new Map<string, string[] | undefined>();

/** `path` has the repository as its root; a relative one is meant from there too. */
function ask(path: string, folder: boolean): Uint8Array | undefined {
	const request = new XMLHttpRequest();
	request.open('GET', `/@repository/${encodeURI(path.replace(/^\//, ''))}${folder ? '/' : ''}`, false);
	// Synchronous requests of a page give text only; this encoding keeps every byte in the lower half of a character.
	request.overrideMimeType('text/plain; charset=x-user-defined');
	request.send();
	if (request.status === 404) return undefined;
	if (request.status !== 200) throw new Error(`${path}: the server answers ${request.status}.`);
	const text = request.responseText;
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i) & 0xff;
	return bytes;
}

function file(path: string): Uint8Array | undefined {
	if (!known.has(path)) known.set(path, ask(path, false));
	return known.get(path);
}

function folder(path: string): string[] | undefined {
	if (!folders.has(path)) {
		const list = ask(path, true);
		folders.set(path, list && (JSON.parse(new TextDecoder().decode(list)) as string[]));
	}
	return folders.get(path);
}

function missing(path: string): Error {
	return Object.assign(new Error(`ENOENT: no such file or directory: ${path}`), { code: 'ENOENT' });
}

/** A copy, as every read is one. */
export function readFileSync(path: string, encoding?: 'utf8'): Uint8Array | string {
	const bytes = file(path);
	if (!bytes) throw missing(path);
	return encoding === undefined ? bytes.slice() : new TextDecoder().decode(bytes);
}

export function readdirSync(path: string): string[] {
	const names = folder(path);
	if (!names) throw missing(path);
	return [...names];
}

export function existsSync(path: string): boolean {
	return folder(path) !== undefined || file(path) !== undefined;
}

export function statSync(path: string): { isDirectory(): boolean; isFile(): boolean } {
	const isFolder = folder(path) !== undefined;
	if (!isFolder && !file(path)) throw missing(path);
	return { isDirectory: () => isFolder, isFile: () => !isFolder };
}

function readOnly(): never {
	throw new Error('Tests in a browser write no files.');
}
export const mkdirSync = readOnly;
export const mkdtempSync = readOnly;
export const renameSync = readOnly;
export const rmSync = readOnly;
export const writeFileSync = readOnly;
