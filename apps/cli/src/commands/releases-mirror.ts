/**
 * `linac releases mirror`: which releases go into a mirror, and how making and checking it is shown. The work itself is `makeMirror` and
 * `verifyMirror` of `@linac/host`; the format stands in docs/releases.md.
 */
import { resolve } from 'node:path';
import {
	filesOf,
	latestInLine,
	type MirrorManifest,
	type MirrorRelease,
	mbrFacts,
	type Platform,
	platforms,
	releaseByVersion,
	releasesFor,
} from '@linac/catalog';
import { keyIdOf, publicKeyLine } from '@linac/core';
import {
	cacheFolder,
	type MadeMirror,
	makeMirror,
	nodeDigests,
	openCache,
	readMirrorKeys,
	readSigningKey,
	verifyMirror,
} from '@linac/host';
import type { Context, SourceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { defaultRelease, platformNamed, releaseNamed } from '../facts.js';
import { refused } from '../failure.js';
import { count, formatBytes } from '../format.js';
import { mirrorKey, openSources, type Sources, signedText } from '../sources.js';

/** `--platform` before `mirror` is that of `releases`: one name. */
export interface MirrorOptions extends SourceOptions {
	platform?: string | string[];
	target?: string[];
	sign?: string;
}

export interface VerifyMirrorOptions {
	mirrorKey?: string;
}

interface Wanted {
	platform: Platform;
	version: string;
}

/** The name under which the cache keeps the MBR that was learned from a hex file. */
const keptMbr = (mcu: string) => `${mcu}-mbr`;

export async function mirror(context: Context, options: MirrorOptions, [dir = '']: string[]): Promise<ExitCode> {
	const { output, signal } = context;
	const folder = resolve(context.cwd, dir);
	const wanted = wantedReleases([options.platform ?? []].flat(), options.target ?? []);
	const key = mirrorKey(context, options).mirrorKey;
	const signingKey = options.sign === undefined ? undefined : await readSigningKey(resolve(context.cwd, options.sign));
	const trustedKeys = key === undefined ? undefined : await readMirrorKeys(key);
	const { mirrorKey: _, ...sourceOptions } = options;
	const sources = await openSources(context, sourceOptions.source || context.env.LINAC_MIRROR ? options : sourceOptions);
	const { further, lacking } = await mbrs(context, sources, wanted);
	context.interrupt.note = 'Stopping ... The mirror stays as it was; the same command, run again, continues.';
	const made = await makeMirror({
		folder,
		wanted: wanted.map((w) => ({ platform: w.platform.name, version: w.version })),
		further,
		...(signingKey ? { signingKey } : {}),
		...(trustedKeys ? { trustedKeys } : {}),
		signal,
		open: (query, s) => sources.open(query, s ?? signal),
		application: ({ platform, version }, s) => sources.application(platformNamed(platform), version, s ?? signal),
		onRelease: ({ platform, version, state, source, index, count: of }) => {
			const what = { added: `from ${source}`, kept: 'is there', missing: 'cannot be had' }[state];
			output.note(`[${index + 1}/${of}] ${platform} ${version}: ${what}`);
		},
	});
	const notes = notesOn(made, wanted, lacking);
	output.document({
		folder,
		manifestSha256: made.sha256,
		signedBy: made.publicKey ? { keyId: keyIdOf(made.publicKey, nodeDigests), publicKey: publicKeyLine(made.publicKey) } : null,
		...contentOf(made.manifest),
		added: made.added,
		kept: made.kept,
		missing: made.missing,
		notes,
	});
	show(context, dir, made, notes);
	return made.missing.length > 0 ? ExitCode.releaseUnavailable : ExitCode.ok;
}

export async function verifyMirrorCommand(
	context: Context,
	options: VerifyMirrorOptions,
	[dir = '']: string[],
): Promise<ExitCode> {
	const { output, signal } = context;
	const folder = resolve(context.cwd, dir);
	const key = mirrorKey(context, options).mirrorKey;
	const { manifest, signedBy, problems, strangers } = await verifyMirror(folder, {
		...(key === undefined ? {} : { trustedKeys: await readMirrorKeys(key) }),
		signal,
	});
	if (problems.length > 0)
		throw refused(ExitCode.inputRefused, problems, 'Copy the mirror again, or run "linac releases mirror" for what is damaged.');
	output.document({
		folder,
		sound: true,
		signedBy: signedBy
			? { keyId: signedBy.keyId, publicKey: publicKeyLine(signedBy.publicKey), trusted: signedBy.trusted }
			: null,
		...contentOf(manifest),
		strangers,
	});
	output.print(output.colors.bold(`Mirror ${dir}`));
	output.print();
	releaseTable(context, manifest, new Map());
	output.print();
	output.paragraph(`Every file is as the mirror says, and every release is whole: ${sizeText(manifest)}.`, '  ');
	output.paragraph(
		signedBy ? `It is ${signedText(signedBy)}.` : 'It is not signed: the hashes say that nothing was damaged, not who made it.',
		'  ',
	);
	if (strangers.length > 0) {
		const more = strangers.length > 3 ? ` and ${strangers.length - 3} more` : '';
		const [be, they] = strangers.length === 1 ? ['does', 'It is'] : ['do', 'They are'];
		output.paragraph(
			`${count(strangers.length, 'file')} in the folder ${be} not belong to the mirror: ${strangers.slice(0, 3).join(', ')}${more}. ${they} never used.`,
			'  ',
		);
	}
	return ExitCode.ok;
}

/**
 * Every named target for every named platform that it was made for. Refused when a platform has none of the targets, or a target none of
 * the platforms; that one of several platforms never had one of several releases is no fault.
 */
function wantedReleases(names: readonly string[], targets: readonly string[]): Wanted[] {
	const named = names.map(platformNamed);
	const all = named.length > 0 ? named : platforms.filter((p) => releasesFor(p).length > 0);
	if (targets.length === 0) return all.map((platform) => ({ platform, version: defaultRelease(platform).version }));
	const out: Wanted[] = [];
	for (const platform of all) {
		const versions = targets.flatMap((t) => {
			const release = releaseByVersion(t) ?? latestInLine(platform, t);
			return release?.platforms.includes(platform.name) ? [release.version] : [];
		});
		// Says what is wrong with the first target, for this platform.
		if (versions.length === 0 && named.length > 0) releaseNamed(targets[0]!, platform);
		out.push(...versions.map((version) => ({ platform, version })));
	}
	for (const target of targets) {
		const fits = all.some((p) => (releaseByVersion(target) ?? latestInLine(p, target))?.platforms.includes(p.name));
		if (!fits) releaseNamed(target, all[0]!);
	}
	return out;
}

/** The MBR for every MCU that needs one: learned from a hex file, or in a mirror that was named. `lacking`: MCUs without. */
async function mbrs(context: Context, sources: Sources, wanted: readonly Wanted[]) {
	const cache = openCache(cacheFolder(context.env));
	const further: { kind: string; mcu: string; bytes: Uint8Array }[] = [];
	const lacking: string[] = [];
	for (const mcu of new Set(wanted.map((w) => w.platform.mcu))) {
		const facts = mbrFacts({ mcu });
		if (!facts) continue;
		const bytes = (await cache.kept(keptMbr(mcu))) ?? (await sources.mirrorFile({ kind: 'mbr', mcu }, context.signal))?.bytes;
		if (bytes?.length === facts.size) further.push({ kind: 'mbr', mcu, bytes });
		else lacking.push(mcu);
	}
	return { further, lacking };
}

function notesOn(made: MadeMirror, wanted: readonly Wanted[], lacking: readonly string[]): string[] {
	const notes: string[] = [];
	const there = made.manifest.releases;
	for (const mcu of lacking) {
		if (!there.some((r) => wanted.some((w) => w.platform.mcu === mcu && w.platform.name === r.platform))) continue;
		if (made.manifest.further.some((f) => f.kind === 'mbr' && f.mcu === mcu)) continue;
		notes.push(
			`The MBR of the ${mcu} is not in it: linac does not have it yet. Only hex files for blank boards need it. Learn it from a restore image with "linac hex learn restore.hex", and run this command again.`,
		);
	}
	const bare = there.filter((r) => !r.application).map((r) => `${r.platform} ${r.version}`);
	if (bare.length > 0) notes.push(`Without a default application (Tinker), because no source had one: ${bare.join(', ')}.`);
	if (made.before && made.publicKey && keyIdOf(made.publicKey, nodeDigests) !== made.before.keyId)
		notes.push(`Before, it was signed by key ${made.before.keyId}.`);
	return notes;
}

function contentOf(manifest: MirrorManifest) {
	return {
		files: manifest.files.length,
		bytes: manifest.files.reduce((sum, f) => sum + f.size, 0),
		releases: manifest.releases,
		further: manifest.further,
	};
}

function show(context: Context, dir: string, made: MadeMirror, notes: readonly string[]): void {
	const { output } = context;
	const c = output.colors;
	const { manifest } = made;
	if (manifest.releases.length > 0) {
		const added = new Map(made.added.map((q) => [`${q.platform} ${q.version}`, c.green('new')]));
		output.print(c.bold(`Mirror ${dir}`));
		output.print();
		releaseTable(context, manifest, added);
		output.print();
		output.print(`  ${sizeText(manifest)}. Written now: ${count(made.written, 'file')}.`);
	}
	for (const m of made.missing) {
		output.print();
		output.paragraph(`${c.red('Not in it:')} ${m.platform} ${m.version}. ${m.message}`, '  ');
	}
	for (const note of notes) {
		output.print();
		output.paragraph(`${c.yellow('Note:')} ${note}`, '  ');
	}
	if (manifest.releases.length === 0) {
		output.print();
		output.print('  Nothing was written.');
		return;
	}
	output.print();
	if (made.publicKey) {
		output.print(`  Signed by key ${keyIdOf(made.publicKey, nodeDigests)}. To accept only mirrors with this signature:`);
		output.print(`    export LINAC_MIRROR_KEY=${publicKeyLine(made.publicKey)}`);
	}
	output.print('  To use it, copy the whole folder and name it:');
	output.print(`    linac releases --source ${dir} --offline`);
}

function releaseTable(context: Context, manifest: MirrorManifest, added: ReadonlyMap<string, string>): void {
	const list = (r: MirrorRelease) => r.modules.map((m) => `${m.slot} ${m.version}`).join(', ');
	const size = (r: MirrorRelease) => {
		const paths = new Set(filesOf(r));
		return formatBytes(manifest.files.reduce((sum, f) => sum + (paths.has(f.path) ? f.size : 0), 0));
	};
	context.output.table(
		[
			{ title: 'Platform' },
			{ title: 'Version' },
			{ title: 'Modules', wrap: true },
			{ title: 'Application', align: 'right' },
			{ title: 'Size', align: 'right' },
			...(added.size > 0 ? [{ title: '' }] : []),
		],
		manifest.releases.map((r) => [
			r.platform,
			r.version,
			list(r),
			r.application ? String(r.application.version) : '',
			size(r),
			...(added.size > 0 ? [added.get(`${r.platform} ${r.version}`) ?? ''] : []),
		]),
		'  ',
	);
}

function sizeText(manifest: MirrorManifest): string {
	const { files, bytes } = contentOf(manifest);
	const mbr = manifest.further.some((f) => f.kind === 'mbr') ? ', with the MBR' : '';
	return `${count(manifest.releases.length, 'release')}, ${count(files, 'file')}, ${formatBytes(bytes)}${mbr}`;
}
