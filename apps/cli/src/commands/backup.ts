/** `linac backup` and `linac backup inspect`: what is on a device into a file, and what is in such a file. Never a secret on the screen. */
import { resolve } from 'node:path';
import { cloudPlaceOf } from '@linac/catalog';
import { toHex } from '@linac/core';
import { moduleFunctionNames } from '@linac/firmware';
import { backupsFolder, devicePublicKey, nodeDigests } from '@linac/host';
import { type DctFieldState, fieldStates, privateKeyForFiles } from '@linac/image';
import { type Backup, type BackupContents, partOf, takeBackup } from '@linac/programmer';
import { keepBackup, openBackup } from '../backup-keeper.js';
import { connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { formatBytes, shortHash } from '../format.js';
import { deviceFor, selectorOf } from '../job.js';
import { refuseExisting } from '../output-files.js';
import { deviceName } from '../show-plan.js';

export interface MakeBackupOptions extends DeviceOptions {
	output?: string;
}

export async function makeBackup(context: Context, options: MakeBackupOptions): Promise<ExitCode> {
	const { output } = context;
	if (options.output !== undefined) await refuseExisting(context, [options.output], false);
	const connection = await connect(context, options);
	try {
		const found = await deviceFor(context, connection, options.device);
		if (found.mode === 'normal') output.note('Restarting the device into DFU mode, to read it ...');
		const contents = await takeBackup({
			...connection.environment,
			selector: selectorOf(found),
		});
		const record = await keepBackup(
			contents,
			options.output === undefined ? { folder: backupsFolder(context.env) } : resolve(context.cwd, options.output),
			{ beside: options.output === undefined },
		);
		const about = describe(contents);
		output.document({ format: 'linac-backup-report/1', file: record.file, sha256: record.sha256, ...about });
		output.print(output.colors.bold(`Backup of ${deviceName(contents, connection.displayName(found))}: ${record.file}`));
		show(context, about);
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}

export async function inspectBackup(context: Context, _options: object, [name]: string[]): Promise<ExitCode> {
	const { output } = context;
	const backup = await openBackup(context, name!);
	const about = describe(backup);
	output.document({ format: 'linac-backup-report/1', file: name, made: backup.made, sha256: backup.sha256, ...about });
	const platform = platformNamed(backup.platform);
	output.print(output.colors.bold(`Backup of ${deviceName(backup, platform.displayName)}, made ${backup.made}`));
	show(context, about);
	return ExitCode.ok;
}

interface About {
	platform: string;
	deviceId?: string;
	osVersion?: string;
	parts: { kind: string; address: number; size: number; sha256: string; module?: object }[];
	missing: BackupContents['missing'];
	notes: string[];
	settings: (DctFieldState & { publicKeySha256?: string })[];
	modules: { function: number; index: number; version: number; valid: boolean }[];
}

/** All that may be told of a backup. */
function describe(contents: Omit<BackupContents, 'dctAccess'> | Backup): About {
	const { platform, deviceId, osVersion, parts, missing, notes, device } = contents;
	return {
		platform,
		...(deviceId === undefined ? {} : { deviceId }),
		...(osVersion === undefined ? {} : { osVersion }),
		parts: parts.map(({ kind, address, bytes, module }) => ({
			kind,
			address,
			size: bytes.length,
			sha256: toHex(nodeDigests.sha256(bytes)),
			...(module ? { module } : {}),
		})),
		missing,
		notes,
		settings: settingsOf(contents),
		modules: (device.modules ?? []).map(({ function: f, index, version, valid }) => ({ function: f, index, version, valid })),
	};
}

function settingsOf(contents: Pick<BackupContents, 'platform' | 'parts'>): About['settings'] {
	const dct = partOf(contents, 'dct')?.bytes;
	if (!dct) return [];
	return fieldStates(contents.platform, dct).map((state) => {
		const key = state.name === 'device-private-key' ? publicKeySha256(contents.platform, dct) : undefined;
		return { ...state, ...(key === undefined ? {} : { publicKeySha256: key }) };
	});
}

function publicKeySha256(platform: string, dct: Uint8Array): string | undefined {
	const place = cloudPlaceOf(platform, dct)?.cloud.devicePrivateKey;
	if (!place || place.key === 'rsa-2048') return undefined;
	const field = dct.subarray(place.offset, place.offset + place.size);
	const key = privateKeyForFiles(field, place.key, 'the key');
	return key.ok ? toHex(nodeDigests.sha256(devicePublicKey(key.value.der, place.key).der)) : undefined;
}

function show({ output }: Context, about: About): void {
	output.print();
	if (about.osVersion !== undefined) output.print(`  Device OS: ${about.osVersion}`);
	output.table(
		[{ title: 'Part' }, { title: '' }, { title: 'Size', align: 'right' }, { title: 'SHA-256' }],
		about.parts.map((p) => [p.kind, moduleText(p.module), formatBytes(p.size), `${shortHash(p.sha256)}...`]),
		'  ',
	);
	if (about.settings.length > 0) {
		output.print();
		output.table(
			[{ title: 'Setting' }, { title: '' }, { title: '', wrap: true }],
			about.settings.map((s) => [
				s.name,
				s.set ? (s.value ?? 'set') : '-',
				s.publicKeySha256 === undefined ? '' : `SHA-256 of its public key: ${s.publicKeySha256}`,
			]),
			'  ',
		);
	}
	for (const note of [...about.notes, ...about.missing.map((m) => m.message)]) {
		output.print();
		output.paragraph(note, '  ');
	}
}

function moduleText(module: object | undefined): string {
	if (!module) return '';
	const m = module as { function: number; index: number; version: number; whole: boolean };
	return `${moduleFunctionNames[m.function] ?? m.function} ${m.index}, version ${m.version}${m.whole ? '' : ', damaged'}`;
}
