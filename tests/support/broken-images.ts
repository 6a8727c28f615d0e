/** Published restore images that are broken, rebuilt from real modules: what they hold and in which order is told in docs/hex-inspect.md. */
import { asPlatform, guardFacts } from '@linac/catalog';
import { concatBytes } from '@linac/core';
import { createModule, ModuleFunction, parseModule, writeIntelHex } from '@linac/firmware';
import type { ImagePart } from '@linac/image';
import { standInApplication } from '@linac/virtual';
import { realImage, value } from './release-files.js';

type Piece = { start: number; bytes: Uint8Array };

function text(pieces: readonly Piece[]): Uint8Array {
	return new TextEncoder().encode(writeIntelHex(pieces, { baseRecord: 'each-piece' }));
}

function partsOf(platform: string, version: string): Map<string, ImagePart> {
	return new Map(realImage(platform, version).parts.map((p) => [p.name, p]));
}

/** In the order of the generator of 4.2.0 and newer; names of parts that there are not are passed over. */
function inOrder(parts: ReadonlyMap<string, ImagePart>, ...names: string[]): Piece[] {
	return names.flatMap((n) => parts.get(n) ?? []);
}

/** 6.0.0, all platforms: GitHub's error page in place of the modules, at the address that its letters give. */
export function webPageAsImage(): Uint8Array {
	const page = new TextEncoder().encode(
		`<!DOCTYPE html>\n<html>\n<head><title>Page not found &middot; GitHub</title></head>\n${'<p>This is not the web page you are looking for.</p>\n'.repeat(200)}</html>\n`,
	);
	return text([{ start: 0x6972_702d, bytes: page }]);
}

/** 5.8.0 for Tracker: neither MBR nor SoftDevice; and, as all of that generator for Tracker, no registers. */
export function trackerWithoutRadio(): Uint8Array {
	return text(inOrder(partsOf('tracker', '4.0.1'), 'bootloader', 'system-part1', 'user-part2'));
}

/** 4.2.0, 5.5.0 and 5.6.0 for Tracker: the firmware of the ESP32 at address 0, over MBR, SoftDevice and system part. */
export function trackerWithNcpAtZero(): Uint8Array {
	const tracker = asPlatform('tracker');
	const body = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
	const ncp = createModule({
		platformId: tracker.id,
		function: ModuleFunction.ncp,
		index: 0,
		version: 7,
		start: 0,
		reserved: 33,
		body,
		suffix: 'base',
	});
	const parts = partsOf('tracker', '4.0.1');
	return text([
		...inOrder(parts, 'bootloader', 'mbr', 'softdevice', 'system-part1'),
		{ start: 0, bytes: ncp },
		...inOrder(parts, 'user-part2'),
	]);
}

/** 6.2.0 and 6.2.1 for Tracker, as first published: the guard lies over the application. */
export function trackerWithGuardOverApplication(): Uint8Array {
	const tracker = asPlatform('tracker');
	const guard = guardFacts(tracker, 4005)!;
	const parts = partsOf('tracker', '4.0.1');
	const small = standInApplication(tracker, '4.0.1').module;
	const { prefix } = small;
	const application = createModule({
		platformId: prefix.platformId,
		function: prefix.function,
		index: prefix.index,
		version: prefix.version,
		start: prefix.start,
		dependencies: small.dependencies,
		body: concatBytes([
			new Uint8Array(guard.start - prefix.start),
			Uint8Array.from({ length: 14_000 }, (_, i) => (i * 11) & 0xff),
		]),
	});
	value(parseModule(application));
	return text([
		...inOrder(parts, 'uicr', 'bootloader', 'mbr', 'softdevice', 'system-part1'),
		{ start: guard.start, bytes: new Uint8Array(guard.length).fill(0xff) },
		{ start: prefix.start, bytes: application },
	]);
}
