/** `linac inspect`: what firmware files are, whether they are sound, and what they need. Needs no device and no network. */
import { platformById, releaseByModuleVersion, releaseRunsText } from '@linac/catalog';
import { address, type Problem } from '@linac/core';
import {
	dependencyLabel,
	flagWords,
	type InspectedInput,
	type InspectedModule,
	type InspectJson,
	inspectInput,
	type ModuleDependency,
	ModuleFunction,
	moduleLabel,
	type ParsedModule,
	toInspectJson,
} from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { runsOn } from '@linac/planner';
import type { Context } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNames } from '../facts.js';
import { count, formatBytes } from '../format.js';
import { readInputs } from '../inputs.js';
import type { Output } from '../output.js';

interface Result {
	file: string;
	/** Undefined when there is no module in it. */
	input?: InspectedInput;
	problems: Problem[];
}

/** What stands in the place of a module in the JSON, for a file that holds none: the same fields, empty. */
type NoModule = { [K in keyof InspectJson]: K extends 'file' | 'problems' ? InspectJson[K] : null };

export async function inspect(context: Context, _options: object, names: string[]): Promise<ExitCode> {
	const { output } = context;
	const results: Result[] = [];
	for (const { name, bytes, problems } of await readInputs(names, context.cwd)) {
		if (bytes === undefined) {
			results.push({ file: name, problems });
			continue;
		}
		const verdict = inspectInput(name, bytes, { platforms: platformNames, digests: nodeDigests });
		results.push(
			verdict.ok ? { file: name, input: verdict.value, problems: verdict.problems } : { file: name, problems: verdict.problems },
		);
	}
	output.document(results.flatMap(toJson));
	results.forEach((result, i) => {
		if (i > 0) output.print();
		show(output, result);
	});
	const bad = results.some(
		(r) =>
			hasError(r.problems) ||
			r.input?.modules.some((m) => hasError(m.problems)) ||
			r.input?.others.some((o) => o.problem.severity === 'error'),
	);
	return bad ? ExitCode.inputRefused : ExitCode.ok;
}

function hasError(problems: readonly Problem[]): boolean {
	return problems.some((p) => p.severity === 'error');
}

function toJson({ file, input, problems }: Result): (InspectJson | NoModule)[] {
	if (!input) return [empty(file, problems)];
	const rows: (InspectJson | NoModule)[] = input.modules.map((m) =>
		toInspectJson(m.module, m.file, { platforms: platformNames, problems: m.problems }),
	);
	// What is wrong in a file besides its modules must not get lost: it gets a row of its own.
	for (const other of input.others) if (other.problem.severity !== 'info') rows.push(empty(other.file, [other.problem]));
	if (hasError(input.problems)) rows.push(empty(file, input.problems));
	return rows;
}

function empty(file: string, problems: readonly Problem[]): NoModule {
	return {
		file,
		platformId: null,
		platform: null,
		function: null,
		functionName: null,
		index: null,
		version: null,
		start: null,
		end: null,
		flags: null,
		dependencies: null,
		size: null,
		productId: null,
		productVersion: null,
		crcOk: null,
		shaOk: null,
		problems: problems.map(({ file: _file, ...rest }) => rest),
	};
}

function show(output: Output, { file, input, problems }: Result): void {
	const c = output.colors;
	if (!input) {
		output.print(`${c.bold(file)}: ${c.red('no firmware')}`);
		showProblems(output, problems);
		return;
	}
	const only = input.modules.length === 1 ? input.modules[0] : undefined;
	if (only) showModule(output, only);
	else showModules(output, input);
	for (const asset of input.assets)
		output.print(
			`  asset ${asset.name}, ${formatBytes(asset.bytes.length)}${asset.required ? ', asked for by the application' : ''}`,
		);
	showProblems(output, [...input.others.map((o) => o.problem), ...input.problems]);
}

function showModule(output: Output, { file, module, problems }: InspectedModule): void {
	const c = output.colors;
	const { prefix, suffix } = module;
	output.print(
		`${c.bold(file)}: ${moduleLabel(prefix)} ${prefix.version}, ${platformName(module)}, ${verdict(output, problems)}`,
	);
	const flags = flagWords(prefix.flags);
	const rows: [label: string, value: string][] = [
		['Address', `${address(prefix.start)} to ${address(prefix.end)}`],
		['Size', `${formatBytes(module.bytes.length)} (${module.bytes.length} bytes)`],
		['Checks', `CRC-32 ${module.crc.ok ? 'right' : c.red('WRONG')}, SHA-256 ${shaText(output, module)}`],
		['Needs', module.dependencies.length === 0 ? 'nothing else' : module.dependencies.map((d) => needs(module, d)).join('; ')],
	];
	if (suffix.productId !== undefined) rows.push(['Product', `${suffix.productId}, version ${suffix.productVersion ?? 'none'}`]);
	if (flags.length > 0) rows.push(['Marks', flags.join(', ')]);
	const release = releaseOf(module, prefix.function === 4 ? prefix.version : undefined);
	if (release !== undefined) rows.push(['Device OS', release]);
	const runs = runsOnText(module);
	if (runs !== undefined) rows.push(['Runs on', runs]);
	for (const [label, value] of rows) output.print(`  ${label.padEnd(10)} ${value}`);
	showProblems(output, problems);
}

function showModules(output: Output, input: InspectedInput): void {
	const kinds = new Set(
		input.modules.map((m) => platformById(m.module.prefix.platformId)?.displayName ?? `platform ${m.module.prefix.platformId}`),
	);
	const only = kinds.size === 1 ? [...kinds][0] : undefined;
	output.print(
		`${output.colors.bold(input.file)}: ${count(input.modules.length, 'module')}${only === undefined ? '' : ` for ${only}`}`,
	);
	const short = (name: string) => (name.startsWith(input.file) ? name.slice(input.file.length + 1) : name);
	output.table(
		[
			{ title: 'File', wrap: 'late' as const },
			{ title: 'Module' },
			{ title: 'Version', align: 'right' },
			...(only === undefined ? [{ title: 'For' }] : []),
			{ title: 'Size', align: 'right' },
			{ title: '' },
			{ title: 'Needs', wrap: true },
		],
		input.modules.map(({ file, module, problems }) => [
			short(file),
			moduleLabel(module.prefix),
			String(module.prefix.version),
			...(only === undefined ? [platformById(module.prefix.platformId)?.displayName ?? String(module.prefix.platformId)] : []),
			formatBytes(module.bytes.length),
			verdict(output, problems),
			module.dependencies.map((d) => `${moduleLabel(d)} ≥ ${d.version}`).join(', '),
		]),
		'  ',
	);
	for (const { problems } of input.modules) showProblems(output, problems, true);
}

function verdict(output: Output, problems: readonly Problem[]): string {
	return hasError(problems) ? output.colors.red('damaged') : output.colors.green('sound');
}

function platformName(module: ParsedModule): string {
	const id = module.prefix.platformId;
	const platform = platformById(id);
	if (module.prefix.function === 9) return 'for any platform';
	return platform ? `for ${platform.displayName} (platform ${id})` : `for platform ${id}, which is not known here`;
}

function shaText(output: Output, module: ParsedModule): string {
	if (!module.sha.ok) return output.colors.yellow('wrong (devices do not check it)');
	return module.sha.rule === 'payload' ? 'right (over the payload, as for this kind of module)' : 'right';
}

function releaseOf(module: ParsedModule, version: number | undefined): string | undefined {
	const platform = platformById(module.prefix.platformId);
	return platform && version !== undefined ? releaseByModuleVersion(platform, version)?.version : undefined;
}

function needs(module: ParsedModule, dependency: ModuleDependency): string {
	const release = releaseOf(module, dependency.function === 4 ? dependency.version : undefined);
	return `${dependencyLabel(dependency)}${release === undefined ? '' : ` (Device OS ${release})`}`;
}

/** Applications: every release that has what they ask for. What is a part of Device OS runs with its own release. */
function runsOnText(module: ParsedModule): string | undefined {
	const { platform, fits } = runsOn(module);
	if (!platform || module.prefix.function !== ModuleFunction.user || !module.sound) return undefined;
	return fits.length === 0 ? 'no Device OS that is known here' : `Device OS ${releaseRunsText(platform, fits)}`;
}

function showProblems(output: Output, problems: readonly Problem[], withName = false): void {
	const c = output.colors;
	for (const p of problems) {
		const label = p.severity === 'error' ? c.red('Fault:') : p.severity === 'warning' ? c.yellow('Mind: ') : c.cyan('Note: ');
		const name = withName && p.file !== undefined && !p.message.includes(p.file) ? `${p.file}: ` : '';
		output.print(`  ${label} ${name}${p.message} [${p.code}]`);
	}
}
