/** Further files of Device OS that are kept in this browser, such as the MBR. */
import { type IDBPDatabase, openDB } from 'idb';

interface KeptFurther {
	key: string;
	origin: string;
	bytes: Uint8Array;
}

let opened: Promise<IDBPDatabase | undefined> | undefined;
const memory = new Map<string, KeptFurther>();

function database(): Promise<IDBPDatabase | undefined> {
	opened ??= openDB('linac-kept', 1, { upgrade: (db) => void db.createObjectStore('further', { keyPath: 'key' }) }).catch(
		() => undefined,
	);
	return opened;
}

export async function keepFurther(kind: string, mcu: string, found: { bytes: Uint8Array; origin: string }): Promise<void> {
	const value = { key: `${kind} ${mcu}`, ...found };
	memory.set(value.key, value);
	await (await database())?.put('further', value).catch(() => {});
}

export async function keptFurther(kind: string, mcu: string): Promise<KeptFurther | undefined> {
	const key = `${kind} ${mcu}`;
	return memory.get(key) ?? (await (await database())?.get('further', key));
}
