/** What narrows the table down. */
import type { ReleaseTable } from '../../engine/release-table.js';
import { Field, fieldProps } from '../../parts/field.js';
import { channelNames, type Filters, lineNames } from './filters.js';
import { withApplication } from './making-zip.js';

export interface FilterFormProps {
	table: ReleaseTable;
	filters: Filters;
	/** What was chosen anew; the rest stays as it is then, which may be newer than what is shown. */
	onChange(chosen: Partial<Filters>): void;
}

export function FilterForm({ table, filters, onChange }: FilterFormProps) {
	const choices = <T extends string>(names: Record<T, string>) => Object.entries(names) as [T, string][];
	return (
		<form class="releases-filters" aria-label="Which releases are shown" onSubmit={(event) => event.preventDefault()}>
			<Field id="releases-platform" label="Board">
				<select
					{...fieldProps('releases-platform')}
					value={filters.platform}
					onChange={(event) => onChange({ platform: event.currentTarget.value })}
				>
					<option value="">All boards</option>
					{table.platforms.map((p) => (
						<option key={p.name} value={p.name}>
							{p.displayName}
						</option>
					))}
				</select>
			</Field>
			<Field id="releases-line" label="Line">
				<select
					{...fieldProps('releases-line')}
					value={filters.line}
					onChange={(event) => onChange({ line: event.currentTarget.value as Filters['line'] })}
				>
					<option value="">All lines</option>
					{choices(lineNames).map(([line, title]) => (
						<option key={line} value={line}>
							{title}
						</option>
					))}
				</select>
			</Field>
			<Field id="releases-channel" label="Channel">
				<select
					{...fieldProps('releases-channel')}
					value={filters.channel}
					onChange={(event) => onChange({ channel: event.currentTarget.value as Filters['channel'] })}
				>
					<option value="">All channels</option>
					{choices(channelNames).map(([channel, title]) => (
						<option key={channel} value={channel}>
							{title}
						</option>
					))}
				</select>
			</Field>
			<div class="releases-checks">
				<label class="row">
					<input type="checkbox" checked={filters.here} onChange={(event) => onChange({ here: event.currentTarget.checked })} />
					Only what can be had here
				</label>
				<label class="row">
					<input
						type="checkbox"
						checked={withApplication.value}
						onChange={(event) => {
							withApplication.value = event.currentTarget.checked;
						}}
					/>
					Zips with Tinker, the default application
				</label>
			</div>
		</form>
	);
}
