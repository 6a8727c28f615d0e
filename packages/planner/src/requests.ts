/**
 * Updates that DFU leaves for somebody else to install: the running system looks into its slot when the OTA flag is set, the bootloader carries out the
 * module slots of the DCT. Where they have to lie, what becomes of them at a start, and what the orders look like. Pure; facts: `overDfu` in
 * data/rules.json; docs/bootloader-over-dfu.md.
 */
import { inScope, type OverDfuFacts, regionOf, rules, type UpdateSlot, updateSlot } from '@linac/catalog';
import { toHex } from '@linac/core';
import { encodeModuleSlot, ModuleFunction, ModuleSlotFlag } from '@linac/firmware';
import { applicationsOf, boot, bootFacts } from './boot.js';
import { bootloaderUpdateWay } from './bootloader-way.js';
import { type DeviceModel, find, keyOf, type ModelModule, type UpdateRequest, unmet, withModule } from './model.js';

export function withRequest(model: DeviceModel, request: UpdateRequest): DeviceModel {
	const others = (model.requests ?? []).filter(
		(r) => keyOf(r.module) !== keyOf(request.module) && !(r.way === 'ota-slot' && request.way === 'ota-slot'),
	);
	return { ...model, requests: [...others, request] };
}

/** The chip's address of something that was written through an alternate setting. */
export function stagedAt(model: DeviceModel, staged: { alternate: number; address: number }): number {
	const alternate = model.platform.alternates.find((a) => a.number === staged.alternate);
	return staged.address - (alternate?.addressOffset ?? 0);
}

/** The slot for updates of the system that would run now, or, when there is none, of the newest. */
export function slotForUpdates(model: DeviceModel): UpdateSlot | undefined {
	const system = find(model, bootFacts(model.platform).startModule);
	const application = applicationsOf(model).find((m) => m.start !== undefined);
	return updateSlot(model.platform, {
		...(system ? { moduleVersion: system.version } : {}),
		...(system?.start !== undefined && system.size !== undefined ? { systemEnd: system.start + system.size } : {}),
		...(application?.start === undefined ? {} : { applicationStart: application.start }),
	});
}

export function moduleSlotFacts(model: Pick<DeviceModel, 'platform'>): OverDfuFacts['moduleSlot'][number] | undefined {
	return rules().overDfu.moduleSlot.find((f) => inScope(f, model.platform));
}

/** Whether the bootloader of this platform calls the system parts to read and write the DCT. */
export function dctNeedsSystem(model: Pick<DeviceModel, 'platform'>): boolean {
	return inScope(rules().overDfu.dctNeedsSystem, model.platform);
}

/** The record of a module slot that puts a bootloader in its place, hex. `address`: where it lies, an address of the chip. */
export function moduleSlotBytes(
	model: DeviceModel,
	module: { function: number; start: number; size: number },
	address: number,
): string {
	const facts = moduleSlotFacts(model);
	const through = facts?.through === undefined ? undefined : regionOf(model.platform, facts.through);
	return toHex(
		encodeModuleSlot({
			sourceExternal: facts?.storage === 'external',
			destinationExternal: false,
			source: address,
			destination: through?.start ?? module.start,
			length: module.size,
			flags: ModuleSlotFlag.verifyCrc | ModuleSlotFlag.destinationIsStart | ModuleSlotFlag.verifyFunction,
			function: module.function,
		}),
	);
}

/** The bootloader carries out the module slots, before it looks for a system. */
export function appliedByBootloader(model: DeviceModel): DeviceModel {
	const requests = (model.requests ?? []).filter((r) => r.way === 'module-slot');
	if (requests.length === 0) return model;
	const rest = { ...model, requests: (model.requests ?? []).filter((r) => r.way !== 'module-slot') };
	const facts = moduleSlotFacts(model);
	const bootloader = find(model, { function: ModuleFunction.bootloader, index: 0 });
	// Not carried out by a bootloader that knows no way: its check of the destination fails, and the slot is freed.
	if (!facts?.possible || (bootloader?.version ?? 0) < (facts.bootloaderFrom ?? 0)) return rest;
	const struck = systemUnderMbrPage(model);
	let result: DeviceModel = rest;
	for (const { module } of requests) result = withModule(result, module);
	return struck ? withModule(result, { ...struck, state: 'damaged', contentSha256: undefined }) : result;
}

/**
 * The system part that would lose a page when a bootloader is carried to the MBR now. The MBR notes its order in the page that the UICR names: 0x2F000 until a
 * bootloader or a system from 6.2.0 on has started and moved it to 0x27000. Where an older bootloader finds a system part that begins below that page, nothing that
 * can be read tells whether the page has been moved, so it counts as not moved (device-os v6.2.0: platform/MCU/nRF52840/src/hw_config.c configure_uicr).
 */
export function systemUnderMbrPage(model: DeviceModel): ModelModule | undefined {
	const facts = bootFacts(model.platform);
	const bootloader = find(model, { function: ModuleFunction.bootloader, index: 0 });
	const older = facts.olderBootloaders;
	if (!older || !bootloader || bootloader.version >= older.before) return undefined;
	const page = regionOf(model.platform, 'mbr-parameters', 0);
	const system = find(model, facts.startModule);
	if (!page || system?.state !== 'valid' || system.start === undefined) return undefined;
	return system.start < page.end ? system : undefined;
}

/** What a started system says of the module in its slot; `undefined`: it installs it. */
export function refusedBySystem(model: DeviceModel, request: UpdateRequest): string | undefined {
	const { boots, why } = boot(model);
	if (boots === 'dfu' || boots === 'dead') return `No system starts that could install it: ${why}`;
	const system = find(model, bootFacts(model.platform).startModule);
	const { systemFrom } = rules().overDfu.otaFlag;
	if (system && system.version < systemFrom)
		return `Device OS module ${system.version} does not look at the OTA flag yet (from ${systemFrom} on).`;
	const slot = slotForUpdates(model);
	if (slot?.start !== request.address) return 'The system that starts looks for it at another address.';
	const missing = unmet(model, request.module.dependencies)[0];
	return missing && `The running system refuses it: it needs ${keyOf(missing)} ${missing.version}.`;
}

/** A started system clears the flag, and installs what is in the slot if it passes. */
export function appliedBySystem(model: DeviceModel): DeviceModel {
	const request = (model.requests ?? []).find((r) => r.way === 'ota-slot');
	if (!request) return model;
	const { boots } = boot(model);
	if (boots === 'dfu' || boots === 'dead') return model;
	const rest = { ...model, requests: (model.requests ?? []).filter((r) => r !== request) };
	return refusedBySystem(model, request) === undefined ? withModule(rest, request.module) : rest;
}

/** Why the next start could lose the bootloader for good: the system would copy a requested one over it. */
export function replacedInPlace(model: DeviceModel): string | undefined {
	const request = (model.requests ?? []).find((r) => r.way === 'ota-slot' && r.module.function === ModuleFunction.bootloader);
	if (!request || refusedBySystem(model, request) !== undefined) return undefined;
	const way = bootloaderUpdateWay(model);
	return way.inPlace ? way.why : undefined;
}
