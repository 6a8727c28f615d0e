/** `linac assets`: what the device tells of its assets (request 91), beside what its application asks for. Writes nothing. */
import { type AssetStore, assetStore, firstSystemThatTellsAssets, firstSystemWithAssets, type Platform } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import type { AssetRef, DeviceSnapshot, StoredAsset } from '@linac/planner';
import { takeSnapshot } from '@linac/programmer';
import { connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { CommandFailure, tellFailure } from '../failure.js';
import { count, formatBytes, printable, shortHash } from '../format.js';
import { deviceFor } from '../job.js';
import type { Output } from '../output.js';
import { deviceName } from '../show-plan.js';

/**
 * `stored`: asked for, and there. `missing`: asked for, and not there. `other`: asked for, but what is stored under this name has another hash.
 * `not-wanted`: there, and not asked for.
 */
type State = 'stored' | 'missing' | 'other' | 'not-wanted';

interface Row {
	name: string;
	state: State;
	/** What the application asks for. */
	wanted?: string;
	/** What is stored under this name. */
	stored?: StoredAsset;
}

export async function assets(context: Context, options: DeviceOptions): Promise<ExitCode> {
	const { output } = context;
	const connection = await connect(context, options);
	try {
		const found = await deviceFor(context, connection, options.device);
		const platform = platformNamed(found.platform.name);
		if (found.mode === 'dfu') {
			throw new CommandFailure(ExitCode.device, 'WRONG_MODE', 'The device is in DFU mode, where it does not tell its assets.', {
				hint: '"linac usb reset" starts it. Then run the command again.',
			});
		}
		const device = await takeSnapshot(found, connection.environment);
		const told = device.assets ?? cannotTell(platform, device);
		const rows = rowsOf(told);
		const missing = rows.filter((r) => r.state === 'missing' || r.state === 'other');
		const store = assetStore(platform, systemVersion(device));
		const message = `The application asks for ${count(missing.length, 'asset')} that the device does not have: ${missing.map((r) => `"${printable(r.name)}"`).join(', ')}. It waits in safe mode.`;
		output.document({
			format: 'linac-assets/1',
			platform: platform.name,
			deviceId: device.deviceId ?? found.deviceId ?? null,
			osVersion: device.osVersion ?? null,
			mode: device.mode,
			store: store ? { usable: store.usable, used: used(rows, store) } : null,
			assets: rows.map((r) => toJson(r, store)),
			missing: missing.map((r) => r.name),
			...(missing.length === 0 ? {} : { error: { code: 'ASSET_MISSING', message, exitCode: ExitCode.mismatch } }),
		});
		output.print(output.colors.bold(deviceName({ platform: platform.name, deviceId: device.deviceId }, platform.displayName)));
		show(output, rows, store);
		if (missing.length === 0) return ExitCode.ok;
		const hint = '"linac flash bundle.zip" with the bundle of this application stores what is missing.';
		tellFailure(output, { code: 'ASSET_MISSING', message, hint }, ExitCode.mismatch);
		return ExitCode.mismatch;
	} finally {
		await connection.close();
	}
}

function systemVersion(device: DeviceSnapshot): number {
	const systems = (device.modules ?? []).filter((m) => m.function === ModuleFunction.system);
	return Math.max(0, ...systems.map((m) => m.version));
}

function cannotTell(platform: Platform, device: DeviceSnapshot): never {
	const fail = (code: string, message: string, hint: string): never => {
		throw new CommandFailure(ExitCode.device, code, message, { hint });
	};
	if (!assetStore(platform)) {
		return fail('ASSET_NOT_SUPPORTED', `A ${platform.displayName} keeps no assets.`, 'docs/bundles.md lists the boards that do.');
	}
	const version = systemVersion(device);
	const os = device.osVersion ?? 'of this device';
	const hint = '"linac update" installs a newer one.';
	if (version > 0 && version < firstSystemWithAssets())
		return fail('ASSETS_NEED_NEWER_SYSTEM', `Device OS ${os} keeps no assets; 5.5.0 was the first that does.`, hint);
	if (version > 0 && version < firstSystemThatTellsAssets())
		return fail('ASSETS_NOT_TOLD', `Device OS ${os} keeps assets, but cannot tell which; 5.6.0 and newer can.`, hint);
	return fail(
		'ASSETS_NOT_TOLD',
		'The device did not tell its assets.',
		'Restart it with "linac usb reset" and run the command again.',
	);
}

function rowsOf(told: { available: StoredAsset[]; required: readonly AssetRef[] }): Row[] {
	const rows: Row[] = told.required.map(({ name, sha256 }) => {
		const stored = told.available.find((a) => a.name === name);
		const state = stored === undefined ? 'missing' : stored.sha256 === sha256 ? 'stored' : 'other';
		return { name, state, wanted: sha256, ...(stored ? { stored } : {}) };
	});
	for (const stored of told.available) {
		if (!told.required.some((r) => r.name === stored.name)) rows.push({ name: stored.name, state: 'not-wanted', stored });
	}
	return rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function takes(row: Row, store: AssetStore | undefined): number {
	return row.stored && store ? store.takes(row.stored.storageSize ?? 0) : 0;
}

function used(rows: readonly Row[], store: AssetStore): number {
	return rows.reduce((sum, row) => sum + takes(row, store), 0);
}

function toJson(row: Row, store: AssetStore | undefined) {
	return {
		name: row.name,
		state: row.state,
		wantedSha256: row.wanted ?? null,
		storedSha256: row.stored?.sha256 ?? null,
		size: row.stored?.size ?? null,
		storageSize: row.stored?.storageSize ?? null,
		takes: row.stored ? takes(row, store) : null,
	};
}

const words: Record<State, string> = {
	stored: 'stored',
	missing: 'MISSING',
	other: 'MISSING (another of this name is stored)',
	'not-wanted': 'stored, not asked for',
};

function show(output: Output, rows: readonly Row[], store: AssetStore | undefined): void {
	const c = output.colors;
	output.print();
	if (rows.length === 0) output.print('  No assets: none are stored, and the application asks for none.');
	else {
		const size = (bytes: number | undefined) => (bytes === undefined ? '-' : formatBytes(bytes));
		output.table(
			[
				{ title: 'Asset', wrap: true },
				{ title: 'Size', align: 'right' },
				{ title: 'Compressed', align: 'right' },
				{ title: 'In the store', align: 'right' },
				{ title: 'SHA-256' },
				{ title: 'State', wrap: true },
			],
			rows.map((row) => [
				printable(row.name),
				size(row.stored?.size),
				size(row.stored?.storageSize),
				row.stored ? formatBytes(takes(row, store)) : '-',
				shortHash(row.wanted ?? row.stored?.sha256),
				row.state === 'stored' ? c.green(words.stored) : row.state === 'not-wanted' ? words[row.state] : c.red(words[row.state]),
			]),
			'  ',
		);
	}
	if (!store) return;
	const taken = used(rows, store);
	output.print();
	output.print(`  The store has room for ${formatBytes(store.usable)}; ${formatBytes(taken)} of it are used.`);
}
