/** What a look at a device found, as the page shows it. */
import { type Platform, slotLabel } from '@linac/catalog';
import { type DeviceSnapshot, diagnose, type Finding } from '@linac/planner';

export interface ModuleRow {
	name: string;
	version: number;
	/** Found whole and in its place: by the device itself, or by reading it back. */
	valid: boolean;
	/** Bytes, where it is known. */
	size?: number;
	/** SHA-256 of what stands in flash, hex, where it was read or told. */
	sha256?: string;
}

export interface DeviceState {
	platform: string;
	displayName: string;
	deviceId?: string;
	mode: DeviceSnapshot['mode'];
	osVersion?: string;
	/** `reported`: what the running system says of itself; `read`: read back from flash. */
	depth: DeviceSnapshot['depth'];
	/** Absent when the device does not tell them. */
	modules?: ModuleRow[];
	findings: Finding[];
}

export function stateOf(device: DeviceSnapshot, platform: Platform): DeviceState {
	const { deviceId, mode, osVersion, depth, modules } = device;
	return {
		platform: platform.name,
		displayName: platform.displayName,
		...(deviceId === undefined ? {} : { deviceId }),
		mode,
		...(osVersion === undefined ? {} : { osVersion }),
		depth,
		...(modules === undefined
			? {}
			: {
					modules: modules.map((m) => ({
						name: slotLabel(platform, m),
						version: m.version,
						valid: m.valid,
						...(m.size === undefined ? {} : { size: m.size }),
						...(m.contentSha256 === undefined ? {} : { sha256: m.contentSha256 }),
					})),
				}),
		findings: diagnose(device, platform),
	};
}
