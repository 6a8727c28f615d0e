/**
 * Typed access to data/rules.json: what must and must not be done with Particle devices, each rule with its source and how sure it
 * is. The planner reads them; nothing here decides. How the planner uses them: docs/plans.md.
 */
import { rulesText } from './generated/rules.js';
import type { McuFamily, Sourced, VersionRange } from './types.js';

export type Confidence = 'code' | 'ran' | 'docs' | 'thread' | 'inference';

/** Which devices a rule is about; without both: all. */
export interface RuleScope {
	platforms?: string[];
	mcus?: McuFamily[];
}

interface RuleBase extends Sourced, RuleScope {
	id: string;
	statement: string;
	confidence: Confidence;
}

export type Rule = RuleBase &
	(
		| { kind: 'permission'; permission: string }
		| { kind: 'never-offer'; releases: string[]; moduleVersions: number[] }
		| { kind: 'never-write'; function: number; index: number }
		| { kind: 'never-downgrade'; functions: number[] }
		| { kind: 'keep-newer'; functions: number[] }
		/** A running system in `system` accepts these modules, and does nothing with them. */
		| { kind: 'not-updated'; functions: number[]; system: VersionRange }
		| { kind: 'protected-floor'; systemFrom: number; bootloaderFrom: number }
		| { kind: 'minimum'; moduleVersion: number; release: string; sku: string; enforced: 'warn' }
		/** From a device whose system is in `installed`, a target in `target` is reached by way of `via`. */
		| {
				kind: 'stepping-stone';
				installed: VersionRange;
				target: VersionRange;
				via: string[];
				/** Only when no order of steps was found without it. */
				onlyIf?: 'bootloader-dependency' | 'no-order';
		  }
		/** A system in `system` hangs with a bootloader in `bootloader`. */
		| { kind: 'bootloader-first'; bootloader: VersionRange; system: VersionRange; otherwise: 'hang' }
		| { kind: 'setup-done'; systemBefore: number; value: number }
		| {
				kind: 'former-slot';
				application: { function: number; index: number };
				former: { function: number; index: number };
				address: number;
				length: number;
				systemFrom: number;
		  }
		| { kind: 'shared-module'; function: number; platformIds: number[] }
		| { kind: 'embedded-bootloader' }
		| { kind: 'application' }
		| { kind: 'note'; severity: 'info' | 'warning'; code: string; when: NoteCondition }
	);

/** All that are given must hold. */
export interface NoteCondition {
	installed?: VersionRange;
	target?: VersionRange;
	direction?: 'downgrade' | 'upgrade';
	withoutApplication?: boolean;
}

/** How a bootloader decides what to start, and what the started system checks (per MCU). */
export interface BootFacts extends Sourced {
	/** The module that the bootloader starts. */
	startModule: { function: number; index: number };
	/** `crc`: header and CRC-32. `header`: the header alone, so a half-written module is started and hangs. */
	judgedBy: 'crc' | 'header';
	/** Bytes at the beginning of a module that hold its header. */
	headBytes: number;
	/** Blanking this makes the start module invalid, in every layout. Internal storage. */
	invalidate: { address: number; length: number };
	/** Bootloaders before this version look for the start module at this address only, or for a second header of it there. */
	olderBootloaders?: { before: number; startAt: number };
	/** Where a bootloader without a system ends. */
	withoutSystem: 'dfu';
	/** System parts whose integrity and dependencies decide between normal and safe mode. */
	checkedDependencies: { function: number; index: number }[];
	/** Systems from this version on take modules by control requests. */
	updateControlFrom: number;
	confidence: Confidence;
	note?: string;
}

/** What happens when the running system is given a bootloader. */
export interface BootloaderUpdateFacts extends Sourced, RuleScope {
	id: string;
	/** `in-place`: power loss meanwhile can only be healed with a debugger. `staged`: it is repeated after a power loss. */
	way: 'in-place' | 'staged';
	/** Staged all the same when the installed bootloader and the running system are both at least so new. */
	unless?: { bootloaderFrom: number; systemFrom: number };
	statement: string;
	confidence: Confidence;
}

/** How Device OS and bootloaders put a module in its place that DFU has only left somewhere (docs/bootloader-over-dfu.md). */
export interface OverDfuFacts {
	/** The byte of the DCT (`Platform.dct.otaFlag`) with which a starting system looks into its slot for updates. */
	otaFlag: Sourced & { set: number; clear: number; systemFrom: number; statement: string; confidence: Confidence };
	/** Platforms for which that is the first choice where everything else goes over DFU too. */
	inOneSession: Sourced & RuleScope & { statement: string; confidence: Confidence };
	/** Platforms whose bootloader reads and writes the DCT with functions of the system parts. */
	dctNeedsSystem: Sourced & RuleScope & { statement: string; confidence: Confidence };
	/** Whether, from where and since which installed bootloader a module slot of the DCT replaces a bootloader. */
	moduleSlot: (Sourced &
		RuleScope & {
			id: string;
			possible: boolean;
			/** Where the new bootloader is left. */
			storage?: 'internal' | 'external';
			/** Region whose start stands in the slot as destination instead of the bootloader's own. */
			through?: string;
			bootloaderFrom?: number;
			statement: string;
			confidence: Confidence;
		})[];
}

/** A row of Particle's file by mode table. Notes are numbers from 1. */
export interface FileByModeRow {
	file: string;
	/** Which component of a platform it is, where not every platform has it. */
	component?: 'softDevice' | 'ncp';
	/** `All` or `Gen 3`. */
	generation: string;
	listening: { works: boolean; note?: number };
	dfu: { works: boolean; note?: number };
	/** How linac sends it: what of `rows`. */
	linac: 'control' | 'dfu';
	/** Where that is not all of it: which of the notes, from 1 on. */
	linacNote?: number;
}

export interface Rules {
	format: 'linac-rules/1';
	boot: Record<McuFamily, BootFacts>;
	bootloaderUpdate: BootloaderUpdateFacts[];
	overDfu: OverDfuFacts;
	rules: Rule[];
	fileByMode: Sourced & {
		/** What linac does. */
		rows: { what: string; by: string; modes: string[]; why: string }[];
		/** Particle's own table, with its notes in other words. */
		table: Sourced & { rows: FileByModeRow[]; notes: string[] };
	};
}

let parsed: Rules | undefined;

/** All rules, parsed once. */
export function rules(): Rules {
	parsed ??= JSON.parse(rulesText) as Rules;
	return parsed;
}

export function inScope(scope: RuleScope, platform: { name: string; mcu: McuFamily }): boolean {
	if (scope.platforms && !scope.platforms.includes(platform.name)) return false;
	if (scope.mcus && !scope.mcus.includes(platform.mcu)) return false;
	return true;
}

const found = new Map<string, Rule[]>();

/** The rules of one kind that are about this platform. */
export function rulesOf<K extends Rule['kind']>(
	kind: K,
	platform: { name: string; mcu: McuFamily },
): readonly Extract<Rule, { kind: K }>[] {
	const key = `${kind} ${platform.name}`;
	let list = found.get(key);
	if (!list) {
		list = rules().rules.filter((r) => r.kind === kind && inScope(r, platform));
		found.set(key, list);
	}
	return list as Extract<Rule, { kind: K }>[];
}
