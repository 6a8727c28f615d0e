/** An error with the step that helps, by what went wrong and on which system this browser runs. Facts: docs/hosts.md. */
import { useState } from 'preact/hooks';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { adviceFor, systemOf } from './advice.js';
import { onThePage } from './words.js';

interface TroubleLike {
	code?: string;
	message?: string;
	hint?: string;
}

export function Trouble({ error, title }: { error: unknown; title: string }) {
	const { code = 'INTERNAL', message = String(error), hint } = error as TroubleLike;
	const system = systemOf(navigator.userAgent);
	const advice = adviceFor(code, system);
	return (
		<div class="failure" role="alert" data-testid="trouble" data-code={code}>
			<h3>{title}</h3>
			<p>{onThePage(message)}</p>
			{advice.length === 0 && hint && <p>{onThePage(hint)}</p>}
			{advice.map((sentence) => (
				<p key={sentence}>{sentence}</p>
			))}
			{code === 'USB_PERMISSION' && system === 'linux' && <UdevRule />}
			<p>
				<code>{code}</code>
			</p>
		</div>
	);
}

function UdevRule() {
	const [rule, setRule] = useState<{ path: string; text: string }>();
	if (!rule) {
		return (
			<p>
				<button type="button" onClick={() => void callEngine('devices.udevRule', undefined).then(setRule)}>
					Show the udev rule
				</button>
			</p>
		);
	}
	const file = rule.path.split('/').at(-1)!;
	const commands = `sudo cp ${file} ${rule.path}\nsudo udevadm control --reload\nsudo udevadm trigger`;
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(rule.text);
			announce('The rule is copied.');
		} catch {
			announce('The browser does not let the page copy. Select the text, or save the file.');
		}
	};
	return (
		<>
			<p>
				Save the rule as <code>{rule.path}</code>, for example so, where it was saved; then unplug the board and plug it in again:
			</p>
			<pre class="scroll restore-rule">
				<code>{commands}</code>
			</pre>
			<pre class="scroll restore-rule">
				<code>{rule.text}</code>
			</pre>
			<div class="row">
				<button type="button" onClick={() => download(file, rule.text, 'text/plain')}>
					Save {file}
				</button>
				<button type="button" onClick={() => void copy()}>
					Copy the rule
				</button>
			</div>
		</>
	);
}
