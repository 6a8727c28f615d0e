/** Something that is looked at on demand. What is inside is only made once it is opened: long tables cost nothing before. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface FoldProps {
	title: ComponentChildren;
	open?: boolean;
	children(): ComponentChildren;
}

export function Fold({ title, open = false, children }: FoldProps) {
	const [opened, setOpened] = useState(open);
	return (
		<details class="fold" open={open} onToggle={(event) => event.currentTarget.open && setOpened(true)}>
			<summary>{title}</summary>
			{opened && children()}
		</details>
	);
}
