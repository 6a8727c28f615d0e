/** Settings of one unit: the fields that the board has, each with what it takes and what is wrong with it. */
import type { UnitFieldHelp, UnitFieldName } from '@linac/image';
import type { FieldProblem } from '../../engine/field-problems.js';
import { Field, fieldProps } from '../../parts/field.js';
import { FileDrop } from '../../parts/file-drop.js';
import { addressOf, board, unitKeys, unitTexts, wrongAt } from './choices.js';

/** Their names on the page. In lists and on the command line they are called as in `UnitFieldName`. */
const titles: Record<UnitFieldName, string> = {
	'device-private-key': 'Private key of the device',
	'server-public-key': 'Public key of the server',
	'server-address': 'Address of the server',
	'claim-code': 'Claim code',
	antenna: 'Antenna',
	'setup-done': 'Setup is done',
};

export interface UnitFieldsProps {
	/** An image can hold them; else only what is written over DFU can. */
	possible: boolean;
	/** Each is written by itself: those that are not given stay as they are. */
	single?: boolean;
	problems: readonly FieldProblem[];
}

export function UnitFields({ possible, single = false, problems }: UnitFieldsProps) {
	const chosen = board.value;
	if (!chosen || chosen.fields.length === 0) return null;
	const set = Object.values({ ...unitTexts.value, ...unitKeys.value }).filter((v) => v !== '').length;
	if (!possible) {
		const dfu = chosen.tools.some((t) => t.tool === 'dfu-util');
		return (
			<p class="quiet">
				An image cannot hold the settings of a unit on a {chosen.displayName}: there they are a file in the file system of its
				flash.
				{dfu && (
					<>
						{' '}
						A <a href={addressOf('export')}>folder for dfu-util</a> can.
					</>
				)}
				{set > 0 && ' Those that were given are left out.'}
			</p>
		);
	}
	return (
		<details class="hex-fields" open={set > 0 || chosen.fields.some((f) => wrongAt(problems, f.name).length > 0)}>
			<summary>Settings of one unit{set > 0 ? ` (${set} set)` : ''}</summary>
			<p class="quiet">
				All of them may stay empty: then what is on the board stays.{' '}
				{single ? 'What is given is written, the others stay.' : 'With any of them all settings of the board are replaced.'}
			</p>
			{chosen.fields.map((f) => (
				<UnitField key={f.name} field={f} wrong={wrongAt(problems, f.name)} />
			))}
			{set > 0 && <ClearFields />}
		</details>
	);
}

function ClearFields() {
	return (
		<button
			type="button"
			onClick={() => {
				unitTexts.value = {};
				unitKeys.value = {};
			}}
		>
			Clear the settings
		</button>
	);
}

function UnitField({ field, wrong }: { field: UnitFieldHelp; wrong: string[] }) {
	const { name, takes, help, range = '', values } = field;
	const id = `hex-${name}`;
	const told = `${help} ${range[0]?.toUpperCase()}${range.slice(1)}.`;
	if (takes === 'file') {
		const file = unitKeys.value[name];
		return (
			<FileDrop
				id={id}
				label={titles[name]}
				help={told}
				accept=".pem,.der,.key"
				{...(file ? { chosen: file.name } : {})}
				onRemove={() => {
					const { [name]: _removed, ...rest } = unitKeys.value;
					unitKeys.value = rest;
				}}
				wrong={wrong}
				onFiles={([given]) => {
					if (given) unitKeys.value = { ...unitKeys.value, [name]: given };
				}}
			/>
		);
	}
	const set = (text: string) => {
		unitTexts.value = { ...unitTexts.value, [name]: text };
	};
	return (
		<Field id={id} label={titles[name]} help={told} wrong={wrong}>
			{values ? (
				<select
					{...fieldProps(id, { help: told, wrong })}
					value={unitTexts.value[name] ?? ''}
					onChange={(event) => set(event.currentTarget.value)}
				>
					<option value="">as on a new board</option>
					{values.map((v) => (
						<option key={v} value={v}>
							{v}
						</option>
					))}
				</select>
			) : (
				<input
					{...fieldProps(id, { help: told, wrong })}
					type="text"
					autocomplete="off"
					spellcheck={false}
					value={unitTexts.value[name] ?? ''}
					onInput={(event) => set(event.currentTarget.value.trim())}
				/>
			)}
		</Field>
	);
}
