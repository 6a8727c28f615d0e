/**
 * Keys in a table of buttons: one of them is reached with Tab, the arrows, Home and End go to the others. Hundreds of stops on the way through a page
 * would be as good as no keyboard at all.
 */

const CELL = 'button[data-cell]';

/** To be called after each rendering: one button can be reached with Tab. */
export function keepOneStop(table: HTMLElement): void {
	if (table.querySelector(`${CELL}[tabindex="0"]`)) return;
	const first = table.querySelector<HTMLElement>(CELL);
	if (first) first.tabIndex = 0;
}

/** The button that has the focus is where Tab comes back to. */
export function followFocus(table: HTMLElement, target: EventTarget | null): void {
	if (!(target instanceof HTMLElement) || !target.matches(CELL)) return;
	for (const stop of table.querySelectorAll<HTMLElement>(`${CELL}[tabindex="0"]`)) stop.tabIndex = -1;
	target.tabIndex = 0;
}

export function moveFocus(table: HTMLElement, event: KeyboardEvent): void {
	const { target, key } = event;
	if (!(target instanceof HTMLElement) || !target.matches(CELL) || event.altKey || event.metaKey) return;
	const row = [...(target.closest('tr')?.querySelectorAll<HTMLElement>(CELL) ?? [])];
	const all = [...table.querySelectorAll<HTMLElement>(CELL)];
	const column = all.filter((c) => c.dataset.cell === target.dataset.cell);
	const near = (list: readonly HTMLElement[], by: number) => list[list.indexOf(target) + by];
	const whole = event.ctrlKey ? all : row;
	const next =
		key === 'ArrowRight'
			? near(row, 1)
			: key === 'ArrowLeft'
				? near(row, -1)
				: key === 'ArrowDown'
					? near(column, 1)
					: key === 'ArrowUp'
						? near(column, -1)
						: key === 'Home'
							? whole[0]
							: key === 'End'
								? whole.at(-1)
								: undefined;
	if (!next) return;
	event.preventDefault();
	next.focus();
}
