/**
 * Applications that can have assets, for tests: Particle's own where one is published for Device OS 5.5.0 or newer (Tracker M, M SoM), and
 * elsewhere stand-ins with the addresses, numbers and dependencies of a real one.
 */
import { platformByName, regionOf } from '@linac/catalog';
import { seededRandom } from '@linac/core';
import { createModule } from '@linac/firmware';
import { realTinker } from './real-firmware.js';

export const realAssetApplications = ['trackerm', 'msom'] as const;

/** An application for a platform that keeps assets; its body is noise of this size. */
export function assetApplication(name: string, options: { size?: number; needs?: number } = {}): Uint8Array {
	const platform = platformByName(name)!;
	const rtl = platform.mcu === 'rtl872x';
	const region = regionOf(platform, rtl ? 'user-part-1' : 'user-part-2')!;
	return createModule({
		platformId: platform.id,
		function: 5,
		index: rtl ? 1 : 2,
		version: 6,
		body: seededRandom(platform.id).bytes(options.size ?? 20_000),
		dependencies: [{ function: 4, index: 1, version: options.needs ?? 5501 }],
		...(rtl ? { end: region.end - 4, align: 4096, suffix: 'dynamic' as const } : { start: region.start }),
	});
}

export function realAssetApplication(name: (typeof realAssetApplications)[number]): Uint8Array {
	return realTinker(name, '3.51.0');
}
