/** What stands in the forms of the hex generator, kept while somebody looks at other pages; board, release and what is made also stand in the address. */
import type { ProgrammingTool } from '@linac/catalog';
import type { HexLayout, UnitFieldName } from '@linac/image';
import { computed, signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { FieldProblem, ImageField } from '../../engine/field-problems.js';
import type { ImageRequest } from '../../engine/image-choices.js';
import type { PlatformShown, ReleasesShown } from '../../engine/image-facts.js';
import { address, remember, route } from '../../shell/router.js';

/** What can be made here, in the order of the navigation. */
export const kinds = [
	{ kind: 'hex', title: 'Hex file' },
	{ kind: 'base', title: 'From your own image' },
	{ kind: 'units', title: 'Many units' },
	{ kind: 'export', title: 'Exports for programmers' },
	{ kind: 'bundle', title: 'Asset bundles' },
] as const;
export type Kind = (typeof kinds)[number]['kind'];

/** What the engine says that can be chosen. */
export const platforms = signal<readonly PlatformShown[]>([]);
export const releases = signal<{ of: string; shown: ReleasesShown }>();

/** Counts the times that somebody added or removed some. */
export const releasesChanged = signal(0);

export const platform = signal('');
export const version = signal('');
export const board = computed(() => platforms.value.find((p) => p.name === platform.value));
export const release = computed(() => {
	const list = releases.value?.of === platform.value ? releases.value.shown.here : [];
	return list.find((r) => r.version === version.value);
});

export const application = signal<'default' | 'none' | 'file'>('default');
export const applicationFile = signal<File>();
export const mbrFile = signal<File>();
export const allowUnknownMbr = signal(false);
export const withRegisters = signal(true);
/** Empty: as published for the board. */
export const nfcPins = signal<'' | 'gpio' | 'nfc'>('');
export const layout = signal<HexLayout>('sorted');
export const unitTexts = signal<Partial<Record<UnitFieldName, string>>>({});
export const unitKeys = signal<Partial<Record<UnitFieldName, File>>>({});
export const tool = signal<ProgrammingTool | ''>('');

export const kind = computed<Kind>(() => kinds.find((k) => k.kind === route.value.query.get('make'))?.kind ?? 'hex');

function query(make: Kind): Record<string, string> {
	return {
		...(make === 'hex' ? {} : { make }),
		...(platform.value === '' ? {} : { platform: platform.value }),
		...(version.value === '' ? {} : { version: version.value }),
		...(make === 'export' && tool.value !== '' ? { for: tool.value } : {}),
	};
}

/** The address under which something else is made of the same choices. */
export function addressOf(make: Kind): string {
	return address('hex', query(make));
}

/** Takes what the address says. Done when the page is shown, and when somebody follows a link to it. */
export function takeAddress(): void {
	const { page, query: given } = route.value;
	if (page !== 'hex') return;
	const board = given.get('platform');
	if (board !== null && board !== platform.peek()) {
		platform.value = board;
		version.value = '';
	}
	version.value = given.get('version') ?? version.peek();
	const wanted = given.get('for');
	if (wanted !== null) tool.value = wanted as ProgrammingTool;
}

/** Puts what was chosen into the address. */
export function keepAddress(): void {
	const wanted = query(kind.peek());
	if (new URLSearchParams(wanted).toString() !== route.peek().query.toString()) remember(wanted);
}

/** Everything but the settings of a unit. Undefined while something is missing without which there is nothing to make. */
const withoutSettings = computed<ImageRequest | undefined>(() => {
	if (!board.value || !release.value) return undefined;
	const file = applicationFile.value;
	if (application.value === 'file' && !file) return undefined;
	return {
		platform: board.value.name,
		version: release.value.version,
		application: application.value === 'file' ? { kind: 'file', file: file! } : { kind: application.value },
		...(mbrFile.value ? { mbr: mbrFile.value } : {}),
		...(allowUnknownMbr.value ? { allowUnknownMbr: true } : {}),
		...(!board.value.registers || withRegisters.value ? {} : { uicr: false }),
		...(!board.value.registers || nfcPins.value === '' ? {} : { nfcPins: nfcPins.value }),
		...(!release.value.classic || layout.value === 'sorted' ? {} : { layout: layout.value }),
	};
});

/**
 * What the form asks for: another object only when something of it has changed. `settings`: whether there is a place for those of
 * a unit; of those that were given, the ones that the board has are taken.
 */
export function useRequest(settings: boolean): ImageRequest | undefined {
	const [image, texts, keys] = [withoutSettings.value, unitTexts.value, unitKeys.value];
	const names = settings ? (board.value?.fields.map((f) => f.name).join() ?? '') : '';
	return useMemo(() => {
		const given = Object.entries({ ...texts, ...keys }).filter(([name]) => names.split(',').includes(name));
		return image && { ...image, fields: Object.fromEntries(given) };
	}, [image, texts, keys, names]);
}

/** Beside a field. What is left out of many is of the same kind, or there once the first have been put right. */
const MOST = 3;

/** Errors of a field, one sentence each; of many the first. */
export function wrongAt(problems: readonly FieldProblem[], field: ImageField): string[] {
	const wrong = problems.filter((p) => p.at === field && p.severity === 'error').map((p) => p.message);
	return wrong.length <= MOST ? wrong : [...wrong.slice(0, MOST), `And ${wrong.length - MOST} more.`];
}
