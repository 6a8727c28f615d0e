/** Sizes and addresses as people of the field write them. The same forms as the command line's. */

/** `812 B`, `37.1 KB`, `1.4 MB` (1 KB = 1024 bytes, as flash is counted). */
export function sizeText(bytes: number): string {
	if (bytes < 1024) return `${bytes} B`;
	if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
	return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** `0x080A0000`. */
export function addressText(value: number): string {
	return `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** `1 part`, `3 parts`. */
export function countText(n: number, one: string, many = `${one}s`): string {
	return `${n} ${n === 1 ? one : many}`;
}
