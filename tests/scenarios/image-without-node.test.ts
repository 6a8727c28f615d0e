/**
 * Images need no Node: the library is bundled as for a web page and run where there is nothing but the language and what every browser has
 * (no `process`, no `Buffer`, no `require`: using one would throw). The
 * files that come out are those of Node, byte for byte.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createContext, Script } from 'node:vm';
import { writeIntelHexBytes } from '@linac/firmware';
import { restoreZip } from '@linac/image';
import { build, type Rollup } from 'vite';
import { beforeAll, expect, test } from 'vitest';
import { standInMbr } from '../support/nordic-mbr.js';
import { applicationFor, realImage, realRelease } from '../support/release-files.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = '\0entry';

/** What a page would do: everything from module files to a hex, a zip, a map and a verdict. */
const page = `
import { asPlatform, checkRelease } from '@linac/catalog';
import { parseModule, writeIntelHexBytes } from '@linac/firmware';
import { buildDct, composeImage, openApplicationFile, openImage, restoreZip, verifyImage } from '@linac/image';
import { portableDigests } from '@linac/core';
const value = (v) => { if (!v.ok) throw new Error(v.problems.map((p) => p.message).join(' ')); return v.value; };
globalThis.make = (name, version, files, app, mbr) => {
	const platform = asPlatform(name);
	const release = value(checkRelease(files, { platform, version, source: 'page' }));
	const around = { platform, moduleVersion: release.moduleVersion, name: version, modules: release.modules.map((m) => m.module.prefix) };
	const application = value(openApplicationFile({ name: 'app.bin', bytes: app }, around, portableDigests));
	const composed = value(composeImage({ platform, release, application, mbr, allowUnknownMbr: true }));
	const hex = writeIntelHexBytes(composed.image);
	const { reading } = value(openImage('made.hex', hex));
	const verdict = verifyImage(reading, { allow: ['unknown-mbr'] });
	return { hex, zip: restoreZip(release, application).zip, boots: verdict.boots, ok: verdict.ok, dct: buildDct(platform, release.moduleVersion, {}).ok };
};
`;

let code: string;
beforeAll(async () => {
	const result = (await build({
		root,
		configFile: false,
		logLevel: 'error',
		resolve: { conditions: ['source', 'browser', 'import', 'default'] },
		plugins: [
			{ name: 'entry', resolveId: (id) => (id === entry ? id : undefined), load: (id) => (id === entry ? page : undefined) },
		],
		build: { write: false, minify: false, target: 'es2022', rollupOptions: { input: entry, output: { format: 'iife' } } },
	})) as Rollup.RollupOutput;
	code = result.output[0].code;
});

test.each([
	['boron', '4.0.1'],
	['photon', '2.2.0'],
	['electron', '1.5.2'],
])('the files for %s %s are the same as in Node', (platform, version) => {
	const context = createContext({ TextEncoder, TextDecoder, performance });
	new Script(code).runInContext(context);
	const release = realRelease(platform, version);
	const application = applicationFor(platform, version);
	const files = release.modules.map((m) => ({ name: m.origin, bytes: m.module.bytes }));
	const mbr = standInMbr();
	const make = context.make as (...args: unknown[]) => { hex: Uint8Array; zip: Uint8Array; boots: string; ok: boolean };
	const made = make(platform, version, files, application.module.bytes, mbr);
	const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
	expect(sha256(made.hex)).toBe(
		sha256(writeIntelHexBytes(realImage(platform, version, platform === 'boron' ? { mbr } : {}).image)),
	);
	expect(sha256(made.zip)).toBe(sha256(restoreZip(release, application).zip));
	expect([made.ok, made.boots]).toEqual([true, 'normal']);
});
