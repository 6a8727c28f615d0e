/**
 * Reads `project.properties` of a Particle project as far as a bundle needs it: which folder holds the assets. The format is Java's
 * (java.util.Properties.load), which particle-cli reads it by: comments, `=` or `:`, escapes, lines that continue.
 */
export interface ProjectProperties {
	/** Folder of the assets, relative to the file. Undefined when the key is missing or empty. */
	assetOtaDir?: string;
	/** File with environment variables, relative to the file. */
	env?: string;
}

/** Never fails: what is no property is passed over, and of a key that stands twice the last counts. */
export function parseProjectProperties(text: string): ProjectProperties {
	const values = parseProperties(text);
	const value = (key: string) => {
		const found = values.get(key)?.trim();
		return found === undefined || found === '' ? undefined : found;
	};
	const assetOtaDir = value('assetOtaDir');
	const env = value('env');
	return { ...(assetOtaDir === undefined ? {} : { assetOtaDir }), ...(env === undefined ? {} : { env }) };
}

function parseProperties(text: string): Map<string, string> {
	const out = new Map<string, string>();
	for (const line of logicalLines(text.replace(/^\uFEFF/, ''))) {
		// The key ends at the first white space, `=` or `:` that is not escaped.
		const match = /^((?:\\.|[^\\\s=:])*)\s*[=:]?\s*(.*)$/s.exec(line);
		if (match && match[1] !== '') out.set(resolveEscapes(match[1]!), resolveEscapes(match[2]!));
	}
	return out;
}

/** Lines without comments and leading blanks; one that ends with an odd number of backslashes goes on in the next. */
function logicalLines(text: string): string[] {
	const out: string[] = [];
	let open: string | undefined;
	for (const raw of text.split(/\r\n|\r|\n/)) {
		const line = raw.replace(/^[ \t\f]+/, '');
		if (open === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue;
		const whole: string = (open ?? '') + line;
		const continues = /\\*$/.exec(line)![0].length % 2 === 1;
		open = continues ? whole.slice(0, -1) : undefined;
		if (!continues) out.push(whole);
	}
	if (open !== undefined) out.push(open);
	return out;
}

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function resolveEscapes(text: string): string {
	return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_all, code: string | undefined, other: string) =>
		code === undefined ? (escapes[other] ?? other) : String.fromCharCode(Number.parseInt(code, 16)),
	);
}
