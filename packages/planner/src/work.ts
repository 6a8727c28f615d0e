/** What is to be done, before it has an order, and the steps before they have numbers. The order: order.ts, update-drafts.ts. */
import type { AssetDecision } from './assets.js';
import type { Decision } from './decisions.js';
import type { DeviceModel } from './model.js';
import type { BootloaderWay, PendingUpdate, StepAction } from './types.js';
import type { Wanted } from './wanted.js';

/** A step before it is numbered, estimated and described. */
export interface Draft {
	action: StepAction;
	title: string;
	because: string[];
	wanted?: Wanted;
	from?: number;
	needs: string[];
}

/** The module of a step, for its draft. */
export function aboutOf(d: Decision): Pick<Draft, 'wanted' | 'from'> {
	return { wanted: d.wanted, ...(d.from === undefined ? {} : { from: d.from }) };
}

export interface Work {
	model: DeviceModel;
	/** Decisions of need `write` or `prove`. */
	decisions: Decision[];
	/** Assets to send, in this order. */
	assets: readonly AssetDecision[];
	/** Something has to be read back in DFU, whether anything is written or not. */
	compare: boolean;
	/** Every wanted module, also those that stay as they are. */
	wanted: ReadonlyMap<string, Wanted>;
	/** The setup-done byte has to be set. */
	setupDone: { offset: number; value: number; why: string } | undefined;
	/** Version of the system in the end, for memory maps. */
	systemVersion: number | undefined;
	/** How modules that DFU cannot put in their place get there. Undefined: nobody has asked for a way, and the order chooses (one-session.ts), else `control`. */
	way: BootloaderWay | undefined;
	/** Orders that stand in the DCT now. */
	pending: readonly PendingUpdate[];
}
