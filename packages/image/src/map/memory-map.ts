/**
 * The memory map of an image as a plain value: which storages the chip has, what the image puts where in them, which places of the chip
 * stay empty, and what a blank chip misses. Positions are to scale; long empty stretches are shortened and say so. How it is drawn:
 * map-text.ts and map-svg.ts.
 */
import { type MemoryRegion, mbrFacts, type Platform, regionsFor, uicrFacts } from '@linac/catalog';
import type { Region } from '@linac/firmware';
import { ModuleFunction } from '@linac/firmware';
import { isMonolithic } from '@linac/planner';
import type { ImageReading, PartState, ReadPart, RegisterReading } from '../read/types.js';
import { bootloaderRegisters } from '../read/uicr.js';
import type { PartKind } from '../types.js';

export interface MemoryMap {
	/** Name of the file, where it has one. */
	title: string;
	/** `Boron, Device OS 4.0.1`, or what is known of it. */
	subtitle: string;
	storages: MapStorage[];
}

export interface MapStorage extends Region {
	/** `Internal flash`, `UICR registers`, `Outside of the chip`, `Memory`. */
	name: string;
	/** Bytes that the image puts into it. */
	used: number;
	/** The whole of it, in order; positions from 0 to 1. */
	stretches: MapStretch[];
	/** By address. */
	rows: MapRow[];
	/** Of the UICR: the registers that are set. */
	registers: RegisterReading[];
	/** Pieces that are not among the rows because there are too many. */
	more: number;
}

export interface MapStretch extends Region {
	from: number;
	to: number;
	/** Empty, long, and drawn shorter than it is. */
	collapsed: boolean;
}

/** One line of a map. */
export interface MapRow extends Region {
	/** `overlap`: the file gives this range twice with different bytes. `on-chip`: made for each chip, and there when it is delivered. */
	kind: PartKind | 'missing' | 'free' | 'on-chip' | 'overlap';
	name: string;
	version?: number;
	/** What it is for, for colours: a few words would be too many classes. */
	group: 'boot' | 'system' | 'application' | 'settings' | 'blank' | 'unknown' | 'free';
	state: PartState | 'missing' | 'free';
	note?: string;
	/** The place of the chip that it belongs in, where it has one. */
	place?: Region & { name: string };
}

/** A stretch without a byte is drawn shorter when it takes more than this share of the storage, or, later, of what is still drawn. */
const LONG = 0.3;
const STILL_LONG = 0.6;
/** Share of the axis that such a stretch then gets. */
const SHORT = 0.05;
/** Real images have about ten pieces. */
const MOST_ROWS = 60;

export function memoryMap(reading: ImageReading): MemoryMap {
	const { platform, release, moduleVersion } = reading;
	const os =
		release !== undefined
			? `Device OS ${release.version}`
			: moduleVersion === undefined
				? undefined
				: `system part ${moduleVersion}`;
	const subtitle = [platform?.displayName ?? 'board not known', os].filter((t) => t !== undefined).join(', ');
	return {
		title: reading.file ?? 'image',
		subtitle,
		storages: platform ? chipStorages(reading, platform) : [anyStorage(reading)],
	};
}

/** Position of an address on the axis of a storage, 0 to 1. */
export function positionOf(storage: MapStorage, address: number): number {
	const within = Math.min(Math.max(address, storage.start), storage.end);
	for (const s of storage.stretches) {
		if (within <= s.end) return s.from + ((within - s.start) / (s.end - s.start)) * (s.to - s.from);
	}
	return 1;
}

function chipStorages(reading: ImageReading, platform: Platform): MapStorage[] {
	const out: MapStorage[] = [];
	const flash = platform.flash.find((f) => f.storage === 'internal');
	const internal = flash ? { start: flash.base, end: flash.base + flash.size } : spanOf(reading.parts);
	const uicr = uicrFacts(platform);
	const registers = uicr ? { start: uicr.start, end: uicr.start + uicr.size } : undefined;
	const inside = reading.parts.filter((p) => touches(p, internal));
	const rows = [
		...inside.map((p) => partRow(p, platform, reading.moduleVersion)),
		...placeRows(inside, platform, reading.moduleVersion, internal),
		...overlapRows(reading, internal),
	];
	out.push(storage('Internal flash', internal, inside, rows));
	if (registers) {
		const parts = reading.parts.filter((p) => touches(p, registers));
		const needed = bootloaderRegisters(platform, reading.moduleVersion).length > 0;
		const missing: MapRow[] =
			parts.length === 0 && needed
				? [
						{
							kind: 'missing',
							name: 'uicr',
							group: 'settings',
							state: 'missing',
							...registers,
							place: { name: 'uicr', ...registers },
						},
					]
				: [];
		const own = parts.map((p) => partRow(p, platform, reading.moduleVersion));
		out.push(storage('UICR registers', registers, parts, [...own, ...missing, ...overlapRows(reading, registers)]));
	}
	const elsewhere = reading.parts.filter((p) => !touches(p, internal) && !(registers && touches(p, registers)));
	if (elsewhere.length > 0) {
		const own = elsewhere.map((p) => partRow(p, platform, reading.moduleVersion));
		out.push(storage('Outside of the chip', spanOf(elsewhere), elsewhere, own));
	}
	return out;
}

/** Where the board is not known: nothing but the image itself. */
function anyStorage(reading: ImageReading): MapStorage {
	const span = spanOf(reading.parts);
	const rows = [...reading.parts.map((p) => partRow(p, undefined, undefined)), ...overlapRows(reading, span)];
	return storage('Memory', span, reading.parts, rows);
}

function storage(name: string, range: Region, parts: readonly ReadPart[], rows: MapRow[]): MapStorage {
	rows.sort((a, b) => a.start - b.start || a.end - b.end);
	const shown = rows.slice(0, MOST_ROWS);
	const solid = [...parts, ...rows.filter((r) => r.state === 'missing')];
	return {
		name,
		...range,
		used: parts.reduce((sum, p) => sum + p.bytes.length, 0),
		stretches: stretchesOf(range, solid),
		rows: shown,
		registers: parts.flatMap((p) => p.registers ?? []),
		more: rows.length - shown.length,
	};
}

function touches(a: Region, b: Region): boolean {
	return a.start < b.end && a.end > b.start;
}

function spanOf(parts: readonly Region[]): Region {
	const start = parts.reduce((least, p) => Math.min(least, p.start), Number.POSITIVE_INFINITY);
	const end = parts.reduce((most, p) => Math.max(most, p.end), 0);
	return parts.length === 0 ? { start: 0, end: 1 } : { start, end };
}

// ---- rows

function partRow(part: ReadPart, platform: Platform | undefined, moduleVersion: number | undefined): MapRow {
	const place = platform && regionOfPart(part, platform, moduleVersion);
	const { start, end, kind, name, version, state, note } = part;
	return {
		start,
		end,
		kind,
		name,
		group: groupOf(part),
		state,
		...(version === undefined ? {} : { version }),
		...(note === undefined ? {} : { note }),
		...(place && touches(place, part) ? { place: { name: place.name, start: place.start, end: place.end } } : {}),
	};
}

function groupOf(part: ReadPart): MapRow['group'] {
	if (part.kind === 'unknown') return 'unknown';
	if (part.kind === 'blank' || part.kind === 'guard' || part.kind === 'stray') return 'blank';
	if (part.kind === 'uicr' || part.kind === 'dct') return 'settings';
	if (part.kind === 'mbr' || part.kind === 'softdevice') return 'boot';
	switch (part.prefix?.function) {
		case ModuleFunction.user:
			return 'application';
		case ModuleFunction.system:
		case ModuleFunction.monolithic:
			return 'system';
		case ModuleFunction.bootloader:
		case ModuleFunction.radioStack:
			return 'boot';
		default:
			return 'unknown';
	}
}

function regionOfPart(part: ReadPart, platform: Platform, moduleVersion: number | undefined): MemoryRegion | undefined {
	const name =
		part.kind === 'mbr' ? 'mbr' : part.kind === 'dct' ? 'dct-pages' : platform.modules.find((s) => s.name === part.name)?.region;
	return name === undefined
		? undefined
		: regionsFor(platform, moduleVersion).find((r) => r.name === name && r.storage === 'internal');
}

/** Places of the chip in which the image has nothing that belongs there. */
function placeRows(
	parts: readonly ReadPart[],
	platform: Platform,
	moduleVersion: number | undefined,
	internal: Region,
): MapRow[] {
	const filled = new Set(parts.map((p) => regionOfPart(p, platform, moduleVersion)).filter((r) => r !== undefined));
	const all = regionsFor(platform, moduleVersion).filter(
		(r) => r.storage === 'internal' && (r.name !== 'monolithic' || isMonolithic(platform)),
	);
	// A place inside of another one is a way to use that one.
	const empty = all.filter((r) => !filled.has(r) && !all.some((o) => o !== r && o.start <= r.start && o.end >= r.end));
	const rows = empty.map((region): MapRow => {
		const slot = platform.modules.find((s) => s.region === region.name);
		const needed = slot ? slot.required && !slot.encrypted : region.name === 'mbr' && mbrFacts(platform) !== undefined;
		const name = slot?.name ?? region.name;
		const range = { start: region.start, end: region.end };
		const place = { name: region.name, ...range };
		if (needed) return { kind: 'missing', name, group: 'unknown', state: 'missing', ...range, place };
		if (slot?.encrypted)
			return { kind: 'on-chip', name, group: 'free', state: 'free', ...range, place, note: 'made for each chip, there already' };
		const note = slot ? 'no application' : undefined;
		return { kind: 'free', name, group: 'free', state: 'free', ...range, place, ...(note === undefined ? {} : { note }) };
	});
	const covered = [...all, ...parts].sort((a, b) => a.start - b.start);
	let at = internal.start;
	for (const c of [...covered, { start: internal.end, end: internal.end }]) {
		if (c.start > at) rows.push({ kind: 'free', name: 'no use', group: 'free', state: 'free', start: at, end: c.start });
		at = Math.max(at, c.end);
	}
	return rows;
}

function overlapRows(reading: ImageReading, range: Region): MapRow[] {
	return reading.overlaps
		.filter((o) => touches(o, range))
		.map((o) => ({
			kind: 'overlap',
			name: 'overlap',
			group: 'unknown',
			state: 'damaged',
			note: `${o.first.join(', ')} and ${o.second.join(', ')}`,
			start: o.start,
			end: o.end,
		}));
}

// ---- the axis

function stretchesOf(range: Region, solid: readonly Region[]): MapStretch[] {
	const runs: { start: number; end: number; empty: boolean; collapsed: boolean }[] = [];
	let at = range.start;
	const add = (end: number, empty: boolean) => {
		if (end > at) runs.push({ start: at, end, empty, collapsed: false });
		at = Math.max(at, end);
	};
	for (const s of [...solid].sort((a, b) => a.start - b.start)) {
		const start = Math.min(Math.max(s.start, range.start), range.end);
		const end = Math.min(Math.max(s.end, range.start), range.end);
		add(start, true);
		add(end, false);
	}
	add(range.end, true);
	const length = (r: Region) => r.end - r.start;
	// Each round the longest, as the others look longer without it. An axis with nothing on it stays as it is.
	for (;;) {
		const drawn = runs.filter((r) => !r.collapsed).reduce((sum, r) => sum + length(r), 0);
		const longest = runs.filter((r) => r.empty && !r.collapsed).sort((a, b) => length(b) - length(a))[0];
		const limit = runs.some((r) => r.collapsed) ? STILL_LONG : LONG;
		if (!longest || solid.length === 0 || length(longest) <= limit * drawn) break;
		longest.collapsed = true;
	}
	const drawn = runs.filter((r) => !r.collapsed).reduce((sum, r) => sum + length(r), 0);
	const share = 1 - SHORT * runs.filter((r) => r.collapsed).length;
	let from = 0;
	return runs.map((r) => {
		const to = from + (r.collapsed ? SHORT : (length(r) / drawn) * share);
		const stretch = { start: r.start, end: r.end, from, to, collapsed: r.collapsed };
		from = to;
		return stretch;
	});
}
