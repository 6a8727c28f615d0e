/**
 * Puts another application into a restore image that somebody has, published or their own: everything found in it is checked, the
 * application is judged against what is in it and takes the place of the one that was there, and the rest stays byte for byte.
 */
import type { Platform, SourcedModule } from '@linac/catalog';
import { address, bad, good, type Problem, problem, type Verdict } from '@linac/core';
import { MemoryImage, ModuleFunction } from '@linac/firmware';
import { judgeApplication, type Surroundings } from './application.js';
import { guardParts, modulePart } from './compose.js';
import { freeOf } from './free-space.js';
import type { ImagePart } from './types.js';

/** A restore image that has been read (`readImage`) and found whole. */
export interface BaseImage {
	/** For messages. */
	file: string;
	platform: Platform;
	/** Number of its system parts. */
	moduleVersion: number;
	/** Everything in it, by address. */
	parts: readonly ImagePart[];
}

export interface RebasedImage {
	/** By address; no two overlap. */
	parts: ImagePart[];
	image: MemoryImage;
	/** The applications that gave way. */
	replaced: ImagePart[];
	/** What is worth knowing and was no reason to refuse. */
	notes: Problem[];
}

/** What the application is judged against: the modules that the image holds. */
export function surroundingsOf(base: BaseImage): Surroundings {
	const modules: { function: number; index: number; version: number }[] = [];
	for (const p of base.parts) {
		if (p.module) modules.push(p.module.prefix);
		// Without its header it is still the module that others depend on.
		else if (p.kind === 'softdevice' && p.version !== undefined)
			modules.push({ function: ModuleFunction.radioStack, index: 0, version: p.version });
	}
	return {
		platform: base.platform,
		moduleVersion: base.moduleVersion,
		name: base.file,
		modules: modules.filter((m) => m.function !== ModuleFunction.user),
	};
}

/** Bad when the application does not fit, or something that is no application stands where it goes. */
export function replaceApplication(base: BaseImage, application: SourcedModule): Verdict<RebasedImage> {
	const { platform, moduleVersion, file } = base;
	const problems = judgeApplication(application, application.origin, surroundingsOf(base));
	const part = { ...modulePart(platform, application)!, name: application.slot };
	const isApplication = (p: ImagePart) => p.module?.prefix.function === ModuleFunction.user;
	const replaced = base.parts.filter(isApplication);
	const kept: ImagePart[] = [];
	for (const p of base.parts.filter((p) => !isApplication(p))) {
		const free = freeOf(p, [part]);
		if (free.length === 1 && free[0]!.start === p.start && free[0]!.end === p.end) {
			kept.push(p);
			continue;
		}
		// Blank bytes give way, whatever they were for: where an application stands, none can be left behind.
		if (p.kind === 'guard' || p.kind === 'blank') {
			for (const f of free) kept.push({ ...p, ...f, bytes: p.bytes.subarray(f.start - p.start, f.end - p.start) });
			continue;
		}
		const message = `In ${file}, ${p.name} fills ${address(p.start)} to ${address(p.end)}, where the application goes (${address(part.start)} to ${address(part.end)}). Take another base image.`;
		problems.push(problem('BASE_PLACE_TAKEN', message, { file, field: 'address', expected: part.start, found: p.start }));
	}
	if (problems.some((p) => p.severity === 'error')) return bad(...problems);
	const parts = [...kept, part];
	// Where the former application goes and nothing takes its place, a board that is programmed page by page would still have it, and start it.
	if (replaced.some((r) => r.name !== part.name) && !parts.some((p) => p.kind === 'guard')) {
		parts.push(...guardParts(platform, moduleVersion, parts));
	}
	parts.sort((a, b) => a.start - b.start);
	const image = MemoryImage.from(parts);
	if (!image.ok) return image;
	return good({ parts, image: image.value, replaced, notes: problems }, problems);
}
