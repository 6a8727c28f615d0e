/** What a running job says, and what it says at the end. Plain JSON. */
import type { EventBase, Json } from '@linac/core';
import type { DeviceSnapshot, FileVerdict, Plan } from '@linac/planner';
import type { BackupRecord } from './backup/contents.js';

export type JobEvent = EventBase &
	(
		| { type: 'job-started'; plan: Plan; deviceId?: string }
		| { type: 'step-started'; step: string; title: string; index: number; count: number }
		/** `done` and `total` in bytes, never going back; `what` is what is happening to them. `fraction` (0 ... 1) and `leftMs` are of the whole job. */
		| {
				type: 'progress';
				step: string;
				what: 'erase' | 'write' | 'read-back' | 'send';
				done: number;
				total: number;
				fraction: number;
				leftMs: number;
		  }
		| { type: 'step-skipped'; step: string; reason: string }
		| { type: 'step-finished'; step: string; ms: number; evidence?: Json }
		| { type: 'retry'; step: string; code: string; message: string; attempt: number; of: number }
		/** `hint` is what a person should do, in whole sentences. */
		| { type: 'waiting'; step: string; for: string; hint?: string }
		| { type: 'note'; message: string }
		/** What is on the device is read and kept, before anything is changed. `file`: where; `earlier`: a backup from before that is worth knowing. */
		| { type: 'backup-started' }
		| { type: 'backup-finished'; ms: number; file?: string; earlier?: string; notes: string[] }
		| { type: 'job-finished'; outcome: Outcome }
	);

/** `verified`: what was read back equals the plan. `already`: it did so before anything was written. */
export type Outcome = 'verified' | 'already' | 'failed' | 'cancelled';

export interface EvidenceRow {
	slot: string;
	/** Name of the asset, where `slot` is `asset`. `valid` of before and after says then whether it is the very same, by SHA-256. */
	asset?: string;
	function: number;
	index: number;
	before?: { version: number; valid: boolean };
	after?: { version: number; valid: boolean };
	expected?: { version: number };
	/** How it was proved. */
	proof: 'read-back-sha256' | 'device-hash' | 'copy-read-back-sha256' | 'reported-version' | 'none';
	sha256?: string;
	ok: boolean;
	/** Why what is there stays, although the release has another module or other bytes. */
	note?: string;
}

export interface Report {
	format: 'linac-report/1';
	outcome: Outcome;
	planId: string;
	platform: string;
	deviceId?: string;
	before: DeviceSnapshot;
	after?: DeviceSnapshot;
	evidence: EvidenceRow[];
	files: FileVerdict[];
	steps: { id: string; title: string; result: 'done' | 'skipped' | 'failed' | 'not-reached'; ms: number; reason?: string }[];
	error?: { code: string; message: string; hint?: string; retry: string };
	/** Where what was on the device before is kept. Absent when nothing was changed, or no backup was wanted. */
	backup?: BackupRecord;
	/** Milliseconds, and bytes that crossed the wire. */
	ms: number;
	bytesWritten: number;
	bytesRead: number;
}
