/** Whether the numbers of an RSA private key (RFC 8017, A.1.2) belong together: a damaged file is told from a sound one. */
import { bigOf } from './der.js';

/** n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p: digits without zeros in front. */
export type RsaNumbers = readonly [
	Uint8Array,
	Uint8Array,
	Uint8Array,
	Uint8Array,
	Uint8Array,
	Uint8Array,
	Uint8Array,
	Uint8Array,
];

export function rsaNumbersAgree(numbers: RsaNumbers): boolean {
	const [n, e, d, p, q, dp, dq, qp] = numbers.map(bigOf) as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
	if (p < 3n || q < 3n || p * q !== n) return false;
	if (dp !== d % (p - 1n) || dq !== d % (q - 1n) || (qp * q) % p !== 1n) return false;
	return (e * dp) % (p - 1n) === 1n && (e * dq) % (q - 1n) === 1n;
}

export function bitLength(digits: Uint8Array): number {
	return digits.length === 0 ? 0 : (digits.length - 1) * 8 + (32 - Math.clz32(digits[0]!));
}
