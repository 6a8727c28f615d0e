/**
 * Which settings of a backup are put back onto a device. What would make the device act by itself (update flags, module slots) and what
 * belongs to the firmware that runs is never among them, and what belongs to one device only on request. Which is which: the table in
 * data/dct.json. Places are the catalogue's, never a file's. Pure.
 */
import { type DctGroup, dctTableOf, type Platform } from '@linac/catalog';
import type { DctChange } from '../dct-writes.js';
import type { Backup } from './backup-file.js';
import { partOf } from './contents.js';

/** What can be asked for; `system` cannot. */
export const restorableGroups = ['keys', 'server', 'claim-code', 'wifi', 'settings'] as const satisfies DctGroup[];
export type RestorableGroup = (typeof restorableGroups)[number];

/** `foreign`: without what belongs to the device of the backup alone. */
export function restoreChanges(
	backup: Pick<Backup, 'parts'>,
	platform: Platform,
	groups: ReadonlySet<RestorableGroup>,
	foreign: boolean,
): DctChange[] {
	const wanted = (group: DctGroup) => (groups as ReadonlySet<DctGroup>).has(group);
	const out: DctChange[] = [];
	const dct = partOf(backup, 'dct');
	for (const f of (dct && dctTableOf(platform)?.fields) ?? []) {
		if (f.stays !== undefined || !wanted(f.group) || (foreign && f.ofDevice)) continue;
		const bytes = dct!.bytes.slice(f.offset, f.offset + f.size);
		if (bytes.length === f.size) out.push({ name: f.name, storage: 'dct', offset: f.offset, bytes });
	}
	for (const [kind, group] of [
		['server-key', 'server'],
		['device-key', 'keys'],
	] as const) {
		const part = partOf(backup, kind);
		const region = platform.memory.find((r) => r.name === kind && r.storage === 'external');
		if (!part || !region || !wanted(group) || (foreign && kind === 'device-key')) continue;
		if (part.bytes.length !== region.end - region.start) continue;
		out.push({ name: kind, storage: 'external', offset: region.start, bytes: part.bytes });
	}
	return out;
}
