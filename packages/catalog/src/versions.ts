/**
 * Order of Device OS versions as published: `4.0.1`, `5.0.0-alpha.2`, `3.2.1-p2.3`. Semantic versioning's rules (semver.org, 11), which is
 * what Particle's releases follow. Not for module numbers such as 4005: those are compared as numbers and found in the release table.
 */

interface ParsedVersion {
	numbers: [number, number, number];
	pre: (string | number)[];
}

function parse(version: string): ParsedVersion | undefined {
	const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/.exec(version.trim());
	if (!match) return undefined;
	const pre = match[4] === undefined ? [] : match[4].split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
	return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], pre };
}

/** Whether the text has the form of a Device OS version. It need not be one that was released. */
export function isVersion(version: string): boolean {
	return parse(version) !== undefined;
}

/** `4.0.1` from `v4.0.1`, ` 4.0.1 `; other text comes back trimmed. */
export function normalizeVersion(version: string): string {
	return version.trim().replace(/^v(?=\d)/, '');
}

/** Negative, 0 or positive, for `sort`. Text that is not a version comes before every version, in plain text order. */
export function compareVersions(a: string, b: string): number {
	const left = parse(a);
	const right = parse(b);
	if (!left || !right) {
		if (left || right) return left ? 1 : -1;
		return a < b ? -1 : a > b ? 1 : 0;
	}
	for (let i = 0; i < 3; i++) {
		const difference = left.numbers[i]! - right.numbers[i]!;
		if (difference !== 0) return difference;
	}
	return comparePreReleases(left.pre, right.pre);
}

function comparePreReleases(a: (string | number)[], b: (string | number)[]): number {
	// A version without a pre-release part is the newer one.
	if (a.length === 0 || b.length === 0) return b.length - a.length;
	for (let i = 0; i < Math.max(a.length, b.length); i++) {
		const left = a[i];
		const right = b[i];
		if (left === undefined) return -1;
		if (right === undefined) return 1;
		if (left === right) continue;
		if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
		return left < right ? -1 : 1;
	}
	return 0;
}
