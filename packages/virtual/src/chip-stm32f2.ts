/**
 * STM32F205: bootloader and Device OS of Photon, P1 and Electron. The bootloader looks at headers only, not at CRCs: a torn system part is started,
 * and crashes. Bootloaders are replaced in place by Device OS: the one moment in which a power loss leaves nothing that runs.
 * device-os v2.2.0: bootloader/src/main.c, bootloader/src/stm32f2xx/dfu_usb.c, platform/MCU/STM32F2xx/SPARK_Firmware_Driver/src/flash_mal.c,
 * hal/src/stm32f2xx/{core_hal_stm32f2xx.c,ota_flash_hal_stm32f2xx.cpp,bootloader.cpp}, hal/src/stm32/ota_module.cpp.
 */
import { inScope, rules } from '@linac/catalog';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { type BootOutcome, type Chip, type OtaSlot, SystemError } from './chip.js';
import type { DfuClass, DfuHost } from './dfu-function.js';
import { Stm32DfuFunction } from './dfu-function-stm32.js';
import { DctDfuStorage, type DfuStorage, FlashDfuStorage } from './dfu-storage.js';
import type { FlashStep } from './flash-model.js';
import { crcOk, type FlashModule, type InstalledTruth, moduleLength, readModule } from './flash-modules.js';
import type { Hardware } from './hardware.js';
import { addJob, clearJob, type ModuleJob, pendingJobs, SlotFlag } from './module-slots.js';
import { judge, stagedModules } from './ota-check.js';
import { applyFlaggedUpdate } from './pending-update.js';
import { standInModule } from './stand-in.js';
import { Check, check, dependenciesMet } from './system-view.js';

/** The part that holds the system's version and depends on bootloader and first part (HAL_Core_Validate_Modules, i = 2). */
const TOP_PART = 2;
/** Electron before 0.6.0 had two parts (module number 100 and up since). */
const LAST_ADDRESS = 0x08100000;

class Stm32f2 implements Chip {
	manufacture(hw: Hardware, modules: readonly ParsedModule[]): void {
		for (const { prefix, bytes } of modules) hw.internal.put(prefix.start, bytes);
		if (modules.some((m) => m.prefix.function === ModuleFunction.bootloader)) return;
		// Electron before 2.0.0: the bootloader travels inside a system part, and no file has it. One of the wanted version stands in.
		const wanted = modules.flatMap((m) => m.dependencies).find((d) => d.function === ModuleFunction.bootloader);
		const expected = {
			slot: 'bootloader',
			function: ModuleFunction.bootloader,
			index: 0,
			version: wanted?.version ?? 1,
			dependencies: [],
		};
		const { prefix, bytes } = standInModule(hw.platform, 0, expected).module;
		hw.internal.put(prefix.start, bytes);
	}

	/** Only asked for where assets are kept. */
	application(): undefined {
		return undefined;
	}

	bootloaderVersion(hw: Hardware): number {
		return this.#bootloader(hw)?.version ?? 0;
	}

	async boot(hw: Hardware): Promise<BootOutcome> {
		const bootloader = this.#bootloader(hw);
		if (!bootloader || !crcOk(bootloader)) return { runs: 'dead', why: 'There is no whole bootloader.' };
		if (hw.modeButton) return { runs: 'dfu', why: 'MODE was held down during the reset.' };
		if (hw.retained.enterDfu) {
			hw.retained.enterDfu = false;
			return { runs: 'dfu', why: 'Device OS was asked for DFU mode.' };
		}
		if (!(await this.#updateModules(hw)))
			return { runs: 'dead', why: 'The bootloader has erased itself: a module slot told it to copy over its own place.' };
		const application = hw.region('system-part-1', 0)!.start;
		const first = readModule(hw.internal, application, hw.vectors);
		if (!first || !headerFits(hw, first)) return { runs: 'dfu', why: 'The bootloader found no header of a system part.' };
		return this.#system(hw, first);
	}

	/**
	 * FLASH_UpdateModules: in the order of the slots, each freed after its copy. False when the bootloader has erased the sector that it runs from. Where the
	 * bootloader reads the DCT with functions of the system parts and they are not whole, it finds no slots, and frees none.
	 */
	async #updateModules(hw: Hardware): Promise<boolean> {
		if (!this.#reachesDct(hw)) return true;
		const own = hw.region('bootloader', 0)!;
		for (const job of pendingJobs(hw)) {
			const steps = copyModule(hw, job);
			const first = steps[0];
			if (first && job.destination < own.end && job.destination + job.length > own.start) {
				await hw.worker.run([first]);
				return false;
			}
			await hw.worker.run(steps);
			if (!this.#reachesDct(hw)) return true;
			await hw.worker.run(clearJob(hw, job.slot));
		}
		return true;
	}

	/** bootloader/src/photon/bootloader_dct.c: parts 1 and 2, whole. The bootloader of an Electron has the functions itself. */
	#reachesDct(hw: Hardware): boolean {
		if (!inScope(rules().overDfu.dctNeedsSystem, hw.platform)) return true;
		const first = readModule(hw.internal, hw.region('system-part-1', 0)!.start, hw.vectors);
		const parts = first && headerFits(hw, first) ? this.#parts(hw) : [];
		return parts.length > 1 && parts.every((p) => headerFits(hw, p) && crcOk(p));
	}

	async #system(hw: Hardware, first: FlashModule): Promise<BootOutcome> {
		const monolithic = first.function === ModuleFunction.monolithic;
		const parts = monolithic ? [first] : this.#parts(hw);
		const broken = parts.find((part) => !headerFits(hw, part) || !crcOk(part));
		const number = (index: number) => parts.find((p) => p.index === index);
		if (broken || (!monolithic && parts.length < hw.platform.components.systemParts && !number(TOP_PART))) {
			return {
				runs: 'dead',
				why: 'A system part is torn: the bootloader starts it all the same, and it crashes again and again.',
				crashes: true,
			};
		}
		const version = (number(TOP_PART) ?? first).version;
		const reasons: string[] = [];
		if (hw.retained.enterSafeMode) reasons.push('safe mode was asked for');
		hw.retained.enterSafeMode = false;
		const needed = Check.integrity | Check.dependencies | Check.range | Check.platform;
		const bootloader = this.#bootloader(hw)!;
		if ((check(hw, bootloader, version) & needed) !== needed) reasons.push('the bootloader does not pass the checks');
		const top = number(TOP_PART);
		if (top && (check(hw, top, version) & needed) !== needed)
			reasons.push('the system parts do not pass the checks or need something newer');
		if (!monolithic && !this.#application(hw, version))
			reasons.push('there is no application that is whole and has what it needs');
		const updated = await applyFlaggedUpdate(this, hw, version);
		if (updated) return updated;
		const listening = hw.retained.startListening;
		hw.retained.startListening = false;
		const safe = reasons.length > 0;
		const why = safe ? `Safe mode: ${reasons.join('; ')}.` : 'Everything is in place.';
		return { runs: 'system', systemVersion: version, safe, listening, why };
	}

	#parts(hw: Hardware): FlashModule[] {
		const first = readModule(hw.internal, hw.region('system-part-1', 0)!.start, hw.vectors)!;
		return hw.slots(first.version).flatMap(({ slot, region }) => {
			if (slot.function !== ModuleFunction.system || !region) return [];
			return readModule(hw.internal, region.start, hw.vectors) ?? [];
		});
	}

	#application(hw: Hardware, version: number): FlashModule | undefined {
		const user = readModule(hw.internal, hw.region('user-part-1', version)!.start, hw.vectors);
		return user && headerFits(hw, user) && crcOk(user) && dependenciesMet(hw, user, version) ? user : undefined;
	}

	#bootloader(hw: Hardware): FlashModule | undefined {
		return readModule(hw.internal, hw.region('bootloader', 0)!.start, hw.vectors);
	}

	otaSlot(hw: Hardware, systemVersion: number): OtaSlot {
		const region = hw.region('ota', systemVersion)!;
		return { storage: 'internal', start: region.start, size: region.end - region.start };
	}

	validateUpdate(hw: Hardware, systemVersion: number): number {
		const staged = stagedModules(hw, this.otaSlot(hw, systemVersion), systemVersion);
		return typeof staged === 'number' ? staged : judge(hw, staged.slice(0, 1), systemVersion);
	}

	async applyUpdate(hw: Hardware, systemVersion: number): Promise<number> {
		const staged = stagedModules(hw, this.otaSlot(hw, systemVersion), systemVersion);
		if (typeof staged === 'number') return staged;
		const module = staged[0]!;
		const verdict = judge(hw, [module], systemVersion);
		if (verdict < 0) return verdict;
		const length = moduleLength(module) + 4;
		const job: ModuleJob = {
			sourceExternal: false,
			source: module.address,
			destination: module.start,
			length,
			function: module.function,
			flags: SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction,
		};
		if (module.function === ModuleFunction.bootloader) {
			await hw.worker.run(copyModule(hw, job));
			return 0;
		}
		const steps = addJob(hw, job);
		// As in the source: the result stays SYSTEM_ERROR_UNKNOWN when no slot is free.
		if (!steps) return SystemError.unknown;
		await hw.worker.run(steps);
		return 0;
	}

	dfuStorages(hw: Hardware): DfuStorage[] {
		// DFU_MAL_IS_PROTECTED_AREA: bootloader, DCT and EEPROM emulation in front of the firmware.
		const from = hw.region('system-part-1', 0)!.start;
		const writable = (address: number) => address >= from;
		// Looked up once, when the DCT is first asked for: in other parts that have been written since, the functions stand elsewhere.
		let found: string | undefined;
		const reached = () => {
			if (!inScope(rules().overDfu.dctNeedsSystem, hw.platform)) return true;
			const whole = this.#reachesDct(hw);
			const now = whole ? this.#parts(hw).reduce((text, p) => `${text} ${p.flash.u32(p.end)}`, 'whole') : '';
			found ??= now;
			return now !== '' && found === now;
		};
		return hw.platform.alternates.map((alternate) =>
			alternate.storage === 'dct'
				? new DctDfuStorage(alternate, hw.dct, reached)
				: new FlashDfuStorage(alternate, hw.internal, { writable }),
		);
	}

	dfuClass(_hw: Hardware, host: DfuHost): DfuClass {
		return new Stm32DfuFunction(host);
	}

	installed(hw: Hardware): InstalledTruth[] {
		return hw.platform.modules.flatMap((slot) => {
			const region = hw.platform.memory.find((r) => r.name === slot.region);
			const module = region && readModule(hw.internal, region.start, hw.vectors);
			if (!module || !headerFits(hw, module) || module.function !== slot.function) return [];
			const sha = hw.contentSha(module);
			return { function: module.function, index: module.index, version: module.version, valid: crcOk(module), sha256: sha };
		});
	}
}

/** FLASH_isUserModuleInfoValid: claims this address, ends in this flash, is for this platform. */
function headerFits(hw: Hardware, module: FlashModule): boolean {
	return module.start === module.address && module.end <= LAST_ADDRESS && module.platformId === hw.platform.id;
}

/** FLASH_CopyMemory: sector by sector, erase and copy. Nothing when what the flags ask for does not hold. */
function copyModule(hw: Hardware, job: ModuleJob): FlashStep[] {
	const flash = hw.internal;
	if (job.sourceExternal || job.destinationExternal) return [];
	if (!flash.contains(job.source, job.length) || !flash.contains(job.destination, job.length)) return [];
	if (job.flags & (SlotFlag.verifyCrc | SlotFlag.destinationIsStart | SlotFlag.verifyFunction)) {
		const module = readModule(flash, job.source, hw.vectors);
		if (!module || job.length < moduleLength(module) + 4 || module.platformId !== hw.platform.id) return [];
		if (job.flags & SlotFlag.destinationIsStart && module.start !== job.destination) return [];
		if (job.flags & SlotFlag.verifyFunction && module.function !== job.function) return [];
		if (job.flags & SlotFlag.verifyCrc && !crcOk(module)) return [];
	}
	const steps: FlashStep[] = [];
	for (let done = 0; done < job.length; ) {
		const sector = flash.sectorAt(job.destination + done);
		const count = Math.min(sector.start + sector.size - job.destination - done, job.length - done);
		steps.push(...flash.erase(job.destination + done, count));
		steps.push(...flash.program(job.destination + done, flash.read(job.source + done, count)));
		done += count;
	}
	return steps;
}

export const stm32f2: Chip = new Stm32f2();
