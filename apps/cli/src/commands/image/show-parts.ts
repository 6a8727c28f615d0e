/** How the parts of an image are shown, by all commands that make images. */
import { address, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type ImagePart, originWords } from '@linac/image';
import { formatBytes } from '../../format.js';
import type { Output } from '../../output.js';

export function showParts(output: Output, parts: readonly ImagePart[]): void {
	output.table(
		[
			{ title: 'Part' },
			{ title: 'Version', align: 'right' },
			{ title: 'Address' },
			{ title: 'Size', align: 'right' },
			{ title: 'From', wrap: true },
		],
		parts.map((p) => [
			p.name,
			p.version === undefined ? '' : String(p.version),
			`${address(p.start)} to ${address(p.end)}`,
			formatBytes(p.bytes.length),
			originWords(p),
		]),
		'  ',
	);
}

export function partJson(part: ImagePart): Record<string, unknown> {
	return {
		name: part.name,
		kind: part.kind,
		version: part.version ?? null,
		start: part.start,
		end: part.end,
		size: part.bytes.length,
		sha256: toHex(nodeDigests.sha256(part.bytes)),
		from: part.origin ?? null,
	};
}
