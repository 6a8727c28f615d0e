/**
 * `linac keys`: the keys by which device and cloud know each other, and the address of the server. Keys are judged by `@linac/image`, written by
 * `@linac/programmer`. A private key goes from the device to a file or from a file to the device, and nowhere else.
 */
import { extname, resolve } from 'node:path';
import { type CloudPlace, cloudPlaceOf, type KeyKind, type Platform } from '@linac/catalog';
import { bad, good, LinacError, problem, toHex, type Verdict } from '@linac/core';
import { devicePublicKey, newDevicePrivateKey, nodeDigests, readWholeFile, writeNewSecret } from '@linac/host';
import { type CloudFields, cloudWrites, keyKinds, privateKeyForFiles, serverAddressText, toPem } from '@linac/image';
import { type BackupContents, type DctChange, type DctReport, partOf, runDctJob, takeBackup } from '@linac/programmer';
import { backupHook } from '../backup-keeper.js';
import { agreed } from '../confirm.js';
import { type Connection, connect } from '../connect.js';
import type { BackupOptions, Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { refused, usage } from '../failure.js';
import { deviceFor, selectorOf } from '../job.js';
import { refuseExisting } from '../output-files.js';
import { JobProgress } from '../progress.js';
import { dctOutcome, showDctReport, showFields } from '../show-dct-report.js';

export interface KeyOptions extends DeviceOptions, BackupOptions {
	format?: string;
	dryRun?: boolean;
	yes?: boolean;
}

export interface ServerOptions extends KeyOptions {
	host?: string;
	port?: string;
	default?: boolean;
}

type PrivateKind = Exclude<KeyKind, 'rsa-2048'>;
/** More than any key file; what is larger is something else. */
const LARGEST_KEY_FILE = 64 * 1024;

export async function saveKey(context: Context, options: KeyOptions, [file]: string[]): Promise<ExitCode> {
	const { output } = context;
	const format = options.format?.toLowerCase() ?? (extname(file!).toLowerCase() === '.der' ? 'der' : 'pem');
	if (format !== 'pem' && format !== 'der') throw usage(`There is no format "${options.format}".`, '--format takes pem or der.');
	await refuseExisting(context, [file!], false);
	const { contents, platform } = await look(context, options);
	const place = placeOf(platform, contents);
	const { kind, field } = privateKeyField(contents, place);
	if (field.every((b) => b === 0xff) || field.every((b) => b === 0)) {
		throw new LinacError(
			'KEY_NOT_ON_DEVICE',
			`There is no private key on this ${platform.displayName}. It makes one at its start.`,
			{
				hint: 'Let it start once, or make one with "linac keys new".',
			},
		);
	}
	const key = privateKeyForFiles(field, kind, 'The private key on the device');
	if (!key.ok) throw refused(ExitCode.mismatch, key.problems, '"linac keys new" makes a new one; it has to be registered then.');
	const { der, label } = key.value;
	await writeNewSecret(resolve(context.cwd, file!), format === 'der' ? der : toPem(label, der));
	const publicKey = devicePublicKey(der, kind);
	const publicKeySha256 = toHex(nodeDigests.sha256(publicKey.der));
	output.document({
		format: 'linac-keys/1',
		command: 'keys save',
		file,
		kind,
		transport: place.cloud.transport,
		deviceId: contents.deviceId ?? null,
		publicKey: publicKey.pem,
		publicKeySha256,
	});
	output.print(`Saved the private key of ${platform.displayName} ${contents.deviceId ?? ''} (${keyKinds[kind]}) in ${file}.`);
	output.print(`SHA-256 of its public key: ${publicKeySha256}`);
	return ExitCode.ok;
}

export async function loadKey(context: Context, options: KeyOptions, [file]: string[]): Promise<ExitCode> {
	const bytes = await readWholeFile(resolve(context.cwd, file!), LARGEST_KEY_FILE, file);
	return change(context, options, 'keys load', () => good({ 'device-private-key': { file: file!, bytes } }));
}

export async function newKey(context: Context, options: KeyOptions): Promise<ExitCode> {
	let publicKey: string | undefined;
	// Standard output is for the public key: `linac keys new > device.pub.pem`.
	return change(
		context,
		options,
		'keys new',
		(place) => {
			const kind = privateKind(place);
			const der = newDevicePrivateKey(kind);
			publicKey = devicePublicKey(der, kind).pem;
			return good({ 'device-private-key': { file: 'the new key', bytes: der } });
		},
		(report) => {
			if (publicKey === undefined || report.outcome !== 'verified') return {};
			context.output.note('This is the public key of the device now. Register it, or the device cannot connect:');
			context.output.print(publicKey.trimEnd());
			return { publicKey };
		},
	);
}

export async function serverKey(context: Context, options: ServerOptions, [file]: string[]): Promise<ExitCode> {
	if (options.port !== undefined && options.host === undefined) throw usage('--port goes with --host.');
	const bytes = await readWholeFile(resolve(context.cwd, file!), LARGEST_KEY_FILE, file);
	const address = options.host === undefined ? undefined : joined(options.host, options.port);
	return change(context, options, 'keys server', () =>
		good({
			'server-public-key': { file: file!, bytes },
			...(address === undefined ? {} : { 'server-address': address }),
		}),
	);
}

export async function serverAddress(context: Context, options: ServerOptions, [address]: string[]): Promise<ExitCode> {
	if (address !== undefined && options.default) throw usage('Either an address or --default.');
	if (options.default) return change(context, options, 'keys address', () => good({ 'server-address': '' }));
	if (address !== undefined) return change(context, options, 'keys address', () => good({ 'server-address': address }));
	const { output } = context;
	const { contents, platform } = await look(context, options);
	const place = placeOf(platform, contents);
	const { offset, size, port } = place.cloud.serverAddress;
	const text = serverAddressText(bytesAt(contents, place, offset, size), place.cloud.serverAddress);
	const { transport } = place.cloud;
	output.document({ format: 'linac-keys/1', command: 'keys address', address: text ?? null, transport, defaultPort: port });
	output.print(
		text === undefined
			? `No address is set: the device goes to Particle (${transport}, port ${port}).`
			: `${text} (${transport}${text.includes(':') ? '' : `, port ${port}`})`,
	);
	return ExitCode.ok;
}

/** Reads the settings of the one device that is meant. */
async function look(context: Context, options: DeviceOptions): Promise<{ contents: BackupContents; platform: Platform }> {
	const connection = await connect(context, options);
	try {
		const found = await deviceFor(context, connection, options.device);
		if (found.mode === 'normal') context.output.note('Restarting the device into DFU mode, to read it ...');
		const contents = await takeBackup({
			...connection.environment,
			parts: 'settings',
			selector: selectorOf(found),
		});
		return { contents, platform: platformNamed(found.platform.name) };
	} finally {
		await connection.close();
	}
}

/** Shows, asks, keeps a backup, writes, reads back, and says so. `more` may print more, and add to the JSON document. */
async function change(
	context: Context,
	options: KeyOptions,
	command: string,
	wanted: (place: CloudPlace) => Verdict<CloudFields>,
	more: (report: DctReport) => object = () => ({}),
): Promise<ExitCode> {
	const { output } = context;
	const backup = await backupHook(context, options);
	const connection: Connection = await connect(context, options);
	const progress = new JobProgress(output);
	// For `keys new`, whose result on standard output is a file.
	const say = command === 'keys new' ? (text: string) => output.note(text) : (text: string) => output.print(text);
	let failure: unknown;
	try {
		const found = await deviceFor(context, connection, options.device);
		const platform = platformNamed(found.platform.name);
		if (found.mode === 'normal') output.note('Restarting the device into DFU mode ...');
		const job = await runDctJob({
			...connection.environment,
			selector: selectorOf(found),
			dryRun: options.dryRun ?? false,
			...(backup ? { backup } : {}),
			want: (contents) => {
				const place = placeOf(platform, contents);
				const fields = wanted(place);
				const changes = fields.ok ? changesFor(platform, place, fields.value) : bad<DctChange[]>(...fields.problems);
				// Said before the question is asked.
				if (changes.ok) for (const { message } of changes.problems) output.note(message);
				return changes;
			},
			confirm: async (fields) => {
				if (command !== 'keys new') showFields(output, fields);
				if (fields.every((f) => f.result === 'there')) return true;
				const what = command === 'keys new' ? 'Replace the private key of' : 'Write to';
				return agreed(context, `${what} ${platform.displayName} ${found.deviceId ?? ''}?`, options.yes, (why) => {
					failure = why;
				});
			},
			onEvent: (event) => progress.event(event),
		}).catch((error: unknown) => {
			throw failure ?? error;
		});
		progress.finish();
		if (!job.ok) throw refused(ExitCode.inputRefused, job.problems, 'Nothing was written.');
		const report = job.value;
		if (options.dryRun && command !== 'keys new') showFields(output, report.fields);
		const added = more(report);
		output.document({ ...report, command, ...added });
		if (command === 'keys new') {
			if (report.backup) say(`Backup with the former key: ${report.backup.file}`);
			if (options.dryRun) say('A new private key would be made and written. Nothing was written.');
		} else showDctReport(output, report);
		return dctOutcome(context, report);
	} finally {
		progress.finish();
		await connection.close();
	}
}

function changesFor(platform: Platform, place: CloudPlace, fields: CloudFields): Verdict<DctChange[]> {
	const { 'server-address': address, ...keys } = fields;
	// An empty address is none: 0xFF, as on a new device.
	const { offset, size } = place.cloud.serverAddress;
	const removed: DctChange[] =
		address === '' ? [{ name: 'server-address', storage: place.storage, offset, bytes: new Uint8Array(size).fill(0xff) }] : [];
	const given = address === undefined || address === '' ? keys : { ...keys, 'server-address': address };
	const writes = cloudWrites(platform, place.cloud, given);
	if (!writes.ok) return bad(...writes.problems);
	const changes = writes.value.map(({ name, offset: at, bytes }) => ({ name, storage: place.storage, offset: at, bytes }));
	return good([...changes, ...removed], writes.problems);
}

function placeOf(platform: Platform, contents: BackupContents): CloudPlace {
	const dct = partOf(contents, 'dct')?.bytes;
	const place = cloudPlaceOf(platform, dct);
	if (place && (place.storage === 'external' || dct)) return place;
	const message = contents.missing[0]?.message ?? `The ${platform.displayName} has no keys that DFU reaches.`;
	throw refused(ExitCode.planRefused, [problem(contents.missing[0]?.code ?? 'NO_DCT', message)], 'Nothing was written.');
}

function privateKind({ cloud }: CloudPlace): PrivateKind {
	return cloud.devicePrivateKey.key === 'ec-p256' ? 'ec-p256' : 'rsa-1024';
}

function privateKeyField(contents: BackupContents, place: CloudPlace): { kind: PrivateKind; field: Uint8Array } {
	const { offset, size } = place.cloud.devicePrivateKey;
	return { kind: privateKind(place), field: bytesAt(contents, place, offset, size) };
}

function bytesAt(contents: BackupContents, place: CloudPlace, offset: number, size: number): Uint8Array {
	const part = contents.parts.find(
		(p) =>
			p.storage === place.storage &&
			p.kind !== 'dct-sectors' &&
			p.address <= offset &&
			offset + size <= p.address + p.bytes.length,
	);
	if (!part) throw new LinacError('BACKUP_NOT_READABLE', 'The place of the keys could not be read.', { retry: 'operator' });
	return part.bytes.subarray(offset - part.address, offset - part.address + size);
}

function joined(host: string, port: string | undefined): string {
	if (port === undefined) return host;
	if (host.includes(':')) throw usage('The port is given twice: in --host and with --port.');
	return `${host}:${port}`;
}
