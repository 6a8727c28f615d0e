/**
 * The engine in a browser: tests that also run in Node, not one line of them or of the engine changed. What they need of Node comes through the
 * stand-ins in `tests/browser`.
 */
import { dirname, join } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { repositoryFiles } from './tests/browser/repository-files.js';
import { realMbrFile } from './tests/support/nordic-mbr.js';
import { particleCli, particleCliVersions } from './tests/support/real-firmware.js';
import { chromiumArguments, chromiumPath, hasChromium } from './tests/web/chromium.js';

const tests = [
	'packages/{planner,programmer,serial,usb,virtual}/src/**/*.test.ts',
	'packages/image/src/{compose,convert,replace-application,export/export}.test.ts',
	'tests/peers/usb-{every-platform,virtual-devices}.test.ts',
	'tests/scenarios/programming{,-assets,-core,-errors,-ncp,-update}.test.ts',
	'tests/scenarios/{bootloader-over-dfu,file-by-mode,gang,host-limits,restore,worn-flash}.test.ts',
	'tests/scenarios/interruption-{boron-cable,process}.test.ts',
];
const here = hasChromium();

/**
 * A browser cannot run npm: the firmware is fetched before. Vitest reads this file again for its browser, with what stands under `define` in
 * `process.env` by then: what was found first counts.
 */
const found = globalThis as { linacTestFiles?: { firmware: string; mbr: string | undefined } };
found.linacTestFiles ??= {
	firmware: dirname(particleCliVersions.map((version) => particleCli(version))[0]!),
	mbr: realMbrFile(),
};
const { firmware, mbr } = found.linacTestFiles;

const standIn = (name: string) => join(import.meta.dirname, 'tests/browser', name);

export default defineConfig({
	resolve: {
		conditions: ['source'],
		alias: {
			'node:fs': standIn('node-fs.ts'),
			'node:path': standIn('node-path.ts'),
			'node:url': standIn('node-path.ts'),
			'node:child_process': standIn('node-child-process.ts'),
			'@linac/host': standIn('host.ts'),
		},
	},
	// There is no `process` in a browser. What tests and their support read of it is written in; the engine that used it would fail.
	define: {
		'process.env.LINAC_TEST_FIRMWARE': '"/real-firmware"',
		'process.env.LINAC_TEST_MBR': mbr === undefined ? 'undefined' : '"/nrf52840-mbr.hex"',
		'process.env.LINAC_PEERS': 'undefined',
		'process.env.LINAC_SWEEP': 'undefined',
	},
	plugins: [
		repositoryFiles(import.meta.dirname, {
			'/real-firmware': firmware,
			...(mbr === undefined ? {} : { '/nrf52840-mbr.hex': mbr }),
		}),
	],
	test: {
		include: here ? tests : [],
		passWithNoTests: !here,
		exclude: [
			// What these compare with is Node's own, or a program of others.
			'packages/programmer/src/snapshot.test.ts',
		],
		// Thousands of damaged inputs are tried in Node; here each case runs once.
		testNamePattern: /^(?!.*random mutations)/,
		testTimeout: 120_000,
		hookTimeout: 300_000,
		fileParallelism: false,
		isolate: false,
		browser: {
			enabled: true,
			headless: true,
			screenshotFailures: false,
			provider: playwright({ launchOptions: { executablePath: chromiumPath, args: [...chromiumArguments] } }),
			instances: [{ browser: 'chromium' }],
		},
	},
});
