/** The files that were dropped on a page, those in folders included, each with the folders above it. */

export interface DroppedFile {
	/** `boron/4.0.1/boron-bootloader@4.0.1.bin`; without folders, the name alone. */
	path: string;
	file: File;
}

/** More than any set of files has that somebody means to drop. */
const MOST_FILES = 5000;

/** Files of an input, or of one that takes a folder. */
export function chosenFiles(list: FileList | null): DroppedFile[] {
	return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** What was dropped. The entries have to be taken before the event ends, so this is called in its handler. */
export async function droppedFiles(data: DataTransfer): Promise<DroppedFile[]> {
	const entries = [...data.items]
		.map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null))
		.filter((e) => e !== null);
	if (entries.length === 0) return chosenFiles(data.files);
	const out: DroppedFile[] = [];
	for (const entry of entries) await walk(entry, out);
	return out;
}

async function walk(entry: FileSystemEntry, out: DroppedFile[]): Promise<void> {
	if (out.length >= MOST_FILES) return;
	if (entry.isFile) {
		const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
		out.push({ path: entry.fullPath.replace(/^\//, ''), file });
		return;
	}
	const reader = (entry as FileSystemDirectoryEntry).createReader();
	for (;;) {
		// A browser gives some of them at a time, and none when there are no more.
		const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
		if (some.length === 0) return;
		for (const one of some) await walk(one, out);
	}
}
