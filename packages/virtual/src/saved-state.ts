/** Everything of a device that outlives its power, as JSON: contents of the flashes, id, NCP version. */
import { assert, bad, fromHex, good, type Json, problem, type Verdict } from '@linac/core';
import type { FlashModel } from './flash-model.js';
import type { Hardware } from './hardware.js';

const FORMAT = 'linac-virtual-device/1';

export interface SavedState {
	format: typeof FORMAT;
	platform: number;
	deviceId: string;
	ncpVersion: number | null;
	knownSoftDevices: string[];
	/** UICR NRFFW[1]; absent in states that were saved before it was kept. */
	mbrParameterPage?: number;
	/** Storage -> address in hex -> base64 of what stands there. */
	flash: { [storage: string]: { [address: string]: string } };
}

declare function btoa(text: string): string;
declare function atob(text: string): string;

export function save(hw: Hardware, deviceId: string): SavedState {
	const flash: SavedState['flash'] = {};
	for (const [name, model] of storages(hw)) {
		const pieces: { [address: string]: string } = {};
		for (const { address, bytes } of model.used()) pieces[address.toString(16)] = btoa(String.fromCharCode(...bytes));
		flash[name] = pieces;
	}
	return {
		format: FORMAT,
		platform: hw.platform.id,
		deviceId,
		ncpVersion: hw.ncpVersion ?? null,
		knownSoftDevices: [...hw.knownSoftDevices],
		mbrParameterPage: hw.mbrParameterPage,
		flash,
	};
}

/** Reads saved state; refuses what is not one, or is of another platform. */
export function parseState(input: Uint8Array | Json, platformId: number): Verdict<SavedState> {
	let value: unknown = input;
	if (input instanceof Uint8Array) {
		try {
			value = JSON.parse(new TextDecoder().decode(input));
		} catch {
			return bad(
				problem('STATE_UNREADABLE', 'The saved state of the virtual device is not JSON. Delete it to start with a new device.'),
			);
		}
	}
	const state = value as Partial<SavedState> | null;
	if (
		state?.format !== FORMAT ||
		typeof state.flash !== 'object' ||
		typeof state.deviceId !== 'string' ||
		!fromHex(state.deviceId)
	) {
		return bad(
			problem('STATE_UNREADABLE', `The saved state is not in the form ${FORMAT}. Delete it to start with a new device.`),
		);
	}
	if (state.platform !== platformId) {
		const found = state.platform ?? null;
		return bad(
			problem('STATE_OF_OTHER_PLATFORM', `The saved state is of platform ${found}, the device is platform ${platformId}.`, {
				field: 'platform',
				expected: platformId,
				found,
			}),
		);
	}
	return good(state as SavedState);
}

export function restore(hw: Hardware, state: SavedState): void {
	for (const [name, model] of storages(hw)) {
		model.clear();
		for (const [address, text] of Object.entries(state.flash[name] ?? {})) {
			const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
			const at = Number.parseInt(address, 16);
			assert(model.contains(at, bytes.length), `saved state outside ${name} flash`);
			model.put(at, bytes);
		}
	}
	hw.ncpVersion = state.ncpVersion ?? undefined;
	if (state.mbrParameterPage !== undefined) hw.mbrParameterPage = state.mbrParameterPage;
	for (const hash of state.knownSoftDevices) hw.knownSoftDevices.add(hash);
}

function storages(hw: Hardware): [string, FlashModel][] {
	const out: [string, FlashModel][] = [['internal', hw.internal]];
	if (hw.external) out.push(['external', hw.external]);
	if (hw.dct.flash !== hw.internal) out.push(['dct', hw.dct.flash]);
	return out;
}
