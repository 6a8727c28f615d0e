import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, those with a browser among others. */
const longest = [
	'web/hex',
	'usb-lab/quick',
	'web/restore',
	'scenarios/export-dfu-util',
	'web/releases',
	'scenarios/cli-with-lab',
	'web/try-identify',
	'peers/srecord',
	'web/inspect',
	'scenarios/cli-doctor',
	'web/faults',
	'src/parse-module',
	'web/troubles',
	'scenarios/planner-all-pairs',
	'web/smoke',
	'read/read-image',
	'web/offline',
];

/** They begin first, so that no core stands idle while the last one ends: how long files take vitest knows only where it has run before. */
class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const place = ({ moduleId }: TestSpecification) => longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
		const sorted = await super.sort(files);
		const first = sorted.filter((f) => place(f) >= 0).sort((a, b) => place(a) - place(b));
		return [...first, ...sorted.filter((f) => place(f) < 0)];
	}
}

// The `source` condition makes workspace packages resolve to their TypeScript sources, so a test never runs a stale build.
export default defineConfig({
	resolve: { conditions: ['source'] },
	ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
	test: {
		include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/**/*.test.ts'],
		// One core is left to others where there are many; with two, half of the machine would stand idle.
		maxWorkers: Math.max(2, availableParallelism() - 1),
		// Files share what they import: loading it anew for each made the whole run a quarter longer. So no test may change what a module holds.
		isolate: false,
		testTimeout: 120_000,
		hookTimeout: 300_000,
		sequence: { sequencer: LongestFirst },
	},
});
