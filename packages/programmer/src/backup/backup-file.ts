/**
 * The file of a backup, `linac-backup/1`: JSON with the bytes in base64, a SHA-256 of each part and one of the whole. What is read back is
 * not trusted: every field is checked, and an error names the file and the field. Format: docs/formats/backup.md.
 */
import type { Storage } from '@linac/catalog';
import { bad, type Digests, fromBase64, good, type Problem, problem, toBase64, toHex, type Verdict } from '@linac/core';
import type { DeviceMode, DeviceSnapshot, InstalledModule } from '@linac/planner';
import { type BackupContents, type BackupMissing, type BackupPart, backupPartKinds } from './contents.js';

export const BACKUP_FORMAT = 'linac-backup/1';
/** Longest file that is looked at, bytes: the largest application has 2 MB, which base64 makes 2.7 MB. */
export const LARGEST_BACKUP = 16 * 1024 * 1024;
const LARGEST_PART = 8 * 1024 * 1024;
const MOST_PARTS = 16;
const MOST_MODULES = 64;

/** A backup that was read from a file. */
export interface Backup extends Omit<BackupContents, 'dctAccess'> {
	/** When it was made: ISO 8601, UTC. */
	made: string;
	/** Of the whole, as it stands in the file; hex. */
	sha256: string;
}

/** The text of the file. `made`: ISO 8601, UTC, as `Date.toISOString` gives it. */
export function encodeBackup(contents: BackupContents, made: string, digests: Digests): { text: string; sha256: string } {
	const { platform, deviceId, osVersion, device, parts, missing, notes } = contents;
	const body = {
		format: BACKUP_FORMAT,
		about: 'Made by linac. Holds private keys of a device: keep it as you keep a key.',
		made,
		platform,
		...(deviceId === undefined ? {} : { deviceId }),
		...(osVersion === undefined ? {} : { osVersion }),
		device,
		missing,
		notes,
		parts: parts.map((part) => ({
			kind: part.kind,
			storage: part.storage,
			address: part.address,
			size: part.bytes.length,
			sha256: toHex(digests.sha256(part.bytes)),
			...(part.module ? { module: part.module } : {}),
			base64: toBase64(part.bytes),
		})),
	};
	const sha256 = wholeDigest(body, digests);
	return { text: `${JSON.stringify({ ...body, sha256 }, null, 1)}\n`, sha256 };
}

/** Over the JSON without the digest itself, written without spaces and with the fields in their order. */
function wholeDigest(body: object, digests: Digests): string {
	return toHex(digests.sha256(new TextEncoder().encode(JSON.stringify({ ...body, sha256: undefined }))));
}

/**
 * Reads a backup. `file`: its name, for messages.
 * @returns refused with `BACKUP_UNREADABLE` (no such file format), `BACKUP_FIELD` (a field is missing or wrong) or `BACKUP_DAMAGED` (a digest differs)
 */
export function readBackup(bytes: Uint8Array, file: string, digests: Digests): Verdict<Backup> {
	const unreadable = (why: string) =>
		bad<Backup>(problem('BACKUP_UNREADABLE', `${file} is no backup of linac: ${why}.`, { file, expected: BACKUP_FORMAT }));
	if (bytes.length > LARGEST_BACKUP) return unreadable(`it has ${bytes.length} bytes, more than any backup`);
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch {
		return unreadable('it is not JSON. It may have been cut off');
	}
	const fields = new Fields(file);
	const root = fields.object(value, 'the file');
	if (!root) return unreadable('it is not one JSON object');
	if (root.format !== BACKUP_FORMAT) return unreadable(`its format is not ${BACKUP_FORMAT}`);
	const sha256 = fields.hex(root.sha256, 'sha256', 64);
	if (sha256 !== undefined && wholeDigest(root, digests) !== sha256) {
		const message = `${file} is damaged or was changed: its SHA-256 is not the one that stands in it (field sha256).`;
		return bad(problem('BACKUP_DAMAGED', message, { file, field: 'sha256' }));
	}
	const made = fields.text(root.made, 'made', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
	const platform = fields.text(root.platform, 'platform', /^[a-z0-9-]{1,32}$/);
	const deviceId = fields.optional(root.deviceId, (v) => fields.hex(v, 'deviceId', 24));
	const osVersion = fields.optional(root.osVersion, (v) => fields.text(v, 'osVersion', /^[\w.+-]{1,40}$/));
	const device = readSnapshot(fields, root.device, platform ?? '');
	const missing = fields.list(root.missing, 'missing', MOST_PARTS, (v, at) => readMissing(fields, v, at));
	const notes = fields.list(root.notes, 'notes', MOST_PARTS, (v, at) => fields.text(v, at, /^[^\0]{1,2000}$/));
	const parts = fields.list(root.parts, 'parts', MOST_PARTS, (v, at) => readPart(fields, v, at, digests));
	if (fields.problems.length > 0 || !made || !platform || !device || !sha256) return bad(...fields.problems);
	return good({
		made,
		platform,
		...(deviceId === undefined ? {} : { deviceId }),
		...(osVersion === undefined ? {} : { osVersion }),
		device,
		missing,
		notes,
		parts,
		sha256,
	});
}

function readPart(fields: Fields, value: unknown, at: string, digests: Digests): BackupPart | undefined {
	const part = fields.object(value, at);
	if (!part) return undefined;
	const kind = fields.oneOf(part.kind, `${at}.kind`, backupPartKinds);
	const storage = fields.oneOf<Storage>(part.storage, `${at}.storage`, ['internal', 'dct', 'external']);
	const address = fields.number(part.address, `${at}.address`, 0xffff_ffff);
	const size = fields.number(part.size, `${at}.size`, LARGEST_PART);
	const sha256 = fields.hex(part.sha256, `${at}.sha256`, 64);
	const bytes = typeof part.base64 === 'string' ? fromBase64(part.base64) : undefined;
	if (!bytes) fields.wrong(`${at}.base64`, 'base64');
	const module = fields.optional(part.module, (v) => readPartModule(fields, v, `${at}.module`));
	if (!kind || !storage || address === undefined || size === undefined || !sha256 || !bytes) return undefined;
	if (bytes.length !== size) {
		fields.wrong(`${at}.size`, `the number of bytes in ${at}.base64, ${bytes.length}`);
		return undefined;
	}
	if (toHex(digests.sha256(bytes)) !== sha256) {
		fields.add('BACKUP_DAMAGED', `${at}.sha256`, `the SHA-256 of ${at} is another one: these bytes are damaged`);
		return undefined;
	}
	return { kind, storage, address, bytes, ...(module ? { module } : {}) };
}

function readPartModule(fields: Fields, value: unknown, at: string): BackupPart['module'] | undefined {
	const module = fields.object(value, at);
	if (!module) return undefined;
	const number = (name: string, most: number) => fields.number(module[name], `${at}.${name}`, most);
	const [f, index, version] = [number('function', 255), number('index', 255), number('version', 65535)];
	if (typeof module.whole !== 'boolean') fields.wrong(`${at}.whole`, 'true or false');
	if (f === undefined || index === undefined || version === undefined) return undefined;
	return { function: f, index, version, whole: module.whole === true };
}

function readMissing(fields: Fields, value: unknown, at: string): BackupMissing | undefined {
	const missing = fields.object(value, at);
	if (!missing) return undefined;
	const kind = fields.oneOf(missing.kind, `${at}.kind`, backupPartKinds);
	const code = fields.text(missing.code, `${at}.code`, /^[A-Z0-9_]{1,60}$/);
	const message = fields.text(missing.message, `${at}.message`, /^[^\0]{1,2000}$/);
	return kind && code && message ? { kind, code, message } : undefined;
}

const modes: readonly DeviceMode[] = ['normal', 'listening', 'safe', 'dfu'];

/** What is used of it later is checked; what is only there for people to read is left out. */
function readSnapshot(fields: Fields, value: unknown, platform: string): DeviceSnapshot | undefined {
	const device = fields.object(value, 'device');
	if (!device) return undefined;
	const mode = fields.oneOf(device.mode, 'device.mode', modes);
	const depth = fields.oneOf(device.depth, 'device.depth', ['reported', 'read'] as const);
	if (device.platform !== platform) fields.wrong('device.platform', `"${platform}", as in the field platform`);
	const modules = fields.optional(device.modules, (v) =>
		fields.list(v, 'device.modules', MOST_MODULES, (m, at): InstalledModule | undefined => {
			const module = fields.object(m, at);
			if (!module) return undefined;
			const [f, index, version] = (['function', 'index', 'version'] as const).map((name) =>
				fields.number(module[name], `${at}.${name}`, 65535),
			);
			if (typeof module.valid !== 'boolean') fields.wrong(`${at}.valid`, 'true or false');
			const contentSha256 = fields.optional(module.contentSha256, (v) => fields.hex(v, `${at}.contentSha256`, 64));
			if (f === undefined || index === undefined || version === undefined) return undefined;
			return {
				function: f,
				index,
				version,
				valid: module.valid === true,
				...(contentSha256 === undefined ? {} : { contentSha256 }),
			};
		}),
	);
	if (!mode || !depth) return undefined;
	return { platform, mode, depth, via: 'usb', ...(modules ? { modules } : {}) };
}

/** Checks fields and collects what is wrong with them; a value that passed has the type that was asked for. */
class Fields {
	readonly problems: Problem[] = [];
	readonly #file: string;

	constructor(file: string) {
		this.#file = file;
	}

	add(code: string, field: string, why: string): undefined {
		this.problems.push(problem(code, `${this.#file}: ${why}.`, { file: this.#file, field }));
		return undefined;
	}

	wrong(field: string, expected: string): undefined {
		return this.add('BACKUP_FIELD', field, `the field ${field} is missing or wrong; it should be ${expected}`);
	}

	object(value: unknown, field: string): Record<string, unknown> | undefined {
		const is = typeof value === 'object' && value !== null && !Array.isArray(value);
		return is ? (value as Record<string, unknown>) : this.wrong(field, 'an object');
	}

	list<T>(value: unknown, field: string, most: number, read: (value: unknown, at: string) => T | undefined): T[] {
		if (!Array.isArray(value) || value.length > most) {
			this.wrong(field, `a list of at most ${most}`);
			return [];
		}
		return value.flatMap((v: unknown, i) => {
			const item = read(v, `${field}[${i}]`);
			return item === undefined ? [] : [item];
		});
	}

	optional<T>(value: unknown, read: (value: unknown) => T | undefined): T | undefined {
		return value === undefined ? undefined : read(value);
	}

	text(value: unknown, field: string, form: RegExp): string | undefined {
		return typeof value === 'string' && form.test(value) ? value : this.wrong(field, `text of the form ${form.source}`);
	}

	hex(value: unknown, field: string, digits: number): string | undefined {
		const is = typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value);
		return is ? value : this.wrong(field, `${digits} hex digits in lower case`);
	}

	number(value: unknown, field: string, most: number): number | undefined {
		const is = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
		return is ? value : this.wrong(field, `a whole number from 0 to ${most}`);
	}

	oneOf<T extends string>(value: unknown, field: string, choices: readonly T[]): T | undefined {
		const found = choices.find((c) => c === value);
		return found ?? this.wrong(field, `one of ${choices.join(', ')}`);
	}
}
