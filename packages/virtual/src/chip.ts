/**
 * What differs between the chips: how a device starts, how an update is staged and applied, what stands behind DFU. One implementation each:
 * chip-nrf52840.ts, chip-stm32f2.ts, chip-rtl872x.ts, chip-stm32f1.ts.
 */
import type { ParsedModule } from '@linac/firmware';
import type { DfuClass, DfuHost } from './dfu-function.js';
import type { DfuStorage } from './dfu-storage.js';
import type { FlashModule, InstalledTruth } from './flash-modules.js';
import type { Hardware } from './hardware.js';

export type BootOutcome =
	| { runs: 'dfu'; why: string }
	/** `crashes`: Device OS begins and fails, again and again, which its LED tells. Else nothing at all runs. */
	| { runs: 'dead'; why: string; crashes?: true }
	/** The bootloader or Device OS has changed something and starts again. */
	| { runs: 'again'; why: string }
	| { runs: 'system'; systemVersion: number; safe: boolean; listening: boolean; why: string };

/** Numbers of services/inc/system_error.h that this model answers with. */
export const SystemError = {
	unknown: -100,
	notSupported: -120,
	notAllowed: -130,
	invalidState: -210,
	outOfRange: -290,
	badData: -280,
	noMemory: -260,
	noSpace: -1911,
	flashIo: -219,
	otaModuleNotFound: -1300,
	otaUnsupportedModule: -1310,
	otaValidationFailed: -1320,
	otaIntegrityCheckFailed: -1330,
	otaDependencyCheckFailed: -1340,
	otaInvalidAddress: -1350,
	otaInvalidSize: -1351,
	otaInvalidPlatform: -1360,
	otaInvalidFormat: -1370,
} as const;

/** Where the running system stages an update. */
export interface OtaSlot {
	storage: 'internal' | 'external';
	start: number;
	size: number;
}

export interface Chip {
	/** Puts modules into a blank device, the way the factory or a debugger would. */
	manufacture(hw: Hardware, modules: readonly ParsedModule[], setupDone: boolean): void;
	/** One start after a reset, until something runs or the device resets itself again. */
	boot(hw: Hardware): Promise<BootOutcome>;
	dfuStorages(hw: Hardware): DfuStorage[];
	dfuClass(hw: Hardware, host: DfuHost): DfuClass;
	otaSlot(hw: Hardware, systemVersion: number): OtaSlot;
	/** 0 or a negative `SystemError`: would the update in the slot be applied? */
	validateUpdate(hw: Hardware, systemVersion: number, length: number): number;
	/** Does with the update in the slot what Device OS does. 0 or a negative `SystemError`. */
	applyUpdate(hw: Hardware, systemVersion: number, length: number): Promise<number>;
	/** Ground truth from the flash, with nothing trusted that a header says. */
	installed(hw: Hardware): InstalledTruth[];
	/** The application that firmware of this version runs: whole, and with what it needs. */
	application(hw: Hardware, systemVersion: number): FlashModule | undefined;
	/** The bootloader's own version, from flash. */
	bootloaderVersion(hw: Hardware): number;
}
