/** The form that makes virtual boards: which, with what on them, in which state, and how many. */
import type { StartingState } from '@linac/virtual';
import { useEffect, useState } from 'preact/hooks';
import type { VirtualRelease } from '../../engine/virtual-methods.js';
import { callEngine } from '../../link/page-link.js';
import { Field, fieldProps } from '../../parts/field.js';
import { act, bench } from '../../parts/virtual/bench-state.js';
import { route } from '../../shell/router.js';
import { platforms, startingStates } from './choices.js';

/** The board that most people have, and a release whose real modules are most often at hand. */
const usual = { platform: 'boron', version: '4.0.1' };
const counts = [1, 2, 4, 8, 16];

export function AddForm() {
	const [platform, setPlatform] = useState(route.value.query.get('platform') ?? usual.platform);
	const [version, setVersion] = useState(route.value.query.get('version') ?? usual.version);
	const [start, setStart] = useState<StartingState['name']>('healthy');
	const [count, setCount] = useState(1);
	const [busy, setBusy] = useState(false);

	useEffect(() => {
		void act(async () => {
			platforms.value = await callEngine('virtual.choices', undefined);
		});
	}, []);
	const known = platforms.value;
	const states = startingStates.value;
	const chosen = known?.find((p) => p.name === platform) ?? known?.[0];
	const release = chosen?.releases.find((r) => r.version === version) ?? recommended(chosen?.releases ?? []);
	const chosenName = chosen?.name;
	const chosenVersion = release?.version;
	useEffect(() => {
		if (chosenName === undefined) return;
		let current = true;
		void act(async () => {
			const found = await callEngine('virtual.states', { platform: chosenName, version: chosenVersion });
			if (!current) return;
			startingStates.value = found;
			setStart((now) => (found.some((s) => s.name === now) ? now : 'healthy'));
		});
		return () => {
			current = false;
		};
	}, [chosenName, chosenVersion]);
	if (!known || !chosen || !states) return <p class="quiet">Loading ...</p>;

	const add = async () => {
		setBusy(true);
		const many = count === 1 ? `A virtual ${chosen.displayName} is` : `${count} virtual boards are`;
		await act(
			() => callEngine('virtual.add', { platform: chosen.name, version: release?.version, start, count }),
			`${many} plugged in.`,
		);
		setBusy(false);
	};
	const room = 16 - (bench.value?.devices.length ?? 0);
	const help = states.find((s) => s.name === start)?.help;
	return (
		<form
			class="card try-form"
			onSubmit={(event) => {
				event.preventDefault();
				void add();
			}}
		>
			<h2>Plug in a virtual board</h2>
			<div class="try-fields">
				<Field id="try-platform" label="Board">
					<select {...fieldProps('try-platform')} value={chosen.name} onChange={(e) => setPlatform(e.currentTarget.value)}>
						{known.map((p) => (
							<option key={p.name} value={p.name}>
								{p.displayName}
							</option>
						))}
					</select>
				</Field>
				<Field id="try-version" label="Device OS on it" help={release && !release.here ? standIn : undefined}>
					<select
						{...fieldProps('try-version', { help: release && !release.here ? standIn : undefined })}
						value={release?.version ?? ''}
						disabled={chosen.releases.length === 0}
						onChange={(e) => setVersion(e.currentTarget.value)}
					>
						{chosen.releases.length === 0 && <option value="">none: firmware in one piece</option>}
						{chosen.releases.map((r) => (
							<option key={r.version} value={r.version}>
								{releaseWords(r)}
							</option>
						))}
					</select>
				</Field>
				<Field id="try-start" label="Its state" help={help}>
					<select
						{...fieldProps('try-start', { help })}
						value={start}
						onChange={(e) => setStart(e.currentTarget.value as StartingState['name'])}
					>
						{states.map((s) => (
							<option key={s.name} value={s.name}>
								{s.title}
							</option>
						))}
					</select>
				</Field>
				<Field id="try-count" label="How many">
					<select {...fieldProps('try-count')} value={count} onChange={(e) => setCount(Number(e.currentTarget.value))}>
						{counts.map((n) => (
							<option key={n} value={n} disabled={n > room}>
								{n}
							</option>
						))}
					</select>
				</Field>
			</div>
			<p class="row">
				<button type="submit" class="primary" disabled={busy || count > room}>
					{busy ? 'Plugging in ...' : 'Plug in'}
				</button>
				{count > room && <span>There is room for {room} more.</span>}
			</p>
		</form>
	);
}

const standIn =
	'Its files are not here, so modules made by linac stand in: real addresses, numbers and checks, invented contents. What happens is the same.';

function releaseWords({ version, channel, lts, latestInLine, here }: VirtualRelease): string {
	const more = [
		...(channel === 'release' ? [] : ['pre-release']),
		...(lts ? ['long-term support'] : []),
		...(latestInLine ? ['newest of its line'] : []),
		...(here ? ['real files'] : []),
	];
	return more.length === 0 ? version : `${version} (${more.join(', ')})`;
}

/** Real files before anything else; then the newest that is no pre-release. */
function recommended(releases: readonly VirtualRelease[]): VirtualRelease | undefined {
	const final = releases.filter((r) => r.channel === 'release');
	return final.find((r) => r.here) ?? final.find((r) => r.lts) ?? final[0] ?? releases[0];
}
