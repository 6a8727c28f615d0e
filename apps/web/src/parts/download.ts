/** Gives bytes or text to the person as a file. */
export function download(name: string, content: Uint8Array | string, type = 'application/octet-stream'): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([content as BlobPart], { type }));
	link.download = name;
	link.click();
	// Safari begins to read after the click: the address has to live a while longer.
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
