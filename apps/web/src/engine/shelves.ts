/**
 * Values that the engine keeps in this browser between visits, by their key: IndexedDB of the site, nothing leaves the browser. Where a browser keeps
 * nothing (some private windows), they last as long as the page. What the values are is for those who keep them.
 */
import { type IDBPDatabase, openDB } from 'idb';

export interface Shelf<T> {
	all(): Promise<T[]>;
	get(key: string): Promise<T | undefined>;
	/** Rejects with the browser's `QuotaExceededError` when there is no room. */
	put(value: T): Promise<void>;
	remove(key: string): Promise<void>;
}

/** Opens the shelves of a database when the first is used. Their names are for ever: others come with another database. */
export function shelves<S extends Record<string, { key: string }>>(
	database: string,
	names: readonly (keyof S & string)[],
): { [N in keyof S]: Shelf<S[N]> } {
	let opened: Promise<IDBPDatabase | undefined> | undefined;
	const open = () => {
		opened ??= openDB(database, 1, {
			upgrade(db) {
				for (const name of names) db.createObjectStore(name, { keyPath: 'key' });
			},
			// Somebody removes it, or the browser closes it: the next use opens it again.
			blocking: (_old, _new, event) => {
				(event.target as IDBDatabase).close();
				opened = undefined;
			},
			terminated: () => {
				opened = undefined;
			},
		}).catch(() => undefined);
		return opened;
	};
	return Object.fromEntries(names.map((name) => [name, shelf(name, open)])) as { [N in keyof S]: Shelf<S[N]> };
}

function shelf<T extends { key: string }>(name: string, open: () => Promise<IDBPDatabase | undefined>): Shelf<T> {
	const memory = new Map<string, T>();
	return {
		async all() {
			const db = await open();
			return db ? ((await db.getAll(name)) as T[]) : [...memory.values()];
		},
		async get(key) {
			const db = await open();
			return db ? ((await db.get(name, key)) as T | undefined) : memory.get(key);
		},
		async put(value) {
			const db = await open();
			if (db) await db.put(name, value);
			else memory.set(value.key, value);
		},
		async remove(key) {
			const db = await open();
			if (db) await db.delete(name, key);
			else memory.delete(key);
		},
	};
}
