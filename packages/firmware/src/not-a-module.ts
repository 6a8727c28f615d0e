/**
 * Says what a file is that was expected to be a module and is not one: empty, a web page, JSON, text, an archive, erased flash,
 * a module cut short. Published "firmware" has been an error page more than once, so each gets its own code and sentence.
 */
import { type Problem, problem, u32le } from '@linac/core';
import { CRC_SIZE, declaredSize, type FoundPrefix, PREFIX_SIZE, prefixOffsets, readPrefix } from './prefix.js';

export type ContentKind =
	| 'empty'
	| 'html'
	| 'json'
	| 'intel-hex'
	| 'zip'
	| 'gzip'
	| 'elf'
	| 'dfuse'
	| 'text'
	| 'blank'
	| 'binary';

const SAMPLE = 512;

/** What a file is by its first bytes. Never by its name. */
export function contentKind(bytes: Uint8Array): ContentKind {
	if (bytes.length === 0) return 'empty';
	if (bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6)))
		return 'zip';
	if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
	if (bytes.length >= 4 && u32le(bytes, 0) === 0x464c457f) return 'elf';
	if (startsWith(bytes, 0, 'DfuSe')) return 'dfuse';
	if (isBlank(bytes)) return 'blank';
	let at = 0;
	if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3;
	while (at < bytes.length && at < SAMPLE && isSpace(bytes[at]!)) at++;
	if (!isText(bytes, at)) return 'binary';
	const first = bytes[at];
	if (first === 0x3c) return 'html';
	if (first === 0x7b || first === 0x5b) return 'json';
	if (first === 0x3a && /^:[0-9a-fA-F]{2}/.test(sampleText(bytes, at, 3))) return 'intel-hex';
	return 'text';
}

function isSpace(byte: number): boolean {
	return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function isText(bytes: Uint8Array, from: number): boolean {
	const to = Math.min(bytes.length, from + SAMPLE);
	for (let i = from; i < to; i++) {
		const b = bytes[i]!;
		if (b === 0x7f || (b < 0x20 && !isSpace(b))) return false;
		if (b >= 0x80 && b < 0xc2) {
			// A continuation byte needs something in front of it; 0xC0 and 0xC1 never stand in UTF-8.
			if (b >= 0xc0 || i === from || bytes[i - 1]! < 0x80) return false;
		}
	}
	return to > from;
}

function isBlank(bytes: Uint8Array): boolean {
	const value = bytes[0]!;
	if (value !== 0xff && value !== 0x00) return false;
	for (let i = 1; i < bytes.length; i++) if (bytes[i] !== value) return false;
	return bytes.length >= 16;
}

function startsWith(bytes: Uint8Array, at: number, word: string): boolean {
	for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
	return true;
}

/** The first characters, safe to print. */
function sampleText(bytes: Uint8Array, at: number, length: number): string {
	let out = '';
	for (let i = at; i < Math.min(bytes.length, at + length); i++) {
		const b = bytes[i]!;
		out += b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ' ';
	}
	return out.trim();
}

/** Why these bytes are not a whole module. `found` is the prefix that was found, if its module is longer than the file. */
export function whyNotAModule(bytes: Uint8Array, file: string | undefined, found: FoundPrefix | undefined): Problem {
	const name = file ?? 'The input';
	const more = file === undefined ? {} : { file };
	const kind = contentKind(bytes);
	const opens = () => `It begins with "${sampleText(bytes, 0, 40)}".`;
	switch (kind) {
		case 'empty':
			return problem('FILE_EMPTY', `${name} is empty. Fetch or build it again.`, more);
		case 'html':
			return problem(
				'HTML_PAGE',
				`${name} is a web page (HTML), not firmware. ${opens()} The server probably answered with an error page; download it again.`,
				more,
			);
		case 'json':
			return problem('JSON_TEXT', `${name} is JSON text, not firmware. ${opens()} Give the binary that it describes.`, more);
		case 'intel-hex':
			return problem(
				'INTEL_HEX_TEXT',
				`${name} is an Intel HEX file, where a binary module was expected. It has to be read as Intel HEX.`,
				more,
			);
		case 'zip':
			return problem(
				'ZIP_ARCHIVE',
				`${name} is a zip archive, where a single module was expected. It has to be opened as an archive.`,
				more,
			);
		case 'gzip':
			return problem('GZIP_ARCHIVE', `${name} is a gzip file. Unpack it and give the modules that are in it.`, more);
		case 'elf':
			return problem(
				'ELF_FILE',
				`${name} is an ELF file from the linker. Give the .bin file that the build makes from it: it has the CRC.`,
				more,
			);
		case 'dfuse':
			return problem('DFUSE_FILE', `${name} is a DfuSe (.dfu) container. Give the module inside it as .bin.`, more);
		case 'blank':
			return problem(
				'FILE_BLANK',
				`${name} holds nothing but 0x${bytes[0]!.toString(16).toUpperCase().padStart(2, '0')} bytes, like erased flash. There is no module in it.`,
				more,
			);
		case 'text':
			return problem('TEXT_FILE', `${name} is text, not firmware. ${opens()}`, more);
		case 'binary':
			break;
	}
	if (found) {
		return problem(
			'MODULE_TRUNCATED',
			`${name} is cut short: its module header asks for ${found.size} bytes, the file has ${bytes.length}. Fetch or build it again.`,
			{ ...more, offset: bytes.length, field: 'prefix.end', expected: found.size, found: bytes.length },
		);
	}
	const damaged = damagedHeader(bytes);
	if (damaged !== undefined) {
		return problem(
			'MODULE_HEADER_DAMAGED',
			`${name} has the size that the header at offset ${damaged} declares, but other fields of that header are impossible (function, flags, platform or dependencies). The file is damaged; fetch it again.`,
			{ ...more, offset: damaged, field: 'prefix' },
		);
	}
	if (bytes.length < PREFIX_SIZE + CRC_SIZE) {
		return problem(
			'FILE_TOO_SHORT',
			`${name} has ${bytes.length} bytes; a module header alone has ${PREFIX_SIZE}. This is not a module.`,
			{
				...more,
				expected: PREFIX_SIZE,
				found: bytes.length,
			},
		);
	}
	return problem(
		'NO_MODULE_HEADER',
		`${name} has no Particle module header in its first 8 KB. It may be firmware from before modules existed, data, or firmware for something else.`,
		more,
	);
}

function damagedHeader(bytes: Uint8Array): number | undefined {
	for (const offset of prefixOffsets) {
		if (offset + PREFIX_SIZE <= bytes.length && declaredSize(readPrefix(bytes, offset)) === bytes.length) return offset;
	}
	return undefined;
}
