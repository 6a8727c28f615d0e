/**
 * The layout of published restore images, for comparing with one line by line: the pieces in the order in which Particle's generators wrote
 * them, a type 04 record before every piece, lower-case digits in what the tool made and upper-case ones in what it copied, four stray bytes
 * of the suffix behind the SoftDevice. Nobody else should want it: the default layout is sorted and holds nothing that does not belong
 * there. Facts: data/images.json; format and proof: docs/formats/intel-hex.md.
 */
import { asPlatform, type ClassicEra, classicEra, classicFacts, guardFacts } from '@linac/catalog';
import { bad, concatBytes, good, type Problem, problem, type Verdict } from '@linac/core';
import { ModuleFunction, writeIntelHex } from '@linac/firmware';
import type { ComposedImage, ImagePart } from './types.js';

const END_RECORD = ':00000001FF\n';

/** The text of the file. Bad where no such file was ever published: Core, and images with the settings of a unit. */
export function classicHex(composed: ComposedImage): Verdict<string> {
	const platform = asPlatform(composed.platform);
	const era = classicEra(platform, composed.version);
	if (!era) {
		return bad(
			problem('CLASSIC_UNKNOWN', `No restore image was ever published for the ${platform.displayName}. Leave out the layout.`, {
				field: 'layout',
			}),
		);
	}
	const settings = composed.parts.find((p) => p.kind === 'dct');
	if (settings) {
		const message = 'Published images never hold the settings of a unit. Leave out the layout, or the settings.';
		return bad(problem('CLASSIC_WITHOUT_SETTINGS', message, { field: 'layout' }));
	}
	const problems: Problem[] = [];
	let text = '';
	for (const name of era.order) text += pieceText(name, composed, era, problems);
	return good(text + END_RECORD, problems);
}

function pieceText(name: string, composed: ComposedImage, era: ClassicEra, problems: Problem[]): string {
	const facts = classicFacts();
	const part = partFor(name, composed);
	switch (name) {
		case 'uicr': {
			if (!part || era.uicrExceptPlatforms?.includes(composed.platform)) return '';
			// Its include file ended with a line end of its own.
			return text(part, true) + (facts.uicrBlankLine.includes(composed.platform) ? '\n' : '');
		}
		case 'mbr':
			return part ? text(part, true) : '';
		case 'guard':
			return guardText(composed, problems);
		default: {
			if (!part) return '';
			if (part.kind !== 'softdevice' || !part.module) return text(part, false);
			const stray = part.module.bytes.subarray(part.module.bodyEnd, part.module.bodyEnd + facts.strayAfterSoftDevice);
			return text({ start: part.start, bytes: concatBytes([part.bytes, stray]) }, false);
		}
	}
}

function partFor(name: string, composed: ComposedImage): ImagePart | undefined {
	if (name !== 'application') return composed.parts.find((p) => p.name === name);
	const slots = asPlatform(composed.platform).modules.filter((s) => s.function === ModuleFunction.user);
	return composed.parts.find((p) => slots.some((s) => s.name === p.name));
}

/** Theirs is written whole, whatever the application is; where that would give bytes twice, which most loaders refuse, only the rest is. */
function guardText(composed: ComposedImage, problems: Problem[]): string {
	const platform = asPlatform(composed.platform);
	if (classicFacts().guardExceptPlatforms.includes(platform.name)) return '';
	const facts = guardFacts(platform, composed.moduleVersion);
	const parts = composed.parts.filter((p) => p.kind === 'guard');
	if (facts && parts.reduce((sum, p) => sum + p.bytes.length, 0) !== facts.length) {
		const message = `The application fills the place of the ${facts.name}, so that is left out. Particle's generator writes it all the same, and loaders refuse what overlaps.`;
		problems.push(problem('CLASSIC_GUARD_SHORTENED', message, { severity: 'warning' }));
	}
	return parts.map((p) => text(p, false)).join('');
}

function text(piece: { start: number; bytes: Uint8Array }, upperCase: boolean): string {
	return writeIntelHex([piece], { upperCase, baseRecord: 'each-piece', endRecord: false });
}
