/** One module: what it is, what it needs, on what it would run, and its header field by field. */
import type { FileFinding } from '@linac/image';
import { Copyable } from '../../parts/copyable.js';
import { Fold } from '../../parts/fold.js';
import { addressText, sizeText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { address } from '../../shell/router.js';

type Module = FileFinding['modules'][number];

export function ModuleView({ module, own = false }: { module: Module; own?: boolean }) {
	const { product, platform } = module;
	return (
		<>
			{own && <Problems problems={module.problems} />}
			<dl class="facts">
				<dt>Module</dt>
				<dd>
					{module.name}, version {module.version}
				</dd>
				<dt>Board</dt>
				<dd>{boardText(module)}</dd>
				<dt>Address</dt>
				<dd>
					<code>{addressText(module.start)}</code> to <code>{addressText(module.end)}</code>
				</dd>
				<dt>Checks</dt>
				<dd>
					CRC-32 {module.crcOk ? 'right' : <strong>wrong</strong>}, SHA-256 inside{' '}
					{module.shaOk ? 'right' : 'wrong (devices do not check it)'}
				</dd>
				<dt>Needs</dt>
				<dd>
					{module.needs.length === 0
						? 'nothing else'
						: module.needs.map((n) => (n.release === undefined ? n.text : `${n.text} (Device OS ${n.release})`)).join('; ')}
				</dd>
				{module.assets.length > 0 && (
					<>
						<dt>Needs the assets</dt>
						<dd>{module.assets.map((a) => a.name).join(', ')}</dd>
					</>
				)}
				{module.asset && (
					<>
						<dt>Asset</dt>
						<dd>{module.asset.name}</dd>
					</>
				)}
				<dt>Runs on</dt>
				<dd>{module.runsOn.text}</dd>
				{product && (
					<>
						<dt>Product</dt>
						<dd>
							{product.id ?? 'none'}, version {product.version ?? 'none'}
						</dd>
					</>
				)}
				{module.flags.length > 0 && (
					<>
						<dt>Marks</dt>
						<dd>{module.flags.join(', ')}</dd>
					</>
				)}
				{own && (
					<>
						<dt>SHA-256</dt>
						<dd>
							<Copyable value={module.sha256} name={`SHA-256 of ${module.file}`} />
						</dd>
					</>
				)}
			</dl>
			{platform && module.runsOn.lacking.length > 0 && module.function === USER_PART && (
				<Fold title={`Releases that it does not run on (${module.runsOn.lacking.length})`}>
					{() => <Lacking module={module} />}
				</Fold>
			)}
			<Fold title={`Every field (${module.fields.length})`}>{() => <FieldTable module={module} />}</Fold>
			{platform && module.runsOn.partOf[0] !== undefined && (
				<p>
					<a href={address('releases', { platform: platform.name })}>Releases for the {platform.displayName}</a>
				</p>
			)}
		</>
	);
}

/** `ModuleFunction.user`. */
const USER_PART = 5;

function boardText({ platform, platformId, runsOn }: Module): string {
	if (!platform) return platformId === 0 ? 'any that keeps assets' : `platform ${platformId}, which is not known here`;
	const others = runsOn.boards.length - 1;
	const more = others > 0 ? `; the same is used on ${runsOn.boards.map((b) => b.displayName).join(', ')}` : '';
	return `${platform.displayName} (platform ${platformId})${more}`;
}

function Lacking({ module }: { module: Module }) {
	return (
		<ul class="inspect-lacking">
			{module.runsOn.lacking.map(({ version, what }) => (
				<li key={version}>
					{version}: lacks {what}
				</li>
			))}
		</ul>
	);
}

const partTitles: Record<Module['fields'][number]['part'], string> = {
	'vector-table': 'In front of the header',
	prefix: 'Header',
	'prefix-extensions': 'Header extensions',
	body: 'Body',
	'suffix-extensions': 'Suffix extensions',
	suffix: 'Suffix',
	crc: 'CRC-32',
};

function FieldTable({ module }: { module: Module }) {
	return (
		<ScrollArea label={`Fields of ${module.file}`}>
			<table class="inspect-fields">
				<thead>
					<tr>
						<th scope="col">Offset</th>
						<th scope="col">Bytes</th>
						<th scope="col">Part</th>
						<th scope="col">Field</th>
						<th scope="col">Value</th>
						<th scope="col">Means</th>
					</tr>
				</thead>
				<tbody>
					{module.fields.map((f, i) => (
						<tr key={`${f.name} ${i}`}>
							<td>
								<code title={String(f.offset)}>0x{f.offset.toString(16).toUpperCase()}</code>
							</td>
							<td>{f.size}</td>
							<td>{partTitles[f.part]}</td>
							<th scope="row">{f.name}</th>
							<td>
								<code>{f.value}</code>
							</td>
							<td>{f.meaning}</td>
						</tr>
					))}
				</tbody>
			</table>
		</ScrollArea>
	);
}

/** Several modules, each to be opened. */
export function ModuleFolds({ modules, more, file }: { modules: readonly Module[]; more: number; file: string }) {
	return (
		<>
			<h3>Modules</h3>
			{modules.map((m) => (
				<Fold
					key={m.file}
					title={
						<>
							<strong>{m.asset ? `asset "${m.asset.name}"` : `${m.name} ${m.version}`}</strong>, {sizeText(m.size)},{' '}
							{placeIn(file, m)} <span class={`tag ${m.sound ? 'good' : 'bad'}`}>{m.sound ? '✓ sound' : '✗ damaged'}</span>
						</>
					}
				>
					{() => <ModuleView module={m} own />}
				</Fold>
			))}
			{more > 0 && <p class="quiet">{more} more are in the JSON.</p>}
		</>
	);
}

/** Where in the file: a member, an address of an image, an offset. */
function placeIn(file: string, { file: place }: Module): string {
	const rest = place.slice(file.length);
	if (rest.startsWith('@0x')) return `at ${rest.slice(1)}`;
	if (rest.startsWith('@')) return `from byte ${rest.slice(1)} on`;
	return rest.slice(1);
}
