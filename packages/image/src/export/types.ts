/** The nouns of an export: a folder with images and scripts for somebody else's programmer, described in docs/export.md. */
import type { ProgrammingTool, ReleaseSet, SourcedModule } from '@linac/catalog';
import type { Digests, Problem } from '@linac/core';
import type { ComposedImage } from '../types.js';

/** A file of the folder. `path` is relative, with slashes. */
export interface ExportedFile {
	path: string;
	bytes: Uint8Array;
	/** A script that a shell runs. */
	executable?: boolean;
}

/** A field of the settings of one unit. It is always a file: what is secret is never in a script. */
export interface DctField {
	/** Byte offset in the DCT. */
	offset: number;
	bytes: Uint8Array;
	/** Lower-case letters, digits and dashes: it becomes the name of the file. */
	name: string;
}

export interface ExportOptions {
	release: ReleaseSet;
	/** Judged by whoever composes. Absent: boards start in safe mode and wait for one. */
	application?: SourcedModule;
	/** The whole image; needed for all tools but dfu-util, which writes module by module. */
	composed?: ComposedImage;
	/** Set over DFU; of no use with the other tools. */
	dct?: readonly DctField[];
	digests?: Digests;
}

/** One call of dfu-util. */
export interface DfuWrite {
	title: string;
	/** Alternate setting. */
	alternate: number;
	/** As dfu-util takes it: on nRF52840's external flash with 0x80000000 added. */
	address: number;
	path: string;
	bytes: Uint8Array;
	/** The device leaves DFU mode afterwards, and starts. */
	leave: boolean;
}

/** All that is written between one entry into DFU mode and one restart. */
export interface DfuPass {
	writes: DfuWrite[];
	/** The module that Device OS puts in its place after this pass, and where it can be read back then. */
	applies?: { slot: string; alternate: number; address: number; path: string; length: number };
}

export interface DfuPasses {
	passes: DfuPass[];
	notes: Problem[];
}

/** What a maker of scripts adds to the folder. */
export interface ExportDraft {
	/** Images and whatever the scripts read, without scripts. */
	files: ExportedFile[];
	script: Script;
	/** Exact commands for the operator, one a line, for a shell. */
	commands: string[];
	need: string[];
	goodRun: string[];
	trouble: [sign: string, remedy: string][];
	notes: Problem[];
	/** For the manifest. */
	passes?: DfuPass[];
}

export interface ScriptVariable {
	name: string;
	/** Value where the environment has none. */
	value: string;
	/** In Windows, where it differs. */
	cmdValue?: string;
	meaning: string;
}

export interface ScriptStep {
	title: string;
	/** Commands of a POSIX shell; the last one's status counts. */
	sh: string;
	/** Commands of Windows' cmd; ERRORLEVEL counts. */
	cmd: string[];
	/** What the operator does when it fails. */
	failed: string;
	/** Where a script may be begun in the middle, with the variable PASS: the part that the step belongs to, from 1. */
	pass?: number;
}

/** One procedure, told twice: for sh and for Windows' cmd. */
export interface Script {
	title: string;
	variables: ScriptVariable[];
	/** Definitions in front of the steps. */
	sh: string[];
	/** Subroutines behind the end, each beginning with a label and ending with `exit /b`. */
	cmd: string[];
	/** Name of the variable that holds the program. */
	program: string;
	/** How to get the program. */
	install: string;
	steps: ScriptStep[];
	done: string[];
}

export interface ExportManifest {
	format: 'linac-export/1';
	tool: ProgrammingTool;
	platform: string;
	version: string;
	moduleVersion: number;
	application?: { version: number; sha256: string };
	/** With dfu-util: what is written where, in order. */
	passes?: {
		applies?: { slot: string; alternate: number; address: number; path: string; length: number };
		writes: { alternate: number; address: number; path: string; length: number; leave: boolean }[];
	}[];
	files: { path: string; size: number; sha256: string }[];
}
