/** Base64 as in RFC 4648, section 4: with padding, no line breaks. For what stands in PEM and JSON files; not for URLs. */

export function toBase64(bytes: Uint8Array): string {
	let text = '';
	for (const byte of bytes) text += String.fromCharCode(byte);
	return btoa(text);
}

/** Undefined when the text is not the one way to write those bytes: other characters, missing padding, stray bits. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
	if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
	const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
	return toBase64(bytes) === text ? bytes : undefined;
}
