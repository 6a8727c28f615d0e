/**
 * The curve of the devices' EC keys: P-256 (prime256v1, secp256r1; SEC 2, NIST SP 800-186). Only what tells a damaged key from a sound one.
 */
import { bigOf } from './der.js';

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Bytes of the private number and of one coordinate. */
export const EC_SIZE = 32;

/** A private number of the curve: 1 ... order - 1, in 32 bytes. */
export function isEcPrivateNumber(digits: Uint8Array): boolean {
	const d = bigOf(digits);
	return digits.length === EC_SIZE && d > 0n && d < ORDER;
}

/** An uncompressed point (0x04, x, y) that lies on the curve. */
export function isEcPoint(bytes: Uint8Array): boolean {
	if (bytes.length !== 1 + 2 * EC_SIZE || bytes[0] !== 4) return false;
	const x = bigOf(bytes.subarray(1, 1 + EC_SIZE));
	const y = bigOf(bytes.subarray(1 + EC_SIZE));
	return x < P && y < P && (y * y - (x * x * x - 3n * x + B)) % P === 0n;
}
