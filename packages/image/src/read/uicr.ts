/**
 * The user information configuration registers (UICR) of an nRF52840 in an image: which are set, to what, and what they should be. Facts:
 * data/images.json. A register that is 0xFFFFFFFF is blank, as on a chip that was erased.
 */
import { type Platform, regionOf, uicrFacts, uicrRegisters } from '@linac/catalog';
import { address, type Problem, problem, u32le } from '@linac/core';
import type { Segment } from '@linac/firmware';
import type { Pieces } from './pieces.js';
import type { ReadPart, RegisterReading } from './types.js';

const BLANK = 0xffff_ffff;

/** Takes whatever lies in the range of the registers out of the pieces. */
export function takeUicr(pieces: Pieces, platform: Platform, moduleVersion: number | undefined): ReadPart[] {
	const facts = uicrFacts(platform);
	if (!facts) return [];
	return pieces.take({ start: facts.start, end: facts.start + facts.size }).map((segment): ReadPart => {
		const registers = registersIn(segment, platform, moduleVersion);
		const problems = registers.flatMap((r) => judge(r, platform));
		return {
			...segment,
			kind: 'uicr',
			name: 'uicr',
			state: problems.some((p) => p.severity === 'error')
				? 'damaged'
				: problems.some((p) => p.severity === 'warning')
					? 'unproven'
					: 'sound',
			note: registers.length === 0 ? 'all blank' : registers.map((r) => r.name ?? address(r.address)).join(', '),
			registers,
			problems,
		};
	});
}

/** The registers that a blank chip needs set and that name the bootloader: without one the MBR starts none. */
export function bootloaderRegisters(platform: Platform, moduleVersion: number | undefined) {
	const start = regionOf(platform, 'bootloader', moduleVersion)?.start;
	return neededRegisters(platform, moduleVersion).filter((r) => r.value === start);
}

export function neededRegisters(platform: Platform, moduleVersion: number | undefined) {
	return uicrRegisters(platform, moduleVersion ?? Number.MAX_SAFE_INTEGER);
}

function registersIn(segment: Segment, platform: Platform, moduleVersion: number | undefined): RegisterReading[] {
	const facts = uicrFacts(platform)!;
	const needed = neededRegisters(platform, moduleVersion);
	const out: RegisterReading[] = [];
	for (let at = segment.start - (segment.start % 4); at < segment.end; at += 4) {
		// A piece may begin or end inside of a register; what is not there is blank.
		const word = new Uint8Array(4).fill(0xff);
		for (let i = 0; i < 4; i++) {
			const here = at + i;
			if (here >= segment.start && here < segment.end) word[i] = segment.bytes[here - segment.start]!;
		}
		const value = u32le(word, 0);
		if (value === BLANK) continue;
		const right = needed.find((r) => r.address === at);
		const fact = right ?? facts.registers.find((r) => r.address === at);
		const name = fact?.name ?? (at === facts.nfcPins.address ? facts.nfcPins.name : undefined);
		out.push({
			address: at,
			value,
			...(name === undefined ? {} : { name }),
			...(fact === undefined ? {} : { meaning: fact.meaning }),
			...(right === undefined ? {} : { expected: right.value }),
		});
	}
	return out;
}

function judge(register: RegisterReading, platform: Platform): Problem[] {
	const { nfcPins } = uicrFacts(platform)!;
	const { value, expected } = register;
	const name = register.name ?? 'A register';
	const where = `${name} (${address(register.address)})`;
	const more = { field: register.name ?? address(register.address), found: value };
	if (register.address === nfcPins.address) {
		if (value === nfcPins.gpio) {
			const message = `${where} makes ordinary pins of the two NFC pins. On a chip that has been written so, only erasing it all turns them back.`;
			return [problem('UICR_NFC_PINS_GPIO', message, { severity: 'info', ...more })];
		}
		const message = `${where} is ${hex(value)}. To make ordinary pins of the NFC pins it has to be ${hex(nfcPins.gpio)}; this value ${value & 1 ? 'leaves them NFC pins (a file published for that purpose has this fault)' : 'is not the one that is known'}.`;
		return [problem('UICR_NFC_PINS_WRONG', message, { severity: 'warning', expected: nfcPins.gpio, ...more })];
	}
	if (expected === undefined) {
		const message = `${where} is set to ${hex(value)}. A ${platform.displayName} needs nothing there; linac does not know what it is for.`;
		return [problem('UICR_REGISTER_UNKNOWN', message, { severity: 'warning', ...more })];
	}
	if (value === expected) return [];
	const message = `${where}: ${register.meaning}. It is set to ${hex(value)} and has to be ${hex(expected)}.`;
	const deadly = expected === regionOf(platform, 'bootloader')?.start;
	return [problem('UICR_REGISTER_WRONG', message, { severity: deadly ? 'error' : 'warning', expected, ...more })];
}

function hex(value: number): string {
	return address(value);
}
