// The direction of the house: apps -> programmer -> planner -> catalog -> firmware -> core; usb stands beside the planner.
// host and virtual implement seams: only apps and tests import them. Read docs/architecture.md before changing a rule.
const room = (name) => `^packages/${name}/src/`;
const test = '\\.test\\.ts$';
const only = (name, allowed) => ({
	name: `${name}-imports-only-what-is-below`,
	comment: `packages/${name} may import: ${allowed.join(', ') || 'nothing'}`,
	severity: 'error',
	from: { path: room(name), pathNot: test },
	to: { path: '^(packages|apps|tests|bench)/', pathNot: [room(name), ...allowed.map(room)] },
});

module.exports = {
	forbidden: [
		only('core', []),
		only('firmware', ['core']),
		only('catalog', ['core', 'firmware']),
		only('planner', ['core', 'firmware', 'catalog']),
		only('image', ['core', 'firmware', 'catalog', 'planner']),
		only('usb', ['core', 'firmware', 'serial']),
		only('serial', ['core']),
		only('programmer', ['core', 'firmware', 'catalog', 'planner', 'usb', 'serial']),
		only('virtual', ['core', 'firmware', 'catalog', 'usb', 'serial']),
		only('host', ['core', 'firmware', 'catalog', 'usb', 'serial']),
		{
			name: 'universal-code-needs-no-node',
			comment: 'Everything below host and apps runs in a browser too.',
			severity: 'error',
			from: {
				path: '^(packages/(core|firmware|catalog|planner|image|usb|serial|programmer|virtual)|apps/web)/src/',
				pathNot: test,
			},
			to: { dependencyTypes: ['core'] },
		},
		{
			name: 'the-web-app-stands-on-the-packages-alone',
			severity: 'error',
			from: { path: '^apps/web/src/' },
			to: { path: '^(packages/host|apps/cli)/' },
		},
		{ name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
		{
			name: 'nothing-unresolved',
			severity: 'error',
			from: { pathNot: test },
			to: { couldNotResolve: true },
		},
		{
			name: 'sources-do-not-import-tests',
			severity: 'error',
			from: { path: '^(packages|apps)/', pathNot: test },
			to: { path: test },
		},
		{
			name: 'packages-do-not-import-apps',
			severity: 'error',
			from: { path: '^packages/' },
			to: { path: '^apps/' },
		},
	],
	options: {
		doNotFollow: { path: 'node_modules' },
		exclude: { path: '(^|/)(dist|node_modules)/|^apps/cli/bundle/|^apps/web/types/' },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: 'tsconfig.base.json' },
		enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default'], exportsFields: ['exports'] },
	},
};
