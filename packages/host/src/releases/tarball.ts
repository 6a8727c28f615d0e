/**
 * Reads an npm package (`.tgz`): gzip around a POSIX ustar archive with pax headers (IEEE Std 1003.1, pax). Only regular files come out, in memory;
 * links and devices are passed over, and names are never used as paths.
 */
import { gunzipSync } from 'node:zlib';
import { bad, good, problem, type Verdict } from '@linac/core';

export interface TarEntry {
	name: string;
	bytes: Uint8Array;
}

export interface TarballOptions {
	/** For messages. */
	file?: string;
	/** Largest unpacked size in bytes. */
	limit?: number;
	wanted?: (name: string) => boolean;
}

const BLOCK = 512;
const DEFAULT_LIMIT = 256 * 1024 * 1024;

/** Refused with `TARBALL_DAMAGED` when it cannot be unpacked whole. Never throws. */
export function readTarball(bytes: Uint8Array, options: TarballOptions = {}): Verdict<TarEntry[]> {
	const file = options.file ?? 'the package';
	const damaged = (what: string): Verdict<TarEntry[]> =>
		bad(problem('TARBALL_DAMAGED', `${file} is damaged: ${what}. Fetch it again.`, { file: options.file }));
	let tar: Uint8Array;
	try {
		tar = gunzipSync(bytes, { maxOutputLength: options.limit ?? DEFAULT_LIMIT });
	} catch (error) {
		return damaged(error instanceof Error ? error.message : String(error));
	}
	const out: TarEntry[] = [];
	let longName: string | undefined;
	let at = 0;
	while (at + BLOCK <= tar.length) {
		if (tar.subarray(at, at + BLOCK).every((b) => b === 0)) return good(out);
		if (!checksumRight(tar, at)) return damaged(`the header at ${at} has a wrong checksum`);
		const size = octal(tar, at + 124, 12);
		const start = at + BLOCK;
		if (size === undefined || start + size > tar.length) return damaged('an entry is cut short');
		const type = String.fromCharCode(tar[at + 156]!);
		const body = tar.subarray(start, start + size);
		if (type === 'x') longName = paxPath(text(body, 0, body.length)) ?? longName;
		else if (type === '0' || type === '\0') {
			const prefix = text(tar, at + 345, 155);
			const plain = text(tar, at, 100);
			const name = longName ?? (prefix === '' ? plain : `${prefix}/${plain}`);
			longName = undefined;
			// A copy, so that a small file does not keep the whole archive in memory.
			if (options.wanted?.(name) !== false) out.push({ name, bytes: new Uint8Array(body) });
		} else if (type !== 'g') longName = undefined;
		at = start + Math.ceil(size / BLOCK) * BLOCK;
	}
	return damaged('its end is missing');
}

function checksumRight(tar: Uint8Array, at: number): boolean {
	let sum = 0;
	for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : tar[at + i]!;
	return sum === octal(tar, at + 148, 8);
}

function octal(tar: Uint8Array, at: number, length: number): number | undefined {
	const digits = text(tar, at, length).trim();
	return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function text(bytes: Uint8Array, at: number, length: number): string {
	const field = bytes.subarray(at, at + length);
	const end = field.indexOf(0);
	return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function paxPath(records: string): string | undefined {
	return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records)?.[1];
}
