import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// The `source` condition makes workspace packages resolve to their TypeScript sources, so a test never runs a stale build.
export default defineConfig({
	resolve: { conditions: ['source'] },
	ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
	test: {
		include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
		// One core is left to others where there are many; with two, half of the machine would stand idle.
		maxWorkers: Math.max(2, availableParallelism() - 1),
		testTimeout: 120_000,
		hookTimeout: 300_000,
	},
});
