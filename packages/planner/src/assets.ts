/**
 * Assets: what the goal gives, what the application in the end asks for, what is stored, and what therefore is sent. Device OS keeps assets by name
 * and SHA-256, does not start an application while one of its assets is missing, and when it stores one, removes those that nobody asks for
 * (device-os v6.2.0: system/src/asset_manager.cpp, system/src/main.cpp app_setup_and_loop). So they come last. docs/assets.md.
 */
import {
	assetStore,
	firstSystemThatTellsAssets,
	firstSystemWithAssets,
	type Platform,
	releaseByModuleVersion,
	type SourcedModule,
	updateOverwritesAssets,
} from '@linac/catalog';
import { type Problem, toHex } from '@linac/core';
import { assetOf, ModuleFlag, type ParsedModule, requiredAssets } from '@linac/firmware';
import { runningApplication } from './boot.js';
import { assetKey, type DeviceModel, type ModelModule } from './model.js';
import { refusal } from './refusal.js';
import { releaseFrom } from './release-needed.js';
import type { AssetRef, DeviceSnapshot, ExpectedAsset, FileVerdict, Refusal, StoredAsset } from './types.js';

/** An asset that was given, as the module that a device gets. */
export interface GivenAsset extends AssetRef {
	source: SourcedModule;
	/** Names of the user's files that are this asset. */
	files: string[];
	/** Bytes of the module as it is sent and stored. */
	length: number;
}

export interface AssetDecision {
	asset: GivenAsset;
	/** `write`: it is not stored, or it is not known whether it is. `there`: it is stored. `not-needed`: the application does not ask for it. */
	need: 'write' | 'there' | 'not-needed';
	code: string;
	reason: string;
}

export interface AssetDecisions {
	decisions: AssetDecision[];
	problems: Refusal[];
	notes: Problem[];
}

/** What the application asks for, by name and hash; hashes that are no SHA-256 are left out, as devices do. */
export function assetsWantedBy(module: ParsedModule): AssetRef[] {
	return requiredAssets(module)
		.filter((a) => a.hashType === 0)
		.map((a) => ({ name: a.name, sha256: toHex(a.hash) }));
}

/** The asset that a module is, or why no device of this platform would keep it. */
export function givenAsset(platform: Platform, source: SourcedModule, file: string): GivenAsset | Refusal {
	const { module } = source;
	const store = assetStore(platform);
	if (!store) {
		const why = `${file} is an asset, and a ${platform.displayName} keeps none. Give the application alone.`;
		return refusal('ASSET_NOT_SUPPORTED', why, { file });
	}
	if (!module.sound) {
		return refusal('MODULE_NOT_SOUND', `${file} is damaged: the device would not accept it. Get a fresh copy.`, { file });
	}
	const asset = assetOf(module);
	const { flags } = module.prefix;
	const why = !asset
		? 'it carries no name or no hash'
		: asset.hashType !== 0 || asset.hash.length !== 32
			? 'its hash is no SHA-256'
			: !(flags & ModuleFlag.dropModuleInfo) || flags & ModuleFlag.prefixExtensions || module.encrypted
				? 'its header is not that of an asset'
				: undefined;
	if (!asset || why !== undefined) {
		return refusal('ASSET_INVALID', `${file} is no asset that a device keeps: ${why}. Make it again with "linac bundle".`, {
			file,
		});
	}
	return { name: asset.name, sha256: toHex(asset.hash), source, files: [file], length: module.bytes.length };
}

export interface AssetQuestion {
	platform: Platform;
	device: DeviceSnapshot;
	/** The device as it will be once every module of the goal is in place. */
	target: DeviceModel;
	/** Module number of the system in the end. */
	systemVersion: number | undefined;
	given: readonly GivenAsset[];
	/** The application that is given; otherwise that of the device counts. */
	application: Pick<ModelModule, 'assets'> | undefined;
	applicationOnly: boolean;
	/** Bytes of the modules that go to the running system before. */
	updates: readonly number[];
}

/** Decides on every given asset, and says what will be missing. */
export function decideAssets(question: AssetQuestion): AssetDecisions {
	const { platform, device, target, systemVersion, given } = question;
	const result: AssetDecisions = { decisions: [], problems: [], notes: [] };
	const application = question.application ?? runningApplication(target);
	const wanted = application?.assets ?? [];
	const problem = given.length > 0 && wanted.length > 0 ? systemProblem(platform, systemVersion, given[0]!) : undefined;
	if (problem) {
		result.problems.push(problem);
		return result;
	}
	const keeps = systemVersion !== undefined && systemVersion >= firstSystemWithAssets() && assetStore(platform) !== undefined;
	const lost = systemVersion !== undefined && question.updates.some((n) => updateOverwritesAssets(platform, systemVersion, n));
	const known = device.assets?.available;
	const stored = lost ? [] : known;
	if (lost && known && known.length > 0) {
		const text = `The module is larger than the part of the update slot before the store of assets: the device loses ${names(known)} with it.`;
		result.notes.push({ code: 'ASSETS_OVERWRITTEN', severity: 'warning', message: text });
	}
	for (const asset of given) decideOne(result, asset, application, wanted, stored);
	if (!keeps) return result;
	const sent = result.decisions.filter((d) => d.need !== 'not-needed').map((d) => d.asset);
	roomProblems(result, platform, systemVersion, sent, wanted, stored ?? []);
	missingProblems(result, question, wanted, sent, stored);
	const left = (stored ?? []).filter((s) => !wanted.some((w) => assetKey(w) === assetKey(s)));
	if (left.length > 0 && (question.application || sent.length > 0)) {
		const when = result.decisions.some((d) => d.need === 'write')
			? 'The device removes it by itself when it stores the first of the others.'
			: 'It stays in the store until the device stores another asset.';
		const message = `${names(left)}: stored, and not asked for by the application. ${when}`;
		result.notes.push({ code: 'ASSETS_NOT_WANTED', severity: 'info', message });
	}
	return result;
}

function names(assets: readonly { name: string }[]): string {
	return assets.map((a) => `"${a.name}"`).join(', ');
}

/** Device OS before 5.5.0 keeps no assets, and 5.5.x keeps them without telling: then nothing could be proved. */
function systemProblem(platform: Platform, systemVersion: number | undefined, asset: GivenAsset): Refusal | undefined {
	if (systemVersion === undefined || systemVersion >= firstSystemThatTellsAssets()) return undefined;
	const file = asset.files[0]!;
	const version = releaseByModuleVersion(platform, systemVersion)?.version ?? `module ${systemVersion}`;
	const route = releaseFrom(platform, firstSystemThatTellsAssets());
	const how = route === undefined ? '' : ` Choose --target ${route} or newer.`;
	const more = {
		expected: firstSystemThatTellsAssets(),
		found: systemVersion,
		...(route === undefined ? {} : { route: [route] }),
	};
	return systemVersion < firstSystemWithAssets()
		? refusal(
				'ASSETS_NEED_NEWER_SYSTEM',
				`${file}: Device OS ${version} keeps no assets; 5.5.0 was the first that does.${how}`,
				more,
			)
		: refusal(
				'ASSETS_NOT_TOLD',
				`${file}: Device OS ${version} keeps assets, but cannot tell which, so nothing would prove that they arrived.${how}`,
				more,
			);
}

function decideOne(
	result: AssetDecisions,
	asset: GivenAsset,
	application: Pick<ModelModule, 'assets'> | undefined,
	wanted: readonly AssetRef[],
	stored: readonly StoredAsset[] | undefined,
): void {
	const decide = (need: AssetDecision['need'], code: string, reason: string) =>
		void result.decisions.push({ asset, need, code, reason });
	const same = wanted.find((w) => w.name === asset.name);
	const file = asset.files[0]!;
	if (!same) {
		const whose = application ? 'The application does not ask for it' : 'There is no application that asks for it';
		decide('not-needed', 'ASSET_NOT_NEEDED', `${whose}: Device OS would not keep it.`);
		return;
	}
	if (same.sha256 !== asset.sha256) {
		result.problems.push(
			refusal(
				'ASSET_HASH_MISMATCH',
				`${file} is not the "${asset.name}" that the application was built with: its SHA-256 differs. Make the bundle again.`,
				{ file, expected: same.sha256, found: asset.sha256 },
			),
		);
		return;
	}
	if (stored?.some((s) => assetKey(s) === assetKey(asset))) {
		decide('there', 'ALREADY_THERE', 'It is stored already: the device tells the same name and SHA-256.');
	} else if (stored === undefined) {
		decide('write', 'ASSET_SENT', 'Which assets are stored is only told by the running system; it is sent if it is not there.');
	} else {
		const other = stored.some((s) => s.name === asset.name);
		decide('write', 'ASSET_SENT', other ? 'Another asset of this name is stored.' : 'It is not stored.');
	}
}

/** A single asset, and all together: what the application asks for stays in the store, everything else is removed when one is stored. */
function roomProblems(
	result: AssetDecisions,
	platform: Platform,
	systemVersion: number,
	given: readonly GivenAsset[],
	wanted: readonly AssetRef[],
	stored: readonly StoredAsset[],
): void {
	const store = assetStore(platform, systemVersion);
	if (!store) return;
	for (const { files, length } of given) {
		if (length <= store.largest) continue;
		result.problems.push(
			refusal(
				'ASSET_TOO_LARGE',
				`${files[0]} has ${length} bytes as it is sent; a ${platform.displayName} takes at most ${store.largest} at once.`,
				{ file: files[0]!, expected: store.largest, found: length },
			),
		);
	}
	const kept = stored.filter((s) => wanted.some((w) => assetKey(w) === assetKey(s)) && !given.some((g) => g.name === s.name));
	const used = [...given.map((g) => g.length), ...kept.map((s) => s.storageSize ?? 0)].reduce(
		(sum, n) => sum + store.takes(n),
		0,
	);
	if (given.length > 0 && used > store.usable) {
		result.problems.push(
			refusal(
				'ASSETS_DO_NOT_FIT',
				`The assets take ${used} bytes of the store, and a ${platform.displayName} has room for ${store.usable}. Leave some out, and make the bundle again.`,
				{ file: given[0]!.files[0]!, expected: store.usable, found: used },
			),
		);
	}
}

/** What the application asks for and nobody gives. */
function missingProblems(
	result: AssetDecisions,
	question: AssetQuestion,
	wanted: readonly AssetRef[],
	given: readonly AssetRef[],
	stored: readonly StoredAsset[] | undefined,
): void {
	const missing = wanted.filter((w) => ![...given, ...(stored ?? [])].some((a) => assetKey(a) === assetKey(w)));
	if (missing.length === 0 || result.problems.length > 0) return;
	const what = `The application asks for ${missing.length === 1 ? 'the asset' : 'the assets'} ${names(missing)}`;
	const which = missing.length === 1 ? 'it' : 'they';
	if (stored === undefined) {
		const message = `${what}. Whether the device has ${missing.length === 1 ? 'it' : 'them'} is only told when it runs; if not, it waits in safe mode.`;
		result.notes.push({ code: 'ASSETS_NOT_KNOWN', severity: 'warning', message });
		return;
	}
	const sentence = `${what}, and ${which} ${missing.length === 1 ? 'is' : 'are'} neither given nor stored: the device waits in safe mode until ${which} ${missing.length === 1 ? 'is' : 'are'}.`;
	if (question.application && !question.applicationOnly) {
		result.problems.push(
			refusal('ASSET_MISSING', `${sentence} Give the whole bundle; --application-only programs the application all the same.`, {
				details: { missing: missing.map((m) => m.name) },
			}),
		);
	} else result.notes.push({ code: 'ASSET_MISSING', severity: 'warning', message: sentence });
}

/** What has to be stored in the end, in the order in which it is sent. */
export function expectedAssets(decisions: readonly AssetDecision[]): ExpectedAsset[] {
	return decisions
		.filter((d) => d.need !== 'not-needed')
		.map(({ asset: { name, sha256, length } }) => ({ name, sha256, storageSize: length }));
}

/** Verdicts of the files that assets came from. `steps`: ids of the steps that send each, by the SHA-256 of its module. */
export function assetVerdicts(decisions: readonly AssetDecision[], steps: (moduleSha256: string) => string[]): FileVerdict[] {
	const verdict = { write: 'write', there: 'already-there', 'not-needed': 'not-needed' } as const;
	return decisions.flatMap(({ asset, need, code, reason }) =>
		asset.files.map((name) => ({
			name,
			verdict: verdict[need],
			reason,
			code,
			steps: need === 'write' ? steps(asset.source.sha256) : [],
		})),
	);
}
