/**
 * Where virtual devices are kept between visits: contents of their flash and their cable, in IndexedDB of the site. One tab has them at a time. Where a
 * browser keeps nothing, they last as long as the page. Not for real devices (storage.ts).
 */
import type { Json } from '@linac/core';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

/** What is known of a device besides its flash. */
export interface StoredVirtual {
	name: string;
	/** Places in the list: in the order in which they were made. */
	order: number;
	platform: string;
	/** Undefined where the platform has no releases. */
	version: string | undefined;
	standIn: boolean;
	cable: boolean;
}

export interface BenchSettings {
	speed: number;
	timing: 'datasheet' | 'none';
}

/** `other-tab`: another tab of this browser has the kept ones. */
export type Kept = 'kept' | 'other-tab' | 'not-kept';

interface Schema extends DBSchema {
	devices: { key: string; value: StoredVirtual };
	flash: { key: string; value: Json };
	settings: { key: string; value: BenchSettings };
}

export interface VirtualStore {
	readonly kept: Kept;
	load(): Promise<{ devices: { about: StoredVirtual; state: Json }[]; settings: BenchSettings | undefined }>;
	/** Both in one transaction: a page that goes meanwhile leaves the state before, whole. */
	put(about: StoredVirtual, state: Json): Promise<void>;
	remove(name: string): Promise<void>;
	putSettings(settings: BenchSettings): Promise<void>;
}

/** A page that is just going still has them for a moment, ms: browsers give a worker that is busy 2 s to end. */
const OTHER_TAB_MS = 4_000;
const LOCK = 'linac-virtual-devices';
const SETTINGS = 'bench';

export async function openVirtualStore(): Promise<VirtualStore> {
	if (!(await onlyTab())) return nowhere('other-tab');
	const db = await open().catch(() => undefined);
	return db ? inDatabase(db) : nowhere('not-kept');
}

/** Takes the lock of the bench for as long as this worker lives. */
function onlyTab(): Promise<boolean> {
	if (!('locks' in navigator)) return Promise.resolve(true);
	return new Promise((resolve) => {
		const options = { signal: AbortSignal.timeout(OTHER_TAB_MS) };
		navigator.locks
			.request(LOCK, options, () => {
				resolve(true);
				return new Promise(() => {});
			})
			.catch(() => resolve(false));
	});
}

function open(): Promise<IDBPDatabase<Schema>> {
	return openDB<Schema>('linac-virtual-devices', 1, {
		upgrade(db) {
			db.createObjectStore('devices', { keyPath: 'name' });
			db.createObjectStore('flash');
			db.createObjectStore('settings');
		},
		blocking: (_old, _new, event) => (event.target as IDBDatabase).close(),
	});
}

function inDatabase(db: IDBPDatabase<Schema>): VirtualStore {
	return {
		kept: 'kept',
		async load() {
			const transaction = db.transaction(['devices', 'flash', 'settings']);
			const devices: { about: StoredVirtual; state: Json }[] = [];
			for (const about of await transaction.objectStore('devices').getAll()) {
				const state = await transaction.objectStore('flash').get(about.name);
				if (state !== undefined) devices.push({ about, state });
			}
			const settings = await transaction.objectStore('settings').get(SETTINGS);
			return { devices: devices.sort((a, b) => a.about.order - b.about.order), settings };
		},
		async put(about, state) {
			const transaction = db.transaction(['devices', 'flash'], 'readwrite');
			await Promise.all([
				transaction.objectStore('devices').put(about),
				transaction.objectStore('flash').put(state, about.name),
				transaction.done,
			]);
		},
		async remove(name) {
			const transaction = db.transaction(['devices', 'flash'], 'readwrite');
			await Promise.all([
				transaction.objectStore('devices').delete(name),
				transaction.objectStore('flash').delete(name),
				transaction.done,
			]);
		},
		async putSettings(settings) {
			await db.put('settings', settings, SETTINGS);
		},
	};
}

function nowhere(kept: Kept): VirtualStore {
	const nothing = async () => {};
	return {
		kept,
		load: async () => ({ devices: [], settings: undefined }),
		put: nothing,
		remove: nothing,
		putSettings: nothing,
	};
}
