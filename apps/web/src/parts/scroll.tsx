/** Something wide, such as a table, that scrolls by itself to the side; with the keyboard, too. */
import type { ComponentChildren } from 'preact';

export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus the arrow keys could not scroll it.
		<section class="scroll" tabIndex={0} aria-label={label}>
			{children}
		</section>
	);
}
