/**
 * Which of the files that somebody gave a cell of a list of units means. A browser tells no folders of files that were chosen one by one, so a name alone
 * has to do, as long as only one file has it. Reading them is the caller's.
 */

export interface NamedFile {
	/** With the folders above it, as far as the browser tells them: `keys/dock-0001.pem`. */
	path: string;
}

/**
 * The file for each path of `unitsNeed`: the one with that path, else the one whose path ends with it, else the only one with that name. Paths that no file
 * fits are left out; those that several fit stand in `ambiguous`.
 */
export function matchKeyFiles<F extends NamedFile>(
	paths: readonly string[],
	files: readonly F[],
): { found: Map<string, F>; ambiguous: string[] } {
	const found = new Map<string, F>();
	const ambiguous: string[] = [];
	const plain = files.map((file) => ({ file, path: normal(file.path) }));
	for (const path of paths) {
		const wanted = normal(path);
		const name = nameOf(wanted);
		const fits = [
			plain.filter((f) => f.path === wanted),
			plain.filter((f) => f.path.endsWith(`/${wanted}`)),
			plain.filter((f) => nameOf(f.path) === name),
		].find((some) => some.length > 0);
		if (fits?.length === 1) found.set(path, fits[0]!.file);
		else if (fits) ambiguous.push(path);
	}
	return { found, ambiguous };
}

function normal(path: string): string {
	return path.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
}

function nameOf(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}
