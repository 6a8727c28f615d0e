/**
 * nRF52840: MBR, bootloader and Device OS of Argon, Boron, Xenon and the SoMs and Trackers. What they decide at a start, and how updates are applied.
 * device-os v4.0.1 (and v2.2.0, v3.1.0, v6.2.0 where named): bootloader/src/main.c, platform/MCU/nRF52840/src/flash_mal.c,
 * hal/src/nRF52840/{core_hal.c,user_hal.cpp,ota_flash_hal.cpp}, modules/shared/nRF52840/inc/system_part1_loader.c.
 */
import { inRange, rulesOf } from '@linac/catalog';
import { sha256, toHex } from '@linac/core';
import { ModuleFlag, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { missing, startAssets, storeAsset } from './asset-manager.js';
import { type BootOutcome, type Chip, type OtaSlot, SystemError } from './chip.js';
import { type DfuClass, DfuFunction, type DfuHost } from './dfu-function.js';
import { DctDfuStorage, type DfuStorage, FlashDfuStorage } from './dfu-storage.js';
import type { FlashStep } from './flash-model.js';
import { crcOk, type FlashModule, type InstalledTruth, moduleLength, readModule, readSoftDevice } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { addJob, SlotFlag } from './module-slots.js';
import { copyRange, LAST_PLAIN_USER_BOOTLOADER, nrfLayout, updateModules } from './nrf-copy.js';
import { mbrCommand, mbrRestore, mbrStandIn } from './nrf-mbr.js';
import { configureUicr } from './nrf-uicr.js';
import { judge, stagedModules } from './ota-check.js';
import { applyFlaggedUpdate } from './pending-update.js';
import { Check, check, dependenciesMet } from './system-view.js';
import { restartMs } from './timing.js';

/** Bootloaders from here on are replaced by the MBR (BOOTLOADER_MBR_UPDATE_MIN_VERSION, hal/src/nRF52840/ota_flash_hal.cpp). */
const MBR_UPDATE_FROM = 1001;
/** Device OS 4.0.0: a new device needs no setup any more (system/src/control/config.cpp). */
const NO_SETUP_FROM = 4000;
/** Bootloader of Device OS 6.1.1: DfuSe extension commands. */
const DFU_EXTENSIONS_FROM = 3001;

class Nrf52840 implements Chip {
	manufacture(hw: Hardware, modules: readonly ParsedModule[], setupDone: boolean): void {
		hw.internal.put(0, mbrStandIn());
		hw.mbrParameterPage = hw.region('mbr-parameters', nrfLayout(this.#versionAmong(modules)).systemVersion)?.start ?? 0xffffffff;
		for (const module of modules) {
			const { prefix, bytes } = module;
			if (prefix.function === ModuleFunction.ncp) {
				hw.ncpVersion ||= prefix.version;
			} else if (prefix.function === ModuleFunction.radioStack) {
				// The header is dropped; suffix and CRC stay behind the payload.
				hw.internal.put(prefix.start, bytes.subarray(module.prefixOffset + 24));
				hw.knownSoftDevices.add(toHex(sha256(bytes.subarray(module.prefixOffset + 24, bytes.length - module.suffix.size - 4))));
			} else hw.internal.put(prefix.start, bytes);
		}
		const flag = hw.platform.dct.setupDone;
		if (flag !== undefined && setupDone) hw.dct.flash.put(flag, Uint8Array.of(1));
	}

	#versionAmong(modules: readonly ParsedModule[]): number {
		return modules.find((m) => m.prefix.function === ModuleFunction.bootloader)?.prefix.version ?? 0;
	}

	bootloaderVersion(hw: Hardware): number {
		return this.#bootloader(hw)?.version ?? 0;
	}

	async boot(hw: Hardware): Promise<BootOutcome> {
		if (!mbrRestore.intact(hw)) return { runs: 'dead', why: 'The master boot record at address 0 is damaged: nothing starts.' };
		if (await mbrCommand.run(hw)) return { runs: 'again', why: 'The MBR has copied a bootloader.' };
		const bootloader = this.#bootloader(hw);
		if (!bootloader || !crcOk(bootloader)) return { runs: 'dead', why: 'There is no whole bootloader.' };
		const layout = nrfLayout(bootloader.version);
		if (await configureUicr(hw, 'bootloader', bootloader.version))
			return { runs: 'again', why: 'The bootloader has set where the MBR notes its orders.' };
		if (hw.modeButton) return { runs: 'dfu', why: 'MODE was held down during the reset.' };
		if (hw.retained.enterDfu) {
			hw.retained.enterDfu = false;
			return { runs: 'dfu', why: 'Device OS was asked for DFU mode.' };
		}
		const updated = await updateModules(hw, bootloader.version);
		if (updated === 'dead')
			return { runs: 'dead', why: 'The bootloader has erased itself: a module slot told it to copy over its own place.' };
		if (updated === 'reset') return { runs: 'again', why: 'The bootloader has handed itself to the MBR.' };
		let system: FlashModule | undefined;
		for (const address of layout.systemAddresses) {
			const found = readModule(hw.internal, address, hw.vectors);
			if (!found || found.start !== address || found.end > 0x100000 || found.platformId !== hw.platform.id || !crcOk(found))
				continue;
			system = found;
			break;
		}
		if (!system) return { runs: 'dfu', why: 'The bootloader found no whole system part.' };
		return this.#system(hw, system);
	}

	/** Device OS has started. */
	async #system(hw: Hardware, system: FlashModule): Promise<BootOutcome> {
		const version = system.version;
		if (await configureUicr(hw, 'system', version))
			return { runs: 'again', why: 'Device OS has moved the page where the MBR notes its orders.' };
		// HAL_Core_Setup_override_interrupts initialises the SoftDevice before anything else runs: a broken one faults, and the fault handler resets.
		if (!readSoftDevice(hw.internal, hw.softDeviceEnd, hw.knownSoftDevices).valid) {
			return {
				runs: 'dead',
				why: 'The SoftDevice is not whole: Device OS crashes when it enables it, again and again.',
				crashes: true,
			};
		}
		const reasons: string[] = [];
		if (hw.retained.enterSafeMode) reasons.push('safe mode was asked for');
		hw.retained.enterSafeMode = false;
		const needed = Check.integrity | Check.dependencies | Check.range | Check.platform;
		const bootloader = this.#bootloader(hw)!;
		if ((check(hw, bootloader, version) & needed) !== needed) reasons.push('the bootloader does not pass the checks');
		if ((check(hw, system, version) & needed) !== needed)
			reasons.push('the system part does not pass the checks or needs something newer');
		const application = this.application(hw, version);
		if (system.function !== ModuleFunction.monolithic && !application) {
			reasons.push('there is no application that is whole and has what it needs');
		}
		reasons.push(...missing(await startAssets(hw, version, application)));
		const updated = await applyFlaggedUpdate(this, hw, version);
		if (updated) return updated;
		let listening = hw.retained.startListening;
		hw.retained.startListening = false;
		const flag = hw.platform.dct.setupDone;
		if (version < NO_SETUP_FROM && flag !== undefined) {
			const done = hw.dct.read(flag, 1)[0]!;
			if (done === 0 || done === 0xff) listening = true;
		}
		const safe = reasons.length > 0;
		const why = safe
			? `Safe mode: ${reasons.join('; ')}.`
			: listening
				? 'Listening: setup is not done.'
				: 'Everything is in place.';
		return { runs: 'system', systemVersion: version, safe, listening, why };
	}

	/** The 128 KB application wins over the 256 KB one (user_hal.cpp). */
	application(hw: Hardware, version: number): FlashModule | undefined {
		for (const { slot, region } of hw.slots(version)) {
			if (slot.function !== ModuleFunction.user || !region) continue;
			const found = readModule(hw.internal, region.start, hw.vectors);
			if (!found || found.start !== region.start || found.end > 0x100000 || found.platformId !== hw.platform.id) continue;
			if (crcOk(found) && dependenciesMet(hw, found, version)) return found;
		}
		return undefined;
	}

	#bootloader(hw: Hardware): FlashModule | undefined {
		return readModule(hw.internal, hw.region('bootloader', 0)!.start, hw.vectors);
	}

	otaSlot(hw: Hardware, systemVersion: number): OtaSlot {
		const region = hw.region('ota', systemVersion)!;
		return { storage: 'external', start: region.start, size: region.end - region.start };
	}

	validateUpdate(hw: Hardware, systemVersion: number): number {
		const staged = stagedModules(hw, this.otaSlot(hw, systemVersion), systemVersion);
		return typeof staged === 'number' ? staged : judge(hw, staged, systemVersion);
	}

	/** HAL_FLASH_End. */
	async applyUpdate(hw: Hardware, systemVersion: number, _length: number): Promise<number> {
		const slot = this.otaSlot(hw, systemVersion);
		const staged = stagedModules(hw, slot, systemVersion);
		if (typeof staged === 'number') return staged;
		const verdict = judge(hw, staged, systemVersion);
		if (verdict < 0) return verdict;
		for (const module of staged) {
			const length = moduleLength(module) + 4;
			if (module.function === ModuleFunction.ncp) {
				// HAL_PLATFORM_NCP_UPDATES_DISABLED: accepted, and nothing is done (hal/network/ncp/wifi/platform_ncp_update.cpp).
				const rules = rulesOf('not-updated', hw.platform);
				if (rules.some((r) => r.functions.includes(module.function) && inRange(r.system, systemVersion)))
					return SystemError.notSupported;
				await hw.worker.wait(length / restartMs.ncpBytesPerMs);
				hw.ncpVersion = module.version;
				continue;
			}
			if (module.function === ModuleFunction.asset) {
				const result = await storeAsset(hw, systemVersion, module, this.application(hw, systemVersion));
				if (result < 0) return result;
				continue;
			}
			let destination = module.start;
			if (module.function === ModuleFunction.bootloader) {
				if (this.bootloaderVersion(hw) < MBR_UPDATE_FROM) {
					// In place: from the first erase to the last byte there is no bootloader.
					const bytes = module.flash.read(module.address, length);
					await hw.worker.run(copyRange(hw, bytes, destination));
					continue;
				}
				// A bootloader that knows the MBR way recognises it by this destination.
				destination = hw.region('user-part-1', systemVersion)!.start;
			}
			if (module.function === ModuleFunction.radioStack) this.#remember(hw, module);
			let flags: number = SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction;
			if (module.flags & ModuleFlag.dropModuleInfo) flags |= SlotFlag.dropModuleInfo;
			if (module.flags & ModuleFlag.compressed) flags |= SlotFlag.compressed;
			const job = addJob(hw, {
				sourceExternal: true,
				source: module.address,
				destination,
				length,
				function: module.function,
				flags,
			});
			if (!job) return SystemError.noMemory;
			await hw.worker.run(job);
		}
		return 0;
	}

	#remember(hw: Hardware, module: FlashModule): void {
		const bytes = module.flash.read(module.address, moduleLength(module));
		hw.knownSoftDevices.add(toHex(sha256(bytes.subarray(24, bytes.length - 36))));
	}

	dfuStorages(hw: Hardware): DfuStorage[] {
		const version = this.bootloaderVersion(hw);
		return hw.platform.alternates.map((alternate) => {
			if (alternate.storage === 'dct') return new DctDfuStorage(alternate, hw.dct);
			if (alternate.storage === 'external') return new FlashDfuStorage(alternate, hw.external!);
			return new FlashDfuStorage(alternate, hw.internal, {
				afterWrite: (at, length) => hideOldApplication(hw, version, at, length),
			});
		});
	}

	dfuClass(hw: Hardware, host: DfuHost): DfuClass {
		return new DfuFunction({ ...host, extensions: this.bootloaderVersion(hw) >= DFU_EXTENSIONS_FROM });
	}

	installed(hw: Hardware): InstalledTruth[] {
		const out: InstalledTruth[] = [];
		const seen = new Set<string>();
		const systemAt = nrfLayout(this.bootloaderVersion(hw)).systemAddresses;
		for (const slot of hw.platform.modules) {
			const regions = hw.platform.memory.filter((r) => r.name === slot.region);
			for (const region of regions) {
				if (slot.function === ModuleFunction.radioStack) {
					const found = readSoftDevice(hw.internal, hw.softDeviceEnd, hw.knownSoftDevices);
					if (seen.has('radio') || (!found.valid && region !== regions.at(-1))) continue;
					seen.add('radio');
					if (found.version !== 0xffff)
						out.push({ function: 8, index: 0, version: found.version, valid: found.valid, sha256: found.sha256 });
					continue;
				}
				const module = readModule(hw.internal, region.start, hw.vectors);
				if (!module || module.start !== region.start || module.platformId !== hw.platform.id || module.function !== slot.function)
					continue;
				if (slot.function === ModuleFunction.system && !systemAt.includes(region.start)) continue;
				const key = `${module.function}:${module.index}:${region.start}`;
				if (seen.has(key)) continue;
				seen.add(key);
				const sha = hw.contentSha(module);
				out.push({ function: module.function, index: module.index, version: module.version, valid: crcOk(module), sha256: sha });
			}
			if (slot.function === ModuleFunction.ncp && hw.ncpVersion !== undefined) {
				out.push({ function: 7, index: slot.index, version: hw.ncpVersion, valid: true, sha256: '' });
			}
		}
		return out;
	}
}

/**
 * Bootloaders from Device OS 3.1.0 on erase the first page of the old 128 KB application when DFU has written a good header of a 256 KB one
 * (device-os v3.1.0 ... v6.2.0: bootloader/src/nRF52840/usbd_dfu_mal.cpp InternalFlashMal::write).
 */
function* hideOldApplication(hw: Hardware, bootloaderVersion: number, at: number, length: number): Iterable<FlashStep> {
	if (bootloaderVersion < LAST_PLAIN_USER_BOOTLOADER || length < 24) return;
	const user = hw.platform.memory.find((r) => r.name === 'user-part-2');
	const old = hw.platform.memory.find((r) => r.name === 'user-part-1');
	if (!user || !old || at !== user.start) return;
	const header = readModule(hw.internal, at, hw.vectors);
	if (header?.start === user.start && header.end <= 0x100000 && header.platformId === hw.platform.id) {
		yield* hw.internal.erase(old.start, 1);
	}
}

export const nrf52840: Chip = new Nrf52840();
