/**
 * Typed access to data/swd.json: how devices are reached by SWD, with which programmers, and what must never be erased. Facts only: the
 * tables for people are made in matrix.ts, scripts for programmers in `@linac/image`.
 */
import { swdText } from './generated/swd.js';
import type { McuFamily, Platform, Sourced } from './types.js';

/** Microcontrollers that have an SWD entry: all but the Core's. */
export type SwdMcu = Exclude<McuFamily, 'stm32f1'>;

export interface SwdProgrammer extends Sourced {
	name: string;
	probe: 'cmsis-dap' | 'jlink' | 'stlink';
	works: Readonly<Record<SwdMcu, boolean>>;
	notes: Readonly<Partial<Record<SwdMcu, string>>>;
}

/** Programs that somebody may program boards with, and that `linac export` writes scripts for. */
export type ProgrammingTool = 'dfu-util' | 'openocd' | 'jlink' | 'nrfjprog' | 'stm32cubeprogrammer';

export interface ProgrammingToolFacts extends Sourced {
	name: string;
	over: 'usb' | 'swd';
	mcus: readonly McuFamily[];
	/** Name of the program in a shell and in Windows. */
	programs: { sh: string; cmd: string };
	/** Why it cannot be used where it cannot, in whole sentences. */
	whyNot: string;
}

export interface SwdMcuFacts extends Sourced {
	/** OpenOCD's file for the chip; absent where it has none. */
	openocdTarget?: string;
	/** The chip's name in J-Link Commander; absent where it is not known. */
	jlinkDevice?: string;
	/** Column of the programmer table: `Gen 2`, `Gen 3`, `RTL872x`. */
	title: string;
	/** What erasing the whole chip does: nothing bad, loses keys and settings, or ends the device. */
	chipErase: 'safe' | 'loses-settings' | 'never';
	/** What must never be erased, and why, in whole sentences. */
	neverErase: string;
	/** Addresses that an image must leave alone; `end` is exclusive. */
	hole?: { start: number; end: number };
}

export interface SwdConnector extends Sourced {
	name: string;
	pins: string;
}

/** The mode that a device has to be in. */
export interface SwdMode extends Sourced {
	name: string;
	why: string;
	how: string;
	/** Ways without it; may be empty. */
	otherwise: string;
}

export interface SwdDevice extends Sourced {
	id: string;
	title: string;
	platforms: readonly string[];
	access: string;
	connector: string;
	swdio: string;
	swclk: string;
	reset: string;
	mode: 'dfu' | 'any';
	notes: readonly string[];
}

interface SwdFacts {
	format: 'linac-swd/1';
	programmers: readonly SwdProgrammer[];
	tools: Readonly<Record<ProgrammingTool, ProgrammingToolFacts>>;
	mcus: Readonly<Record<SwdMcu, SwdMcuFacts>>;
	connectors: Readonly<Record<string, SwdConnector>>;
	modes: Readonly<Record<SwdDevice['mode'], SwdMode>>;
	devices: readonly SwdDevice[];
}

let parsed: SwdFacts | undefined;

/** All of data/swd.json, parsed once. */
export function swdFacts(): SwdFacts {
	parsed ??= JSON.parse(swdText) as SwdFacts;
	return parsed;
}

/** The devices of a platform, in the order of the data: one, or none (Core), or two where the same platform is sold as module and in a case (Tracker). */
export function swdDevices(platform: Pick<Platform, 'name'>): SwdDevice[] {
	return swdFacts().devices.filter((d) => d.platforms.includes(platform.name));
}

/** What holds for every device with this microcontroller. Undefined for the Core. */
export function swdMcuFacts(platform: Pick<Platform, 'mcu'>): SwdMcuFacts | undefined {
	return platform.mcu === 'stm32f1' ? undefined : swdFacts().mcus[platform.mcu];
}

export const programmingTools: readonly ProgrammingTool[] = ['dfu-util', 'openocd', 'jlink', 'nrfjprog', 'stm32cubeprogrammer'];

/** What is known of a program. */
export function toolFacts(tool: ProgrammingTool): ProgrammingToolFacts {
	return swdFacts().tools[tool];
}

/** The programs that can be used with a platform. */
export function toolsFor(platform: Pick<Platform, 'mcu'>): ProgrammingTool[] {
	return programmingTools.filter((tool) => toolFacts(tool).mcus.includes(platform.mcu));
}
