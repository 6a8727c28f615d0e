/**
 * Asks macOS which USB devices it sees (`system_profiler SPUSBDataType -json`), and looks for their serial ports. Written from the
 * documentation of system_profiler; linac has not been run on macOS.
 */
import { readdirSync } from 'node:fs';
import type { MacObservations, SeenUsbDevice } from './observations.js';
import { type RunProgram, runProgram } from './observe-windows.js';

const ASK_MS = 30_000;

export async function observeMacos(run: RunProgram = runProgram): Promise<MacObservations> {
	const serialPorts = serialPortsOf();
	try {
		const answer = await run('/usr/sbin/system_profiler', ['SPUSBDataType', '-json'], ASK_MS);
		return { system: 'macos', devices: macDevices(answer), serialPorts };
	} catch (error) {
		return { system: 'macos', devicesError: error instanceof Error ? error.message : String(error), serialPorts };
	}
}

function serialPortsOf(): string[] {
	try {
		return readdirSync('/dev')
			.filter((name) => name.startsWith('cu.usbmodem'))
			.map((name) => `/dev/${name}`)
			.sort();
	} catch {
		return [];
	}
}

/** The tree of controllers, hubs and devices as a list. Ids are written `0x2b04  (Particle)`, or `apple_vendor_id` for Apple's own. */
export function macDevices(answer: string): SeenUsbDevice[] {
	const found: SeenUsbDevice[] = [];
	const visit = (nodes: unknown): void => {
		if (!Array.isArray(nodes)) return;
		for (const node of nodes as Record<string, unknown>[]) {
			const vendorId = idOf(node.vendor_id);
			const productId = idOf(node.product_id);
			if (vendorId !== undefined && productId !== undefined) {
				found.push({
					vendorId,
					productId,
					...(typeof node._name === 'string' ? { product: node._name } : {}),
					...(typeof node.serial_num === 'string' ? { serialNumber: node.serial_num } : {}),
					hub: Array.isArray(node._items) || /\bhub\b/i.test(String(node._name)),
				});
			}
			visit(node._items);
		}
	};
	visit((JSON.parse(answer) as Record<string, unknown>).SPUSBDataType);
	return found;
}

function idOf(value: unknown): number | undefined {
	const found = /^0x([0-9a-f]{1,4})\b/i.exec(String(value ?? ''));
	return found ? Number.parseInt(found[1]!, 16) : undefined;
}
