/**
 * What the engine keeps in this browser between visits: jobs that are not finished, and backups. IndexedDB of the site; nothing leaves the browser. Where
 * a browser keeps nothing (some private windows), it lasts as long as the page. Not for settings of the page.
 */
import type { Permission } from '@linac/planner';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

/** What is to become of the application on a device. `keep`: it stays where it runs on the release; else the default one is installed. */
export type ApplicationChoice = { kind: 'keep' } | { kind: 'default' } | { kind: 'file'; name: string; bytes: Uint8Array };

/** What a job is to reach. Everything else is derived from what is on the device. */
export interface RestoreGoal {
	target: string;
	application: ApplicationChoice;
	allow: Permission[];
}

/** A job that has begun to write and whose end has not been proved. */
export interface StoredJob {
	/** As `keyOf` of its device. */
	key: string;
	virtual: boolean;
	/** Of the device. */
	name: string;
	platform: string;
	goal: RestoreGoal;
	/** ISO 8601. */
	began: string;
}

export interface StoredBackup {
	/** File name; unique. */
	key: string;
	platform: string;
	deviceId?: string;
	/** ISO 8601. */
	made: string;
	text: string;
	sha256: string;
	/** The application in it is whole. */
	whole: boolean;
}

interface Schema extends DBSchema {
	jobs: { key: string; value: StoredJob };
	backups: { key: string; value: StoredBackup };
}

let opened: Promise<IDBPDatabase<Schema> | undefined> | undefined;

function database(): Promise<IDBPDatabase<Schema> | undefined> {
	opened ??= openDB<Schema>('linac-restore', 1, {
		upgrade(db) {
			db.createObjectStore('jobs', { keyPath: 'key' });
			db.createObjectStore('backups', { keyPath: 'key' });
		},
		// Another tab has a newer version of the page: it shall not wait for this one.
		blocking: (_old, _new, event) => (event.target as IDBDatabase).close(),
	}).catch(() => undefined);
	return opened;
}

/** Values by their `key`. */
export interface Shelf<T> {
	all(): Promise<T[]>;
	get(key: string): Promise<T | undefined>;
	put(value: T): Promise<void>;
	remove(key: string): Promise<void>;
}

function shelf<N extends 'jobs' | 'backups'>(name: N): Shelf<Schema[N]['value']> {
	type Value = Schema[N]['value'];
	const memory = new Map<string, Value>();
	return {
		async all() {
			const db = await database();
			return db ? ((await db.getAll(name)) as Value[]) : [...memory.values()];
		},
		async get(key) {
			const db = await database();
			return db ? ((await db.get(name, key)) as Value | undefined) : memory.get(key);
		},
		async put(value) {
			const db = await database();
			if (db) await db.put(name, value);
			else memory.set(value.key, value);
		},
		async remove(key) {
			const db = await database();
			if (db) await db.delete(name, key);
			else memory.delete(key);
		},
	};
}

export const storedJobs = shelf('jobs');
export const storedBackups = shelf('backups');
