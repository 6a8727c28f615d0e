/** `linac bundle`: an application and its assets become one file. Everything is measured, and nothing is written that does not fit. */
import { releaseByModuleVersion } from '@linac/catalog';
import { type Problem, toHex } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type BundlePlan, bundleFileName, planBundle, writePlannedBundle } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, tell, usage } from '../../failure.js';
import { count, formatBytes } from '../../format.js';
import { readInputs } from '../../inputs.js';
import { refuseExisting, writeFiles } from '../../output-files.js';
import { type FoundAssets, findAssets } from './find-assets.js';
import { assetJson, showAssets, showProblems, showStores, storeJson } from './show-bundle.js';

export interface BundleOptions {
	assets?: string;
	out?: string;
	force?: boolean;
}

export async function bundle(context: Context, options: BundleOptions, [name = '']: string[]): Promise<ExitCode> {
	const { output } = context;
	const path = options.out ?? bundleFileName(name);
	if (!/\.zip$/i.test(path))
		throw usage(`A bundle is a .zip file, and ${path} is not called so.`, 'Choose a name such as bundle.zip.');
	const [input, ...more] = await readInputs([name], context.cwd);
	if (input === undefined || input.fromFolder || more.length > 0)
		throw usage(`${name} is a folder. Give one application (.bin).`);
	if (input.bytes === undefined) throw refused(ExitCode.inputRefused, input.problems);
	await refuseExisting(context, [path], options.force);
	const found = await findAssets(context, options.assets, name);
	const planned = planBundle({ name, bytes: input.bytes }, found.assets, { digests: nodeDigests });
	if (!planned.ok) throw refused(ExitCode.inputRefused, planned.problems);
	const plan = planned.value;
	const problems = [...found.notes, ...planned.problems];
	show(context, plan, found, problems);
	if (!plan.fits) {
		const failure = refused(
			ExitCode.inputRefused,
			problems.filter((p) => p.severity === 'error'),
			'Nothing was written.',
		);
		output.document({ ...planJson(plan, found, problems), error: { ...failure.toJSON(), exitCode: failure.exitCode } });
		return tell(output, failure, { debug: context.debug });
	}
	const bytes = writePlannedBundle(plan, nodeDigests);
	await writeFiles(context, [{ path, bytes }]);
	const sha256 = toHex(nodeDigests.sha256(bytes));
	output.document({ ...planJson(plan, found, problems), file: path, size: bytes.length, sha256 });
	output.print();
	output.print(`${output.colors.green('Written:')} ${path}, ${formatBytes(bytes.length)}, SHA-256 ${sha256.slice(0, 12)}...`);
	return ExitCode.ok;
}

function show(context: Context, plan: BundlePlan, found: FoundAssets, problems: readonly Problem[]): void {
	const { output } = context;
	const { application, platform } = plan;
	const { slot, module, needsSystem } = application;
	const release = releaseByModuleVersion(platform, needsSystem)?.version;
	output.print(
		`${output.colors.bold(application.name)} for ${platform.displayName}, needs ${release === undefined ? `system-part ${needsSystem}` : `Device OS ${release}`} or newer`,
	);
	output.print(`  Assets from ${found.folder}${found.properties === undefined ? '' : `, as ${found.properties} says`}`);
	output.print();
	showAssets(output, plan.assets);
	output.print();
	showStores(output, platform.displayName, plan.stores);
	output.print();
	output.print(
		`  The application with its list of assets: ${module.bytes.length} bytes of the ${formatBytes(slot.size)} of its slot.`,
	);
	if (found.leftOut.length > 0) {
		const names = found.leftOut.map((l) => `${l.name} (${l.reason})`).join(', ');
		output.paragraph(`Left out: ${count(found.leftOut.length, 'entry', 'entries')}: ${names}`, '  ');
	}
	showProblems(
		output,
		problems.filter((p) => p.severity !== 'error'),
	);
}

function planJson(plan: BundlePlan, found: FoundAssets, problems: readonly Problem[]) {
	const { name, module, needsSystem, slot } = plan.application;
	return {
		format: 'linac-bundle/1',
		platform: plan.platform.name,
		application: { name, version: module.prefix.version, needsSystem, size: module.bytes.length, slotSize: slot.size },
		folder: found.folder,
		assets: plan.assets.map(assetJson),
		leftOut: found.leftOut,
		replaced: plan.replaced,
		stores: plan.stores.map(storeJson),
		fits: plan.fits,
		problems,
	};
}
