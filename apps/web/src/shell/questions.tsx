/** Questions of the engine that only a page can answer, because a browser wants a click for them. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { PermissionQuestion } from '../link/messages.js';
import { answerQuestions } from '../link/page-link.js';

interface Open {
	question: PermissionQuestion;
	answer(value: boolean): void;
}

const open = signal<readonly Open[]>([]);

answerQuestions(
	(question, withdrawn) =>
		new Promise((resolve) => {
			const one: Open = { question, answer };
			function answer(value: boolean): void {
				open.value = open.value.filter((o) => o !== one);
				resolve(value);
			}
			withdrawn.addEventListener('abort', () => answer(false), { once: true });
			open.value = [...open.value, one];
		}),
);

export function Questions() {
	const first = open.value[0];
	return first ? <Permission key={first.question.why} {...first} /> : null;
}

function Permission({ question, answer }: Open) {
	const dialog = useRef<HTMLDialogElement>(null);
	useEffect(() => dialog.current?.showModal(), []);
	const allow = async () => {
		// Web browsers show their own list then; whoever closes it can press the button again.
		const device = await navigator.usb?.requestDevice({ filters: question.filters }).catch(() => undefined);
		if (device) answer(true);
	};
	return (
		<dialog ref={dialog} class="question" aria-labelledby="question-title" onCancel={() => answer(false)}>
			<h2 id="question-title">The browser needs your permission once more</h2>
			<p>{question.why}</p>
			<div class="row end">
				<button type="button" onClick={() => answer(false)}>
					Stop the job
				</button>
				<button type="button" class="primary" onClick={() => void allow()}>
					Choose the device
				</button>
			</div>
		</dialog>
	);
}
