/** Random damage for tests: flips, runs, cuts, insertions and pieces of another file, as broken transfers and disks make them. */
import { concatBytes, type Random } from '../../packages/core/src/index.js';

export function mutate(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
	let bytes: Uint8Array = original.slice();
	const below = (n: number) => random.int(Math.max(1, n));
	for (let times = 1 + below(4); times > 0; times--) {
		const at = below(bytes.length);
		switch (below(8)) {
			case 0:
				bytes[at] = below(256);
				break;
			case 1:
				bytes[at]! ^= 1 << below(8);
				break;
			case 2:
				bytes = bytes.slice(0, at);
				break;
			case 3:
				bytes = concatBytes([bytes.subarray(0, at), bytes.subarray(at + 1 + below(64))]);
				break;
			case 4:
				bytes = concatBytes([bytes.subarray(0, at), bytes.slice(below(bytes.length), below(bytes.length)), bytes.subarray(at)]);
				break;
			case 5:
				bytes.fill(random.int(2) === 0 ? 0xff : 0, at, at + below(256));
				break;
			case 6: {
				const from = below(other.length);
				bytes.set(other.subarray(from, from + Math.min(below(512), bytes.length - at)), Math.min(at, bytes.length));
				break;
			}
			default:
				// The fields that matter most stand at both ends.
				bytes[random.int(2) === 0 ? below(Math.min(0x220, bytes.length)) : Math.max(0, bytes.length - 1 - below(64))] =
					below(256);
		}
	}
	return bytes;
}
