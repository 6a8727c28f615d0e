/** `linac bundle list` and `verify`: what is in a bundle, and whether its application would find its assets on a device. */
import { type Problem, toHex } from '@linac/core';
import { moduleLabel, requiredAssets } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { lookAtBundle, type MeasuredAssets } from '@linac/image';
import type { Context } from '../../context.js';
import { ExitCode } from '../../exit-codes.js';
import { refused, tell } from '../../failure.js';
import { count } from '../../format.js';
import { boardName, type OpenedBundle, openBundle } from './open.js';
import { assetJson, showAssets, showProblems, showStores, storeJson, summary } from './show-bundle.js';

interface Looked {
	bundle: OpenedBundle;
	measured: MeasuredAssets | undefined;
	/** Everything that is wrong with it. */
	problems: Problem[];
}

function measure(bundle: OpenedBundle): Looked {
	const { measured, problems } = lookAtBundle(bundle, bundle.file, bundle.problems, nodeDigests);
	return { bundle, measured, problems };
}

/** Shows a bundle, or what an application alone asks for. What is wrong is told, and is no failure: `verify` judges. */
export async function listBundle(context: Context, _options: object, [file = '']: string[]): Promise<ExitCode> {
	const looked = measure(await openBundle(context, file));
	context.output.document(json(looked));
	show(context, looked, looked.bundle.alone ? [] : looked.problems);
	return ExitCode.ok;
}

export async function verifyBundle(context: Context, _options: object, [file = '']: string[]): Promise<ExitCode> {
	const { output } = context;
	const bundle = await openBundle(context, file);
	if (bundle.alone) {
		throw refused(ExitCode.inputRefused, [
			{
				code: 'BUNDLE_INVALID',
				severity: 'error',
				message: `${file} is an application alone, and no bundle. "linac bundle ${file}" makes one of it.`,
				file,
			},
		]);
	}
	const looked = measure(bundle);
	const errors = looked.problems.filter((p) => p.severity === 'error');
	if (errors.length === 0) {
		output.document(json(looked));
		const { measured, problems } = looked;
		output.print(`${output.colors.green('Good:')} ${file} for ${boardName(bundle)}${measured ? `, ${summary(measured)}` : ''}.`);
		output.print('  Every asset is the one that the application asks for, and they fit into the store.');
		showProblems(output, problems);
		return ExitCode.ok;
	}
	const failure = refused(ExitCode.inputRefused, errors);
	output.document({ ...json(looked), error: { ...failure.toJSON(), exitCode: failure.exitCode } });
	showProblems(
		output,
		looked.problems.filter((p) => p.severity !== 'error'),
	);
	return tell(output, failure, { debug: context.debug });
}

function show(context: Context, { bundle, measured }: Looked, problems: readonly Problem[]): void {
	const { output } = context;
	const { module, name } = bundle.application;
	const wanted = requiredAssets(module);
	output.print(
		`${output.colors.bold(bundle.file)}: ${bundle.alone ? '' : `${name}, `}${moduleLabel(module.prefix)} ${module.prefix.version} for ${boardName(bundle)}, asks for ${count(wanted.length, 'asset')}`,
	);
	const hashes = new Map(wanted.map((w) => [w.name, toHex(w.hash)]));
	if (bundle.alone) {
		for (const [asset, hash] of hashes) output.print(`  ${asset}, SHA-256 ${hash.slice(0, 12)}...`);
	} else if (measured && measured.assets.length > 0) {
		output.print();
		showAssets(output, measured.assets, (a) =>
			hashes.get(a.name) === a.sha256
				? output.colors.green('right')
				: output.colors.red(hashes.has(a.name) ? 'another' : 'not asked for'),
		);
		output.print();
		showStores(output, boardName(bundle), measured.stores);
	} else for (const a of bundle.assets) output.print(`  ${a.name}, ${a.bytes.length} bytes`);
	if (bundle.env) output.print(`  Environment variables: ${bundle.env.name}`);
	if (problems.length > 0) output.print();
	showProblems(output, problems);
}

function json({ bundle, measured, problems }: Looked) {
	const { module, name } = bundle.application;
	return {
		format: 'linac-bundle/1',
		file: bundle.file,
		platformId: module.prefix.platformId,
		application: {
			name,
			version: module.prefix.version,
			size: module.bytes.length,
			needs: requiredAssets(module).map((a) => ({ name: a.name, sha256: toHex(a.hash) })),
		},
		assets:
			measured?.assets.map(assetJson) ??
			bundle.assets.map((a) => ({ name: a.name, size: a.bytes.length, sha256: toHex(nodeDigests.sha256(a.bytes)) })),
		env: bundle.env?.name ?? null,
		stores: measured?.stores.map(storeJson) ?? [],
		problems,
	};
}
