/**
 * The person's own files of Device OS, and the releases that are kept in this browser: a list, a place to add some, a way to be rid of them. For every
 * page on which a release is chosen.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { HeldReleases } from '../engine/own-release-methods.js';
import { callEngine, type Result } from '../link/page-link.js';
import { holdPage } from '../shell/hold.js';
import { announce } from './announcer.js';
import { FileDrop } from './file-drop.js';
import { Failure, Problems } from './problems.js';
import './own-releases.css';

export interface OwnReleasesProps {
	/** Which releases are here has changed. */
	onChange?(): void;
}

type Added = Result<'own.add'>;

export function OwnReleases({ onChange }: OwnReleasesProps) {
	const id = useId();
	const [held, setHeld] = useState<HeldReleases>();
	const [added, setAdded] = useState<Added>();
	const [failure, setFailure] = useState<unknown>();
	const [busy, setBusy] = useState(false);

	const read = async () => setHeld(await callEngine('own.list', undefined));
	useEffect(() => void read().catch(setFailure), []);

	const change = async (work: () => Promise<unknown>, done: string) => {
		setBusy(true);
		setFailure(undefined);
		const letGo = holdPage('Files of Device OS are being read.');
		try {
			await work();
			await read();
			announce(done);
			onChange?.();
		} catch (error) {
			setFailure(error);
		} finally {
			letGo();
			setBusy(false);
		}
	};
	const add = (files: File[], paths: string[]) =>
		change(async () => {
			// So that the browser does not throw them away to make room. It may say no.
			void navigator.storage?.persist?.().catch(() => false);
			setAdded(await callEngine('own.add', { files: files.map((file, i) => ({ path: paths[i] ?? file.name, file })) }));
		}, 'Your files have been read.');

	return (
		<details class="card own-releases">
			<summary>
				<h2>Your own files of Device OS</h2>
				<span class="quiet">{held ? summaryOf(held) : ''}</span>
			</summary>
			<p>
				Add the modules of a release, as a zip or a folder: they come before what this site has, and stay in this browser. A
				restore image (.hex) of an nRF52840 board gives its MBR, which hex files for blank boards need.
			</p>
			<FileDrop
				id={`${id}-files`}
				label="Zip or files"
				folderLabel="Folder"
				help="Or drop a zip, a folder or files here."
				accept=".zip,.bin,.hex"
				multiple
				disabled={busy}
				onFiles={(files, paths) => void add(files, paths)}
			/>
			{busy && <p class="quiet">Reading and checking the files ...</p>}
			{failure !== undefined && <Failure error={failure} title="The files could not be kept" />}
			{added && !busy && <Outcome added={added} />}
			{held && held.own.length > 0 && (
				<Held title="Added by you">
					{held.own.map((set) => (
						<Item
							key={set.key}
							name={set.name}
							text={`${releasesText(set.releases)}; ${megabytes(set.size)}`}
							busy={busy}
							remove={() => void change(() => callEngine('own.remove', { key: set.key }), `${set.name} has been removed.`)}
						/>
					))}
				</Held>
			)}
			{held && held.kept.length > 0 && (
				<Held title="Kept from earlier, for use without a network">
					{held.kept.map(({ key, platform, version, source, size }) => (
						<Item
							key={key}
							name={`${platform} ${version}`}
							text={`from ${source}; ${megabytes(size)}`}
							busy={busy}
							remove={() =>
								void change(() => callEngine('own.forget', { platform, version }), `${platform} ${version} has been removed.`)
							}
						/>
					))}
				</Held>
			)}
		</details>
	);
}

function Outcome({ added: { sets, mbrs, problems } }: { added: Added }) {
	return (
		<>
			{sets.length > 0 && (
				<p>
					<span class="tag good">Added</span> {sets.map((s) => `${s.name}: ${releasesText(s.releases)}`).join('. ')}.
				</p>
			)}
			{mbrs.length > 0 && (
				<p>
					<span class="tag good">Added</span> the MBR of the {mbrs.join(', ')}.
				</p>
			)}
			<Problems problems={problems} />
		</>
	);
}

function Held({ title, children }: { title: string; children: ComponentChildren }) {
	return (
		<>
			<h3>{title}</h3>
			<ul class="own-releases-list">{children}</ul>
		</>
	);
}

function Item({ name, text, busy, remove }: { name: string; text: string; busy: boolean; remove(): void }) {
	return (
		<li>
			<span>
				<strong>{name}</strong> <span class="quiet">{text}</span>
			</span>
			<button type="button" disabled={busy} onClick={remove} aria-label={`Remove ${name}`}>
				Remove
			</button>
		</li>
	);
}

function summaryOf({ own, kept }: HeldReleases): string {
	if (own.length + kept.length === 0) return 'none yet';
	const parts = [own.length > 0 && `${own.length} added`, kept.length > 0 && `${kept.length} kept from earlier`];
	return parts.filter(Boolean).join(', ');
}

/** A folder may hold dozens. */
const MOST_SHOWN = 4;

function releasesText(releases: readonly { platform: string; version: string }[]): string {
	const shown = releases.slice(0, MOST_SHOWN).map((r) => `${r.platform} ${r.version}`);
	const more = releases.length - shown.length;
	return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function megabytes(bytes: number): string {
	return `${(bytes / 1e6).toFixed(1)} MB`;
}
