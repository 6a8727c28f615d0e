/**
 * What all tools over SWD share: the hex file, and the checks that keep a board from being ended by it. Settings of STM32F2 and the chip's own MBR
 * of RTL872x are never touched, and a whole nRF52840 is erased only by an image that brings the UICR back (data/swd.json).
 */
import { type Platform, swdDevices, swdFacts, swdMcuFacts, uicrFacts } from '@linac/catalog';
import { address, bad, good, type Problem, problem, u32le, type Verdict } from '@linac/core';
import { writeIntelHexBytes } from '@linac/firmware';
import type { ComposedImage, ImagePart } from '../types.js';
import type { ExportedFile, ExportOptions } from './types.js';

export interface SwdImage {
	composed: ComposedImage;
	/** The hex file of everything. */
	hex: ExportedFile;
	/** The whole chip may be erased first: nothing is lost by it, and the image brings all that it takes away. */
	chipErase: boolean;
	notes: Problem[];
}

export function swdImage(platform: Platform, options: ExportOptions): Verdict<SwdImage> {
	const { composed } = options;
	const facts = swdMcuFacts(platform);
	const problems: Problem[] = [];
	if (!composed || !facts) {
		return bad(
			problem('EXPORT_IMAGE_NEEDED', `A whole image of the ${platform.displayName} is needed for SWD.`, { field: 'composed' }),
		);
	}
	if (options.dct && options.dct.length > 0) {
		const message =
			'Settings of one unit are given as fields, and those are set over USB: export for dfu-util. On Gen 2 they can also be a part of the image ("linac hex").';
		problems.push(problem('EXPORT_SETTINGS_NEED_DFU', message, { field: 'dct' }));
	}
	const notes: Problem[] = [];
	const { hole } = facts;
	for (const part of composed.parts.filter((p) => hole !== undefined && p.start < hole.end && p.end > hole.start)) {
		if (part.kind === 'dct' && facts.chipErase === 'loses-settings') {
			const message = `The image replaces the settings at ${address(part.start)} to ${address(part.end)}: keys and everything else that was set on the board are gone afterwards.`;
			notes.push(problem('EXPORT_REPLACES_SETTINGS', message, { severity: 'warning' }));
		} else problems.push(touchesHole(part, facts.neverErase));
	}
	if (problems.length > 0) return bad(...problems);
	const bytes = writeIntelHexBytes(composed.image);
	return good({
		composed,
		hex: { path: `${composed.platform}-${composed.version}.hex`, bytes },
		chipErase: facts.chipErase === 'safe' && bringsUicr(platform, composed),
		notes,
	});
}

function touchesHole(part: ImagePart, why: string): Problem {
	return problem(
		'EXPORT_TOUCHES_SETTINGS',
		`${part.origin ?? part.name} stands at ${address(part.start)} to ${address(part.end)}. ${why}`,
		{
			field: part.name,
			found: part.start,
		},
	);
}

/** The register that tells the MBR where the bootloader is: the first of the platform's UICR. */
function bringsUicr(platform: Platform, composed: ComposedImage): boolean {
	const register = uicrFacts(platform)?.registers[0];
	const value = register && composed.image.read(register.address, 4);
	return register !== undefined && value !== undefined && u32le(value, 0) === register.value;
}

/** The operator's paragraphs on wiring and mode, from the facts. */
export function wiring(platform: Platform): string[] {
	const { modes, connectors } = swdFacts();
	const out: string[] = [];
	for (const device of swdDevices(platform)) {
		const connector = connectors[device.connector];
		out.push(
			`${device.title}: ${device.access}. SWDIO: ${device.swdio}. SWCLK: ${device.swclk}. RESET: ${device.reset}. GND to GND.`,
			...device.notes,
		);
		const line = connector && `${connector.name}: ${connector.pins}.`;
		if (line && !out.includes(line)) out.push(line);
	}
	out.push(`${connectors.box20!.name}: ${connectors.box20!.pins}.`);
	const mode = modes[swdDevices(platform)[0]!.mode];
	out.push(`Mode: ${mode.name}. ${[mode.why, mode.how, mode.otherwise].filter((t) => t !== '').join(' ')}`);
	out.push(swdMcuFacts(platform)!.neverErase);
	return out;
}

/** Segments as files for tools that compare with plain binaries. */
export function segmentFiles(composed: ComposedImage): { file: ExportedFile; start: number }[] {
	return composed.image.segments.map(({ start, bytes }) => ({
		file: { path: `part-${address(start).slice(2)}.bin`, bytes },
		start,
	}));
}
