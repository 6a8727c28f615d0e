/** Randomness is injected and repeatable: the same seed gives the same sequence everywhere. Not for secrets. */
export interface Random {
	/** A whole number in 0 ... below - 1. `below` is 1 ... 2^32. */
	int(below: number): number;
	bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** xorshift32 (Marsaglia, 2003). Seed 0 is replaced, since it would stay 0. */
export function seededRandom(seed: number): Random {
	let x = seed >>> 0 || 0x9e3779b9;
	const next = () => {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		return x >>> 0;
	};
	return {
		int: (below) => Math.floor((next() / 0x100000000) * below),
		bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
	};
}
