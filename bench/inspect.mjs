// Inspecting every real module of npm's particle-cli tarballs, as ratios taken in the same run:
// - against binary-version-reader's parseBuffer. All get the same buffers, already in memory: nothing is read from disk.
//   The row with the limit does the checks that theirs does: header, suffix, extensions and CRC-32. The row below it adds the
//   SHA-256, which theirs never computes; it has no limit, since its floor is the machine's own speed of SHA-256.
// - against the bare cost of reading the same files and computing Node's own CRC-32 and SHA-256 of the same bytes.
//   Here both read every file from disk, and ours does everything that `linac inspect --json` does for a file, SHA-256 included.
// The contenders take turns round by round, each round starting with another one, so that all see the same machine; each round
// covers all files. The numbers are the medians over the rounds.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import { inspectInput, parseModule, toInspectJson } from '../packages/firmware/dist/index.js';
import { binaryPaths } from './inspect-modules.mjs';

const { HalModuleParser } = createRequire(import.meta.url)('binary-version-reader');

const rounds = 21;
const digests = {
	crc32: (bytes, seed) => crc32(bytes, seed),
	sha256: (bytes) => hash('sha256', bytes, 'buffer'),
};

async function time(work) {
	const began = process.hrtime.bigint();
	await work();
	return Number(process.hrtime.bigint() - began) / 1e6;
}

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1];
}

/** Runs the contenders in turns and gives the median of each, in milliseconds a round. */
async function compare(contenders) {
	const names = Object.keys(contenders);
	const times = Object.fromEntries(names.map((name) => [name, []]));
	for (let round = -3; round < rounds; round++) {
		for (let i = 0; i < names.length; i++) {
			const name = names[(i + round + names.length * rounds) % names.length];
			const ms = await time(contenders[name]);
			// The first rounds are for the compiler.
			if (round >= 0) times[name].push(ms);
		}
	}
	return Object.fromEntries(names.map((name) => [name, median(times[name])]));
}

export async function run() {
	// Files that are no modules cost theirs an exception: leaving them out is in their favour, and both get the same.
	const paths = binaryPaths().filter((path) => parseModule(readFileSync(path), { digests }).ok);
	const buffers = paths.map((path) => readFileSync(path));
	const theirs = new HalModuleParser();
	let checked = 0;
	const memory = await compare({
		ours: () => {
			for (const bytes of buffers) {
				const verdict = parseModule(bytes, { digests });
				if (verdict.ok && verdict.value.crc.ok && verdict.value.sound) checked++;
			}
		},
		hashed: () => {
			for (const bytes of buffers) {
				const verdict = parseModule(bytes, { digests });
				if (verdict.ok && verdict.value.crc.ok && verdict.value.sha.ok) checked++;
			}
		},
		theirs: async () => {
			for (const fileBuffer of buffers) {
				const parsed = await theirs.parseBuffer({ fileBuffer });
				if (parsed.crc.ok) checked++;
			}
		},
	});
	const disk = await compare({
		ours: () => {
			for (const path of paths) {
				const verdict = inspectInput(path, readFileSync(path), { digests });
				const json = verdict.ok ? toInspectJson(verdict.value.modules[0].module, path) : undefined;
				if (json?.crcOk && json.shaOk && json.problems.length === 0) checked++;
			}
		},
		bare: () => {
			for (const path of paths) {
				const bytes = readFileSync(path);
				digests.crc32(bytes.subarray(0, -4));
				digests.sha256(bytes);
			}
		},
	});
	if (checked !== paths.length * 4 * (rounds + 3)) throw new Error('Not every module was found right: the numbers mean nothing.');
	const faster = memory.theirs / memory.ours;
	const overBare = disk.ours / disk.bare;
	const of = `${paths.length} real modules`;
	return [
		row(`inspect: speed over binary-version-reader, same checks, ${of}`, faster, '>= 3', faster >= 3),
		row('inspect: the same with the SHA-256 that theirs leaves out', memory.theirs / memory.hashed, 'none', true),
		row(`inspect: cost over bare read + CRC-32 + SHA-256, ${of}`, overBare, '<= 1.5', overBare <= 1.5),
	];
}

function row(name, value, limit, ok) {
	return { name, value, unit: 'x', limit, ok };
}
