/**
 * What dfu-util writes for a release, in which order and where: the modules for DFU, the byte that ends the setup, settings of one unit, and
 * the bootloaders, which DFU cannot put in their place. A bootloader is written unchanged into the slot for updates and the update flag is set;
 * the next Device OS that starts puts it in its place (docs/export.md). The planner does the same work for a device that it can ask; here nothing is
 * known of the device, so the order is the one that holds for all.
 */
import { inRange, type Platform, rules, rulesOf, type SourcedModule, slotOf, type UpdateSlot, updateSlot } from '@linac/catalog';
import { assert, bad, good, address as hex, type Problem, problem, type Verdict } from '@linac/core';
import { flashContent, ModuleFunction } from '@linac/firmware';
import type { DctField, DfuPass, DfuPasses, DfuWrite, ExportOptions } from './types.js';

/** Bad when a bootloader does not fit into the slot, or a setting lies outside of the DCT. */
export function dfuPasses(platform: Platform, options: ExportOptions): Verdict<DfuPasses> {
	const { release } = options;
	const problems: Problem[] = [...fieldProblems(platform, options.dct ?? [])];
	const notes: Problem[] = [];
	const main: DfuWrite[] = [];
	const start = rules().boot[platform.mcu].startModule;
	const isStart = (m: SourcedModule) => m.module.prefix.function === start.function && m.module.prefix.index === start.index;
	const isSystem = (m: SourcedModule) => m.module.prefix.function === ModuleFunction.system;
	const isRadio = (m: SourcedModule) => m.module.prefix.function === ModuleFunction.radioStack;
	const overDfu = release.modules.filter((m) => slotOf(platform, m.module.prefix)?.transports.includes('dfu'));
	// The part that is started comes last of the system, as in a plan.
	const ordered = [
		...overDfu.filter(isRadio),
		...overDfu.filter((m) => isSystem(m) && !isStart(m)).sort((a, b) => a.module.prefix.index - b.module.prefix.index),
		...overDfu.filter(isStart),
	];
	for (const source of ordered) main.push(moduleWrite(platform, source));
	const { application } = options;
	if (application) {
		main.push(...formerSlot(platform, application, release.moduleVersion));
		main.push(moduleWrite(platform, application));
	}
	main.push(...setupDone(platform, release.moduleVersion));
	for (const field of options.dct ?? []) {
		const title = `Set ${field.name} (${field.bytes.length} ${field.bytes.length === 1 ? 'byte' : 'bytes'} of the settings)`;
		main.push(dctWrite(platform, field.offset, title, `dct/${field.name}.bin`, field.bytes));
	}
	const staged = stagedModules(platform, release.modules);
	const passes: DfuPass[] = [];
	if (bootloaderFirst(platform, release.moduleVersion) && staged.length > 0) {
		for (const source of staged)
			passes.push({ writes: stage(platform, source, options, problems), applies: placeOf(platform, source) });
		passes.push({ writes: main });
	} else {
		const [first, ...others] = staged;
		passes.push({
			writes: [...main, ...(first ? stage(platform, first, options, problems) : [])],
			...(first ? { applies: placeOf(platform, first) } : {}),
		});
		for (const source of others)
			passes.push({ writes: stage(platform, source, options, problems), applies: placeOf(platform, source) });
	}
	if (!application) {
		const message = `There is no application in this folder: the ${platform.displayName} starts in safe mode and waits for one, unless the one that is on it fits.`;
		notes.push(problem('EXPORT_WITHOUT_APPLICATION', message, { severity: 'warning' }));
	}
	for (const source of release.modules) {
		if (source.module.prefix.function !== ModuleFunction.ncp) continue;
		const message = `The firmware of the network co-processor (NCP, version ${source.module.prefix.version}) is not in this folder: DFU does not reach that chip. Where it has to be updated, "linac flash" or "linac update" does it from the running Device OS.`;
		notes.push(problem('EXPORT_WITHOUT_NCP', message, { severity: 'info' }));
	}
	if (problems.length > 0) return bad(...problems);
	for (const pass of passes) pass.writes.at(-1)!.leave = true;
	return good({ passes, notes });
}

/** Photon and P1: an older bootloader hangs with the new parts, so it goes first, from the Device OS that is on the board. */
export function bootloaderFirst(platform: Platform, moduleVersion: number): boolean {
	return rulesOf('bootloader-first', platform).some((rule) => inRange(rule.system, moduleVersion));
}

/** Modules that only Device OS can put in their place, each after those that it depends on, else by index, highest first. */
function stagedModules(platform: Platform, modules: readonly SourcedModule[]): SourcedModule[] {
	const rest = modules
		.filter((m) => m.module.prefix.function === ModuleFunction.bootloader)
		.filter((m) => {
			const slot = slotOf(platform, m.module.prefix);
			return slot?.transports.includes('control') && !slot.encrypted && !m.module.encrypted;
		})
		.sort((a, b) => b.module.prefix.index - a.module.prefix.index);
	const out: SourcedModule[] = [];
	const dependsOn = (a: SourcedModule, b: SourcedModule) =>
		a.module.dependencies.some((d) => d.function === b.module.prefix.function && d.index === b.module.prefix.index);
	while (rest.length > 0) {
		const at = rest.findIndex((a) => !rest.some((b) => b !== a && dependsOn(a, b)));
		out.push(...rest.splice(Math.max(at, 0), 1));
	}
	return out;
}

function moduleWrite(platform: Platform, source: SourcedModule): DfuWrite {
	const content = flashContent(source.module);
	assert(content.ok, `${source.origin} cannot be unpacked`);
	const { address, bytes, skip } = content.value;
	const { number, addressOffset } = alternateOf(platform, 'internal');
	const { version, function: kind } = source.module.prefix;
	const title =
		kind === ModuleFunction.user
			? `Write the application (${bytes.length} bytes)`
			: `Write ${source.slot} ${version} (${bytes.length} bytes${skip > 0 ? `, without its ${skip}-byte header` : ''})`;
	const path = `modules/${kind === ModuleFunction.user ? 'application' : source.slot}.bin`;
	return { title, alternate: number, address: address + addressOffset, path, bytes, leave: false };
}

/** Rule `former-slot`: what is left of an application in the older slot would be started instead of the new one. */
function formerSlot(platform: Platform, application: SourcedModule, moduleVersion: number): DfuWrite[] {
	const { prefix } = application.module;
	const { number, addressOffset } = alternateOf(platform, 'internal');
	return rulesOf('former-slot', platform)
		.filter((rule) => rule.application.function === prefix.function && rule.application.index === prefix.index)
		.filter((rule) => moduleVersion >= rule.systemFrom)
		.map((rule) => ({
			title: 'Blank the former application slot',
			alternate: number,
			address: rule.address + addressOffset,
			path: 'modules/former-slot.bin',
			bytes: new Uint8Array(rule.length).fill(0xff),
			leave: false,
		}));
}

function setupDone(platform: Platform, moduleVersion: number): DfuWrite[] {
	const offset = platform.dct.setupDone;
	const rule = rulesOf('setup-done', platform)[0];
	if (offset === undefined || !rule || moduleVersion >= rule.systemBefore) return [];
	return [dctWrite(platform, offset, 'Mark the setup as done', 'dct/setup-done.bin', Uint8Array.of(rule.value))];
}

/** Where a bootloader stands once Device OS has put it there. */
function placeOf(platform: Platform, source: SourcedModule): NonNullable<DfuPass['applies']> {
	const { number, addressOffset } = alternateOf(platform, 'internal');
	const { prefix, bytes } = source.module;
	return {
		slot: source.slot,
		alternate: number,
		address: prefix.start + addressOffset,
		path: `modules/${source.slot}.bin`,
		length: bytes.length,
	};
}

function dctWrite(platform: Platform, offset: number, title: string, path: string, bytes: Uint8Array): DfuWrite {
	const { number, addressOffset } = alternateOf(platform, 'dct');
	return { title, alternate: number, address: offset + addressOffset, path, bytes, leave: false };
}

/** The module unchanged into the slot for updates, and the flag that has it put in its place. */
function stage(platform: Platform, source: SourcedModule, options: ExportOptions, problems: Problem[]): DfuWrite[] {
	const slot = otaSlot(platform, options);
	const { bytes, prefix } = source.module;
	if (!slot || slot.start + bytes.length > slot.end) {
		const room = slot ? `it has ${slot.end - slot.start} bytes at ${hex(slot.start)}` : 'it has none';
		const message = `${source.origin} has ${bytes.length} bytes, and does not fit into the slot for updates of Device OS ${options.release.version} on the ${platform.displayName}: ${room}. Use "linac flash", which gives it to the running Device OS.`;
		problems.push(problem('EXPORT_SLOT_TOO_SMALL', message, { field: 'ota', found: bytes.length }));
		return [];
	}
	const { number, addressOffset } = alternateOf(platform, slot.storage);
	return [
		{
			title: `Write ${source.slot} ${prefix.version} (${bytes.length} bytes) into the slot for updates`,
			alternate: number,
			address: slot.start + addressOffset,
			path: `modules/${source.slot}.bin`,
			bytes,
			leave: false,
		},
		dctWrite(
			platform,
			platform.dct.otaFlag,
			`Ask Device OS to put ${source.slot} in its place`,
			'dct/update-flag.bin',
			Uint8Array.of(rules().overDfu.otaFlag.set),
		),
	];
}

/** The slot that a Device OS of this release looks into. */
function otaSlot(platform: Platform, options: Pick<ExportOptions, 'release' | 'application'>): UpdateSlot | undefined {
	const { release, application } = options;
	const part = release.modules.find((m) => m.module.prefix.function === ModuleFunction.system)?.module;
	return updateSlot(platform, {
		moduleVersion: release.moduleVersion,
		...(part ? { systemEnd: part.prefix.start + part.bytes.length } : {}),
		...(application ? { applicationStart: application.module.prefix.start } : {}),
	});
}

function alternateOf(platform: Platform, storage: 'internal' | 'dct' | 'external'): { number: number; addressOffset: number } {
	const found = platform.alternates.find((a) => a.storage === storage);
	assert(found, `${platform.name} has no alternate setting for ${storage}`);
	return found;
}

function fieldProblems(platform: Platform, fields: readonly DctField[]): Problem[] {
	const problems: Problem[] = [];
	const names = new Set<string>(['setup-done', 'update-flag']);
	for (const field of fields) {
		const end = field.offset + field.bytes.length;
		if (!/^[a-z0-9][a-z0-9-]*$/.test(field.name) || names.has(field.name)) {
			const message = `"${field.name}" cannot be the name of a setting's file: it takes lower-case letters, digits and dashes, and each name once.`;
			problems.push(problem('EXPORT_FIELD_NAME', message, { field: field.name }));
		}
		names.add(field.name);
		if (!Number.isInteger(field.offset) || field.offset < 0 || field.bytes.length === 0 || end > platform.dct.size) {
			const message = `The setting ${field.name} has ${field.bytes.length} bytes at offset ${field.offset}; the DCT of the ${platform.displayName} has ${platform.dct.size}.`;
			problems.push(
				problem('EXPORT_FIELD_OUTSIDE', message, { field: field.name, found: field.offset, expected: platform.dct.size }),
			);
		}
		// dfu-util takes an address of 0 for none.
		if (field.offset === 0) {
			const message = `The setting ${field.name} is at offset 0 of the DCT, which dfu-util cannot write. Begin it at a later byte.`;
			problems.push(problem('EXPORT_FIELD_OUTSIDE', message, { field: field.name, found: 0 }));
		}
		const flag = platform.dct.otaFlag;
		if (field.offset <= flag && end > flag) {
			const message = `The setting ${field.name} would cover the update flag at offset ${flag} of the DCT, which the scripts use themselves.`;
			problems.push(problem('EXPORT_FIELD_OUTSIDE', message, { field: field.name, found: field.offset }));
		}
	}
	return problems;
}
