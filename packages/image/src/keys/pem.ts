/**
 * From a key file to the DER inside it: PEM armour (RFC 7468) is taken off, a file that is DER already stays as it is. Text around the
 * armour is skipped, as OpenSSL writes some (`EC PARAMETERS`, comments). Encrypted keys are refused: nothing here asks for passwords.
 */
import { bad, good, problem, toBase64, type Verdict } from '@linac/core';

export interface KeyFile {
	/** What the armour says, e.g. `RSA PRIVATE KEY`; undefined for a DER file. */
	label?: string;
	der: Uint8Array;
}

const ARMOUR = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/** @param file name of the file, for messages */
export function readKeyFile(bytes: Uint8Array, file: string): Verdict<KeyFile> {
	if (bytes[0] === 0x30) return good({ der: derOnly(bytes) });
	const text = new TextDecoder().decode(bytes);
	const blocks = [...text.matchAll(ARMOUR)].filter((block) => block[1] !== 'EC PARAMETERS');
	const unreadable = (why: string) =>
		bad(problem('KEY_UNREADABLE', `${file} ${why} Give a key as PEM or DER, as openssl writes it.`, { file }));
	if (blocks.length === 0) return unreadable('is neither a PEM file nor DER.');
	if (blocks.length > 1) return unreadable(`holds ${blocks.length} keys or certificates; which one is meant cannot be told.`);
	const [, label, body] = blocks[0]! as unknown as [string, string, string];
	if (label.includes('ENCRYPTED') || /^\s*Proc-Type:/m.test(body)) {
		const message = `${file} is encrypted with a password. Decrypt it first (openssl pkey -in ${file} -out decrypted.pem), and delete that copy afterwards.`;
		return bad(problem('KEY_ENCRYPTED', message, { file }));
	}
	const der = fromBase64(body);
	return der ? good({ label, der }) : unreadable('has text between BEGIN and END that is not base64.');
}

/** Keys that were read back from a device end in 0xFF up to the size of their field. */
function derOnly(bytes: Uint8Array): Uint8Array {
	let end = bytes.length;
	const header = bytes[1]! & 0x80 ? 2 + (bytes[1]! & 0x7f) : 2;
	let length = header === 2 ? bytes[1]! : 0;
	for (let i = 2; i < header; i++) length = length * 256 + (bytes[i] ?? 0);
	const used = header + length;
	if (used < end && bytes.subarray(used).every((b) => b === 0xff)) end = used;
	return bytes.subarray(0, end);
}

/** The armour of RFC 7468, with lines of 64 characters. */
export function toPem(label: string, der: Uint8Array): string {
	const lines = toBase64(der).match(/.{1,64}/g) ?? [];
	return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGIT = new Map([...ALPHABET].map((c, i) => [c, i]));

function fromBase64(text: string): Uint8Array | undefined {
	const clean = text.replace(/\s+/g, '');
	if (clean.length === 0 || clean.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(clean)) return undefined;
	const digits = clean.replace(/=+$/, '');
	const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
	let buffer = 0;
	let bits = 0;
	let at = 0;
	for (const c of digits) {
		buffer = ((buffer << 6) | DIGIT.get(c)!) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[at++] = (buffer >> bits) & 0xff;
		}
	}
	return out;
}
