/** The USB package against a virtual device of every platform: what differs between them is data, and the same code serves all. */
import { platforms, releases } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { standInRelease } from '@linac/virtual';
import { describe, expect, it } from 'vitest';
import { lab } from '../support/virtual-lab.js';

// Where no release has modules for a platform (A SoM and X SoM, never sold), there is no bootloader to enter DFU mode with.
// The Core's was put in when it was made.
const withUsb = platforms.filter((p) => p.mcu === 'stm32f1' || releases.some((r) => r.platforms.includes(p.name)));

describe.each(withUsb.map((platform) => ({ name: platform.name, platform })))('$name in DFU mode', ({ platform }) => {
	it('shows the memories that the catalogue knows, keeps what is written, and resets when it is told to leave', async () => {
		const newest = releases.find((r) => r.platforms.includes(platform.name));
		const modules = newest ? standInRelease(platform, newest.version).modules.map((m) => m.module) : [];
		const world = lab(platform.name, { modules });
		const dfu = await world.dfu();
		expect(dfu.alternates.map((a) => a.number)).toEqual(platform.alternates.map((a) => a.number));
		for (const { number, segments } of dfu.alternates) {
			const storage = platform.alternates.find((a) => a.number === number)!.storage;
			const segment = segments.filter((s) => s.writable).at(-1)!;
			const address = segment.end - segment.sectorSize + 100;
			const bytes = Uint8Array.from({ length: Math.min(5000, segment.sectorSize - 200) }, (_, i) => i & 0xff);
			await dfu.write(number, address, bytes, { erase: segment.erasable && storage !== 'dct' });
			expect(equalBytes(await dfu.read(number, address, bytes.length), bytes), `setting ${number}`).toBe(true);
		}
		await dfu.leave();
		expect(world.device.counters.bytesProgrammed).toBeGreaterThan(0);
	});
});
