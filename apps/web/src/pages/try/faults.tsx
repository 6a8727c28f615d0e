/** What is to go wrong with a virtual board, and when. */
import { useState } from 'preact/hooks';
import type { BenchCommand, VirtualShown } from '../../engine/virtual-bench.js';
import { command } from '../../parts/virtual/bench-state.js';
import { faultWords } from '../../parts/virtual/words.js';

interface Choice {
	key: string;
	title: string;
	/** What the number counts, and what stands there at first. Undefined: no number. */
	number?: { label: string; usual: number };
	command(n: number): BenchCommand;
}

const choices: readonly Choice[] = [
	{
		key: 'transfer',
		title: 'The cable comes out in a USB transfer',
		number: { label: 'Which transfer from now', usual: 200 },
		command: (at) => ({ do: 'unplug-at-transfer', at }),
	},
	{
		key: 'step',
		title: 'The cable comes out after a step of a job',
		number: { label: 'After how many steps', usual: 1 },
		command: (at) => ({ do: 'unplug-after-step', at }),
	},
	{
		key: 'restart',
		title: 'The cable comes out as it restarts',
		number: { label: 'At which restart from now', usual: 1 },
		command: (at) => ({ do: 'unplug-at-restart', at }),
	},
	{
		key: 'power',
		title: 'The power fails in a flash write',
		number: { label: 'Which write from now', usual: 100 },
		command: (at) => ({ do: 'power-loss-at-write', at }),
	},
	{
		key: 'stall',
		title: 'A USB transfer is refused',
		number: { label: 'Which transfer from now', usual: 50 },
		command: (at) => ({ do: 'stall-at-transfer', at }),
	},
	{
		key: 'dfu',
		title: 'DFU reports an error',
		number: { label: 'At which transfer from now', usual: 50 },
		command: (at) => ({ do: 'dfu-error-at-transfer', at }),
	},
	{
		key: 'slow',
		title: 'The flash is slow',
		number: { label: 'How many times slower', usual: 10 },
		command: (factor) => ({ do: 'slow-flash', factor }),
	},
	{ key: 'worn', title: 'A byte of the flash is worn out', command: () => ({ do: 'wear-out' }) },
	{ key: 'stuck', title: 'A sector of the flash is not erased', command: () => ({ do: 'stick-sector' }) },
];

export function Faults({ device }: { device: VirtualShown }) {
	const [key, setKey] = useState('transfer');
	const [text, setText] = useState<string>();
	const choice = choices.find((c) => c.key === key)!;
	const value = text ?? String(choice.number?.usual ?? 1);
	const n = Number(value);
	const wrong = choice.number !== undefined && !(Number.isInteger(n) && n >= 1 && n <= 1_000_000);
	const id = `fault-${device.deviceId}`;
	return (
		<details class="try-faults">
			<summary>
				Let something go wrong
				{device.faults.length + (device.slowness > 1 ? 1 : 0) > 0 &&
					` (${device.faults.length + (device.slowness > 1 ? 1 : 0)} ordered)`}
			</summary>
			<div class="row">
				<label for={id}>What</label>
				<select
					id={id}
					value={key}
					onChange={(e) => {
						setKey(e.currentTarget.value);
						setText(undefined);
					}}
				>
					{choices.map((c) => (
						<option key={c.key} value={c.key}>
							{c.title}
						</option>
					))}
				</select>
				{choice.number && (
					<label>
						{choice.number.label}{' '}
						<input
							class="try-number"
							inputMode="numeric"
							value={value}
							aria-invalid={wrong}
							aria-describedby={wrong ? `${id}-wrong` : undefined}
							onInput={(e) => setText(e.currentTarget.value)}
						/>
					</label>
				)}
				<button
					type="button"
					disabled={wrong}
					onClick={() => void command(device, choice.command(n), `${choice.title}: ordered`)}
				>
					Order it
				</button>
			</div>
			{wrong && (
				<p id={`${id}-wrong`}>
					<strong>Error: </strong>A whole number from 1 to 1000000.
				</p>
			)}
			<ul>
				{device.faults.map((fault) => (
					<li key={fault.fault + fault.in}>{faultWords(fault)}</li>
				))}
				{device.slowness > 1 && <li>Its flash takes {device.slowness} times as long.</li>}
			</ul>
			<p>
				<button type="button" onClick={() => void command(device, { do: 'mend' }, 'nothing is to go wrong any more')}>
					Take all of it back, and mend its flash
				</button>
			</p>
		</details>
	);
}
