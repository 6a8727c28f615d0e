/** The whole USB lab: `npm run test:lab`. One guest at a time, because each wants both cores of a small machine. */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

// Seen by the tests, and by the reporter, which runs in this process.
process.env.LINAC_LAB_RESULTS ??= join(import.meta.dirname, 'node_modules/.cache/linac-usb-lab-results');

export default defineConfig({
	...base,
	test: {
		...base.test,
		include: ['tests/usb-lab/*.lab.ts'],
		fileParallelism: false,
		// Each file has a guest of its own, and nothing of the file before.
		isolate: true,
		testTimeout: 900_000,
		hookTimeout: 600_000,
		reporters: ['default', './tests/usb-lab/compatibility-reporter.ts'],
	},
});
