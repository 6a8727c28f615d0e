/**
 * What a step does to a device, and how the device is if power or cable fails in the middle of it. Pure: a model in, a model out. The
 * planner, `simulate` and the tests all use this one description.
 */
import { rulesOf, updateOverwritesAssets } from '@linac/catalog';
import { type ModuleDependency, ModuleFunction, type ParsedModule, PREFIX_SIZE, readPrefix } from '@linac/firmware';
import { type Boot, boot, bootFacts, runningApplication } from './boot.js';
import { bootloaderUpdateWay } from './bootloader-way.js';
import { assetKey, type DeviceModel, find, keyOf, type ModelModule, slotName, withModule, withoutModule } from './model.js';
import { appliedByBootloader, appliedBySystem, replacedInPlace, stagedAt, withRequest } from './requests.js';
import type { AssetRef, Recovery, StepAction } from './types.js';

/** What the planner must know of a file to simulate it. */
export interface WrittenModule {
	function: number;
	index: number;
	version: number;
	dependencies: ModuleDependency[];
	start: number;
	size: number;
	contentSha256: string;
	/** Address of a second header inside the module, for older bootloaders; `null`: it has none. */
	secondStart: number | null;
	/** Assets that an application asks for. */
	assets?: readonly AssetRef[];
}

export function writtenModule(module: ParsedModule, contentSha256: string): WrittenModule {
	const { prefix } = module;
	return {
		function: prefix.function,
		index: prefix.index,
		version: prefix.version,
		dependencies: module.dependencies.filter((d) => d.function !== ModuleFunction.none),
		start: prefix.start,
		size: prefix.end - prefix.start + 4,
		contentSha256,
		secondStart: secondStart(module),
	};
}

/** Pages in which a second header is looked for: system parts from 6.2.0 on carry one 32 KB behind the first. */
const SECOND_HEADER_PAGES = 16;

/** Address of a second header inside a system part; `null`: it has none. */
export function secondStart(module: ParsedModule): number | null {
	const { prefix, prefixOffset, bytes } = module;
	if (prefix.function !== ModuleFunction.system) return null;
	for (let page = 1; page < SECOND_HEADER_PAGES; page++) {
		const at = page * 4096 + prefixOffset;
		if (at + PREFIX_SIZE > bytes.length) break;
		const other = readPrefix(bytes, at);
		const start = prefix.start + page * 4096;
		if (
			other.start === start &&
			other.function === prefix.function &&
			other.index === prefix.index &&
			other.platformId === prefix.platformId
		) {
			return start;
		}
	}
	return null;
}

function installed(model: DeviceModel, module: WrittenModule, state: 'valid' | 'damaged'): ModelModule {
	return { ...module, slot: slotName(model.platform, module), state };
}

/** The model after an action has been carried out to its end. `module` is what it writes, where it writes one. */
export function afterAction(model: DeviceModel, action: StepAction, module?: WrittenModule): DeviceModel {
	switch (action.kind) {
		case 'enter-mode':
			return { ...model, mode: action.mode };
		case 'write-dfu':
			return withModule(overwritten(model, action.address, action.length, module!), installed(model, module!, 'valid'));
		case 'update-control':
			if (action.asset) return running(withAsset(model, action.asset));
			return running(withModule(withoutOverwritten(model, action.length), installed(model, module!, 'valid')));
		case 'update-serial':
			return running(withModule(withoutOverwritten(model, action.length), installed(model, module!, 'valid')));
		case 'invalidate':
			return withoutModule(model, action.module);
		case 'stage-update':
		case 'clear-request':
			return model;
		case 'request-update':
			return withRequest(model, {
				way: action.way,
				address: stagedAt(model, action.staged),
				module: installed(model, module!, 'valid'),
			});
		case 'apply-update':
			return inModeAfter(running(model), action.then);
		case 'write-dct':
			return action.offset === model.platform.dct.setupDone ? { ...model, setupDone: action.value === 1 } : model;
		case 'restart':
			return running(model);
		case 'verify':
			return model;
	}
}

/** Storing an asset removes those that the running application does not ask for. */
function withAsset(model: DeviceModel, asset: AssetRef): DeviceModel {
	const wanted = new Set((runningApplication(model)?.assets ?? []).map(assetKey));
	return { ...model, assets: new Set([...[...(model.assets ?? [])].filter((key) => wanted.has(key)), assetKey(asset)]) };
}

/** A large update lies over the beginning of the store while it is received. */
function withoutOverwritten(model: DeviceModel, length: number): DeviceModel {
	const system = find(model, bootFacts(model.platform).startModule)?.version;
	if (!model.assets || system === undefined || !updateOverwritesAssets(model.platform, system, length)) return model;
	return { ...model, assets: new Set() };
}

/** Told to be in DFU afterwards: where it runs, it is asked to enter it. */
function inModeAfter(model: DeviceModel, then: 'run' | 'dfu'): DeviceModel {
	return then === 'dfu' ? { ...model, mode: 'dfu' } : model;
}

/** The device after a reset: in the mode that it starts into, and with what its system has replaced by itself. */
function running(model: DeviceModel): DeviceModel {
	const updated = whenStarted(model);
	const { boots } = boot(updated);
	return { ...updated, mode: boots === 'dead' ? 'dfu' : boots };
}

/** What is on the device once it has started: with what bootloader and system install at that start. */
export function whenStarted(model: DeviceModel): DeviceModel {
	return appliedBySystem(withEmbeddedBootloader(appliedByBootloader(model)));
}

/** A system with a bootloader inside puts it over an older one as soon as it starts (rule `embedded-bootloader`). */
function withEmbeddedBootloader(model: DeviceModel): DeviceModel {
	const replaced = embeddedUpdate(model);
	return replaced ? withModule(model, replaced) : model;
}

/** The bootloader that the system would install by itself at its next start, or `undefined`. */
export function embeddedUpdate(model: DeviceModel): ModelModule | undefined {
	if (rulesOf('embedded-bootloader', model.platform).length === 0) return undefined;
	const start = boot(model).boots;
	if (start === 'dfu' || start === 'dead') return undefined;
	const bootloader = find(model, { function: ModuleFunction.bootloader, index: 0 });
	if (!bootloader) return undefined;
	// The version inside is not in a header; what the system parts ask for is the least that it can be.
	const asked = [...model.modules.values()]
		.filter((m) => m.function === ModuleFunction.system)
		.flatMap((m) => m.dependencies)
		.filter((d) => d.function === ModuleFunction.bootloader)
		.map((d) => d.version);
	const version = Math.max(0, ...asked);
	return bootloader.version < version ? { ...bootloader, version, state: 'valid', contentSha256: undefined } : undefined;
}

/** Modules that lie where bytes are now written are not whole any more; without its header a module is gone. */
function overwritten(model: DeviceModel, address: number, length: number, by: WrittenModule): DeviceModel {
	let result = model;
	const head = bootFacts(model.platform).headBytes;
	for (const other of model.modules.values()) {
		if (keyOf(other) === keyOf(by) || other.start === undefined || other.size === undefined) continue;
		// The firmware of a network co-processor has addresses of another chip.
		const slot = model.platform.modules.find((s) => keyOf(s) === keyOf(other));
		if (slot && slot.region === undefined) continue;
		if (other.start >= address + length || other.start + other.size <= address) continue;
		const headGone = other.start < address + length && other.start + head > address;
		result = headGone
			? withoutModule(result, other)
			: withModule(result, { ...other, state: 'damaged', contentSha256: undefined });
	}
	return result;
}

/** How it stands with the device if everything stops in the middle of an action: the worst of what can then be found. */
export function whenInterrupted(model: DeviceModel, action: StepAction, module?: WrittenModule): Recovery {
	switch (action.kind) {
		case 'write-dfu':
			return worst(
				boot(whenStarted(halfWritten(model, action, module!))),
				boot(model),
				boot(whenStarted(afterAction(model, action, module))),
			);
		case 'update-control':
		case 'update-serial': {
			if (module?.function === ModuleFunction.bootloader) {
				const way = bootloaderUpdateWay(model);
				if (way.inPlace) return { way: 'none', why: way.why };
			}
			return worst(boot(model), boot(afterAction(model, action, module)));
		}
		case 'apply-update':
		case 'restart': {
			const inPlace = replacedInPlace(model);
			if (inPlace !== undefined) return { way: 'none', why: inPlace };
			if (embeddedUpdate(model)) {
				return {
					way: 'none',
					why: 'The system copies the bootloader that it carries over the old one when it starts. If power fails while it does, only SWD can bring the device back.',
				};
			}
			return worst(boot(model), boot(afterAction(model, action, module)));
		}
		default:
			return worst(boot(model), boot(whenStarted(afterAction(model, action, module))));
	}
}

function halfWritten(model: DeviceModel, action: StepAction & { kind: 'write-dfu' }, module: WrittenModule): DeviceModel {
	const facts = bootFacts(model.platform);
	const other = overwritten(model, action.address, action.length, module);
	const headAbsent = facts.judgedBy === 'crc' || action.headLast !== undefined;
	return headAbsent && keyOf(module) === keyOf(facts.startModule)
		? withoutModule(other, module)
		: withModule(other, installed(model, module, 'damaged'));
}

const order: Recovery['way'][] = ['same-command', 'same-command-after-button', 'none'];

function worst(...boots: Boot[]): Recovery {
	const first = boots.reduce((a, b) => (order.indexOf(b.recovery) > order.indexOf(a.recovery) ? b : a));
	switch (first.recovery) {
		case 'same-command':
			return { way: 'same-command', why: `Run the same command again. ${first.why}` };
		case 'same-command-after-button':
			return {
				way: 'same-command-after-button',
				why: `Bring it into DFU with the MODE button, then run the same command again. ${first.why}`,
			};
		case 'none':
			return { way: 'none', why: first.why };
	}
}
