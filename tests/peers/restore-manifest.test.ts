/** Our restore manifests against Particle's binary-version-reader, which writes the published ones, on every real module. */
import { createRequire } from 'node:module';
import { parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { restoreManifest } from '@linac/image';
import { expect, test } from 'vitest';
import { particleCliVersions, realFiles } from '../support/real-firmware.js';

interface Parsed {
	prefixInfo: object;
	suffixInfo: object;
}
const { HalModuleParser } = createRequire(import.meta.url)('binary-version-reader') as {
	HalModuleParser: new () => { parseBuffer(options: { fileBuffer: Buffer }): Promise<Parsed> };
};

test.each(particleCliVersions)(
	'every module of particle-cli %s has the entry that binary-version-reader gives it',
	async (version) => {
		let compared = 0;
		for (const { name, bytes } of realFiles(version)) {
			const parsed = parseModule(bytes, { digests: nodeDigests });
			// Padded images of 2014 are read from their end by the other; there is no suffix there.
			if (!parsed.ok || !parsed.value.sound || parsed.value.trailing.length > 0) continue;
			const theirs = await new HalModuleParser().parseBuffer({ fileBuffer: Buffer.from(bytes) });
			const source = { slot: 'module', origin: name, module: parsed.value, sha256: '' };
			const expected = JSON.stringify({ module: { prefixInfo: theirs.prefixInfo, suffixInfo: theirs.suffixInfo } }, null, 2);
			expect(restoreManifest([{ name: 'module', source }], 'extended'), name).toBe(expected);
			compared++;
		}
		expect(compared).toBeGreaterThan(10);
	},
);
