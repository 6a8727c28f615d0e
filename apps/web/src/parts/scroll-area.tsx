/** A table that may be wider than the screen: it scrolls by itself, with the keyboard too. */
import type { ComponentChildren } from 'preact';

export interface ScrollAreaProps {
	/** What is in it, for whoever hears the page. */
	label: string;
	class?: string;
	children: ComponentChildren;
}

export function ScrollArea({ label, class: more, children }: ScrollAreaProps) {
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard, or half of the table is out of reach.
		<section class={more === undefined ? 'scroll' : `scroll ${more}`} tabIndex={0} aria-label={label}>
			{children}
		</section>
	);
}
