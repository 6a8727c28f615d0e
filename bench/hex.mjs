// Intel HEX in numbers, on images of real modules, as ratios taken in the same run. The contenders take turns round by round and the
// numbers are medians, as in inspect.mjs. Nothing is read from disk by ours and nrf-intel-hex; srec_cat is a whole process with its files,
// because that is what a script runs. Without srec_cat (Debian: srecord) its row says so.
import { execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { seededRandom } from '../packages/core/dist/index.js';
import {
	hexRecords,
	joinHexRecords,
	MemoryImage,
	parseIntelHex,
	parseModule,
	writeIntelHexBytes,
} from '../packages/firmware/dist/index.js';
import { checkUnits, parseUnits, unitImages } from '../packages/image/dist/index.js';
import { binaryPaths } from './inspect-modules.mjs';

const NrfHex = createRequire(import.meta.url)('nrf-intel-hex');
const rounds = 15;

function module(name) {
	const path = binaryPaths().find((p) => basename(p) === name);
	if (!path) throw new Error(`There is no ${name}.`);
	return new Uint8Array(readFileSync(path));
}

/** The module at its address; a SoftDevice without header and suffix. */
function piece(name) {
	const parsed = parseModule(module(name)).value;
	const dropped = (parsed.prefix.flags & 1) !== 0;
	return { start: parsed.prefix.start, bytes: dropped ? parsed.bytes.subarray(24, parsed.bodyEnd) : parsed.bytes };
}

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1];
}

function compare(contenders, times = rounds) {
	const names = Object.keys(contenders);
	const taken = Object.fromEntries(names.map((name) => [name, []]));
	for (let round = -3; round < times; round++) {
		for (let i = 0; i < names.length; i++) {
			const name = names[(i + round + names.length * times) % names.length];
			const began = process.hrtime.bigint();
			contenders[name]();
			const ms = Number(process.hrtime.bigint() - began) / 1e6;
			// The first rounds are for the compiler.
			if (round >= 0) taken[name].push(ms);
		}
	}
	return Object.fromEntries(names.map((name) => [name, median(taken[name])]));
}

export async function run() {
	const random = seededRandom(1);
	// A stand-in for the MBR, which is in no package.
	const boron = [
		{ start: 0, bytes: random.bytes(4096) },
		...[
			'boron-softdevice@4.0.1.bin',
			'boron-system-part1@4.0.1.bin',
			'tinker-0.8.0-rc.27-boron.bin',
			'boron-bootloader@4.0.1.bin',
		].map(piece),
	];
	const build = () => writeIntelHexBytes(MemoryImage.from(boron).value);
	const theirs = () => new NrfHex(boron.map((p) => [p.start, p.bytes])).asHexString();
	const text = build();
	const asString = new TextDecoder('latin1').decode(text);
	// Both made the same image, or the numbers mean nothing.
	const same = (a, b) =>
		a.length === b.length && a.every((s, i) => s.start === b[i].start && Buffer.from(s.bytes).equals(Buffer.from(b[i].bytes)));
	if (!same(parseIntelHex(theirs()).value.image.segments, parseIntelHex(text).value.image.segments))
		throw new Error('The two differ.');
	const writing = compare({ ours: build, theirs });
	const reading = compare({ ours: () => parseIntelHex(text), theirs: () => NrfHex.fromHex(asString) });
	return [
		row(
			'hex: building and writing a Boron image, speed over nrf-intel-hex',
			writing.theirs / writing.ours,
			'>= 15',
			(x) => x >= 15,
		),
		srecCat(boron, build),
		row('hex: reading it back, speed over nrf-intel-hex', reading.theirs / reading.ours, '>= 10', (x) => x >= 10),
		units(),
	];
}

function srecCat(pieces, build) {
	const name = 'hex: the same, speed over the whole process of srec_cat';
	if (spawnSync('srec_cat', ['--version']).error)
		return { name: `${name}: srec_cat is not installed`, value: 0, unit: '', limit: 'none', ok: true };
	const folder = mkdtempSync(join(tmpdir(), 'linac-bench-'));
	try {
		const args = pieces.flatMap((p, i) => {
			const path = join(folder, `${i}.bin`);
			writeFileSync(path, p.bytes);
			return [path, '-Binary', '-offset', String(p.start)];
		});
		const out = join(folder, 'out.hex');
		const process_ = () => execFileSync('srec_cat', [...args, '-o', out, '-Intel', '-line-length=44']);
		const times = compare({ ours: build, theirs: process_ }, 9);
		return row(name, times.theirs / times.ours, '> 1', (x) => x > 1);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Milliseconds for each of 1,000 images of units, from the list to the SHA-256 in the manifest. Files are not written: that is the disk's. */
function units() {
	const names = [
		'photon-bootloader@2.2.0+lto.bin',
		'photon-system-part1@2.2.0.bin',
		'photon-system-part2@2.2.0.bin',
		'tinker-0.4.5-photon.bin',
	];
	const rest = names.map(piece);
	const random = seededRandom(2);
	const code = () => Array.from(random.bytes(63), (b) => String.fromCharCode(0x61 + (b % 26))).join('');
	const list = Array.from({ length: 1000 }, (_, i) => `unit-${i},${code()},external,example.com`);
	const csv = new TextEncoder().encode(`unit,claim-code,antenna,server-address\n${list.join('\n')}\n`);
	const began = process.hrtime.bigint();
	const checked = checkUnits('photon', 2202, parseUnits(csv, { file: 'units.csv' }).value, new Map());
	if (!checked.ok) throw new Error(checked.problems[0].message);
	const fixed = rest.map((p) => ({ start: p.start, bytes: hexRecords(p) }));
	let total = 0;
	const hashes = new Set();
	for (const { pieces } of unitImages('photon', 2202, checked.value)) {
		const all = [...fixed, ...pieces.map((p) => ({ start: p.start, bytes: hexRecords(p) }))].sort((a, b) => a.start - b.start);
		const bytes = joinHexRecords(all.map((r) => r.bytes));
		hashes.add(hash('sha256', bytes));
		total += bytes.length;
	}
	const ms = Number(process.hrtime.bigint() - began) / 1e6 / list.length;
	if (total < 1000 * 1_000_000 || hashes.size !== list.length) throw new Error('The images are too small, or the same.');
	return { name: 'hex: each of 1,000 images of one unit', value: ms, unit: 'ms', limit: '<= 5', ok: ms <= 5 };
}

function row(name, value, limit, fits) {
	return { name, value, unit: 'x', limit, ok: fits(value) };
}
