/** A value that people want to have elsewhere, a hash for one: shown whole, with a button that copies it. */
import { useState } from 'preact/hooks';
import { announce } from './announcer.js';

export interface CopyableProps {
	value: string;
	/** What it is, for the button: `SHA-256 of boron.hex`. */
	name: string;
}

export function Copyable({ value, name }: CopyableProps) {
	const [state, setState] = useState<'copied' | 'refused'>();
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(value);
			setState('copied');
			announce(`${name} copied.`);
		} catch {
			// Browsers may forbid it, and do so on pages that were not served securely.
			setState('refused');
			announce('The browser does not let the page copy. Select the value and copy it yourself.');
		}
	};
	return (
		<span class="copyable">
			<code>{value}</code>
			<button type="button" class="small" onClick={() => void copy()} aria-label={`Copy ${name}`}>
				{state === 'copied' ? 'Copied' : 'Copy'}
			</button>
			{state === 'refused' && <span class="quiet"> The browser forbids it: select it and copy it yourself.</span>}
		</span>
	);
}
