/** What a screen reader says without being asked: progress and results. Visible text stands elsewhere. */
import { signal } from '@preact/signals';

const text = signal('');

/** Says a sentence once the reader has finished what it is saying. */
export function announce(sentence: string): void {
	text.value = sentence;
}

export function Announcer() {
	return (
		<div class="only-spoken" role="status" aria-live="polite">
			{text.value}
		</div>
	);
}
