/** A table of zips: its headers stay in sight, and the arrows move between its buttons. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ScrollArea } from '../../parts/scroll-area.js';
import { followFocus, keepOneStop, moveFocus } from './cell-keys.js';

export interface CellTableProps {
	label: string;
	/** How many columns of one width follow the first: a browser then has each row in place without looking at all of the others. */
	columns?: number;
	children: ComponentChildren;
}

export function CellTable({ label, columns, children }: CellTableProps) {
	const table = useRef<HTMLTableElement>(null);
	useEffect(() => {
		if (table.current) keepOneStop(table.current);
	});
	useEffect(() => {
		const element = table.current;
		if (!element) return;
		const focus = (event: FocusEvent) => followFocus(element, event.target);
		const key = (event: KeyboardEvent) => moveFocus(element, event);
		element.addEventListener('focusin', focus);
		element.addEventListener('keydown', key);
		return () => {
			element.removeEventListener('focusin', focus);
			element.removeEventListener('keydown', key);
		};
	}, []);
	return (
		<ScrollArea label={`${label}. The arrow keys move between the zips.`} class="releases-scroll">
			<table
				ref={table}
				class={columns === undefined ? 'releases-table' : 'releases-table releases-wide-table'}
				{...(columns === undefined ? {} : { style: { '--columns': columns } })}
			>
				{children}
			</table>
		</ScrollArea>
	);
}
