/** Numbers, sizes and times the way people read them. Not for JSON: machines get plain numbers. */

/** `812 B`, `37.1 KB`, `1.4 MB` (1 KB = 1024 bytes, as flash is counted). */
export function formatBytes(bytes: number): string {
	if (bytes < 1024) return `${bytes} B`;
	if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
	return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** `0.4 s`, `12 s`, `1 min 05 s`. Milliseconds in. */
export function formatDuration(ms: number): string {
	if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
	const seconds = Math.round(ms / 1000);
	if (seconds < 60) return `${seconds} s`;
	return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** `1 step`, `3 steps`. */
export function count(n: number, one: string, many = `${one}s`): string {
	return `${n} ${n === 1 ? one : many}`;
}

/** First digits of a SHA-256, enough to compare by eye. */
export function shortHash(sha256: string | undefined): string {
	return sha256 === undefined ? '' : sha256.slice(0, 12);
}

/** A whole SHA-256 in a sentence is more than anybody reads: its first digits do. JSON keeps all of it. */
export function shortenHashes(text: string): string {
	return text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b\.?/g, '$1...');
}

/** A name that came from a device or a file, without characters that a terminal would obey. */
export function printable(name: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced.
	return name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
