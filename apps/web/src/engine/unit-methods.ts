/** Images for a list of units: the list is judged as soon as it is given, and made into one zip when asked for. */
import { asPlatform, releaseByVersion } from '@linac/catalog';
import { bad, problem, throwIfCancelled, toHex, type Verdict } from '@linac/core';
import { writeZip, type ZipFile } from '@linac/firmware';
import {
	type CheckedUnit,
	checkUnits,
	makeUnitHexes,
	parseUnits,
	type UnitFile,
	type Units,
	unitsManifest,
	unitsNeed,
} from '@linac/image';
import { handOver } from '../link/engine-link.js';
import type { CallContext } from '../link/messages.js';
import { type FieldProblem, placed, placedByField } from './field-problems.js';
import { readGivenFile } from './given-file.js';
import { type ImageRequest, openChoices } from './image-choices.js';
import type { Outcome } from './image-methods.js';
import { matchKeyFiles, type NamedFile } from './unit-key-files.js';
import { world } from './world.js';

/** A file with the keys of units, as the page gives it. */
export interface KeyFile extends NamedFile {
	file: File;
}

export interface UnitsRequest {
	platform: string;
	version: string;
	list: File;
	keys: KeyFile[];
	allowRepeats?: boolean;
}

export interface UnitsChecked {
	units: number;
	/** Names of the columns that set something. */
	columns: string[];
	/** Files that the list names and that were given. */
	keys: number;
}

export interface UnitsMade {
	file: string;
	zip: Uint8Array<ArrayBuffer>;
	units: number;
}

/** What a browser is asked to hold at once: some 100 images of a Photon. Bytes. */
const LARGEST = 256 * 1024 * 1024;
/** Units between two reports of progress. */
const TELL_EVERY = 5;

export const unitMethods = {
	/** All rows and key files of a list, before anything is made. */
	async 'units.check'(request: UnitsRequest, { signal }: CallContext): Promise<Outcome<UnitsChecked>> {
		const { checked, units, found, problems } = await check(request, signal);
		if (!checked || !units) return { problems };
		return { made: { units: checked.length, columns: units.columns, keys: found }, problems };
	},

	/** One zip with an image for each unit and the manifest. Emits how many are made. */
	async 'units.make'(
		{ units, image }: { units: UnitsRequest; image: ImageRequest },
		{ signal, emit }: CallContext<number>,
	): Promise<Outcome<UnitsMade>> {
		const { checked, problems } = await check(units, signal);
		if (!checked) return { problems };
		const { choices, problems: more } = await openChoices({ ...image, fields: {} }, signal);
		problems.push(...more);
		if (!choices) return { problems };
		const hexes = makeUnitHexes(choices);
		problems.push(...placedByField(hexes.problems));
		if (!hexes.ok) return { problems };
		const { composed, of } = hexes.value;
		const files: ZipFile[] = [];
		const made: UnitFile[] = [];
		let size = 0;
		for (const { name, file, bytes } of of(checked)) {
			throwIfCancelled(signal);
			size += bytes.length;
			if (size * (checked.length / (made.length + 1)) > LARGEST) {
				const most = Math.floor(LARGEST / bytes.length);
				const message = `The list has ${checked.length} units; a browser makes ${most} images of this size at once. Give it in parts, or use "linac hex --units" for any number.`;
				return {
					problems: [
						...problems,
						...placed([problem('UNITS_TOO_MANY', message, { expected: most, found: checked.length })], 'units'),
					],
				};
			}
			files.push({ name: file, bytes });
			made.push({ unit: name, file, size: bytes.length, sha256: toHex(world.digests.sha256(bytes)) });
			if (made.length % TELL_EVERY === 0) {
				emit(made.length);
				// So that a cancellation is heard.
				await new Promise((resolve) => setTimeout(resolve));
			}
		}
		const manifest = unitsManifest({ platform: composed.platform, version: composed.version }, made);
		files.push({ name: 'manifest.json', bytes: new TextEncoder().encode(manifest) });
		const zip = writeZip(files, { method: 'stored', digests: world.digests });
		const file = `${composed.platform}-${composed.version}-units.zip`;
		return handOver({ made: { file, zip, units: made.length }, problems }, [zip]);
	},
};

interface Checked {
	units?: Units;
	/** Absent: something was refused. */
	checked?: CheckedUnit[];
	/** Key files that the list names and that were given. */
	found: number;
	problems: FieldProblem[];
}

async function check(request: UnitsRequest, signal: AbortSignal): Promise<Checked> {
	const { platform, version, list, keys } = request;
	const moduleVersion = releaseByVersion(version)?.moduleVersion;
	const units = await readList(list, signal);
	if (!units.ok) return { found: 0, problems: placed(units.problems, 'units') };
	const { found, ambiguous } = matchKeyFiles(unitsNeed(units.value), keys);
	const problems = ambiguous.map((path): FieldProblem => {
		const message = `Several of the files that were given are called as "${path}" is. Drop the folder that the paths in the list begin in.`;
		return { ...problem('UNIT_FILE_AMBIGUOUS', message, { file: list.name }), at: 'keys' };
	});
	const contents = new Map<string, Uint8Array>();
	for (const [path, { file }] of found) {
		const read = await readGivenFile(file, signal);
		if (read.ok) contents.set(path, read.value.bytes);
		else problems.push(...placed(read.problems, 'keys'));
	}
	if (problems.length > 0 || moduleVersion === undefined) return { found: contents.size, problems };
	const options = request.allowRepeats ? { allowRepeats: true } : {};
	const checked = checkUnits(asPlatform(platform), moduleVersion, units.value, contents, options);
	const told = checked.problems.map((p): FieldProblem => ({ ...p, at: p.code === 'UNIT_FILE_MISSING' ? 'keys' : 'units' }));
	return { units: units.value, ...(checked.ok ? { checked: checked.value } : {}), found: contents.size, problems: told };
}

async function readList(list: File, signal: AbortSignal): Promise<Verdict<Units>> {
	const file = await readGivenFile(list, signal);
	return file.ok ? parseUnits(file.value.bytes, { file: file.value.name }) : bad(...file.problems);
}
