/** A field of a form with its label, its help and what is wrong with it, tied together for screen readers. */
import type { ComponentChildren } from 'preact';

export interface FieldProps {
	/** Unique on the page. */
	id: string;
	label: string;
	help?: string;
	/** What is wrong with what stands in it, one sentence each. */
	wrong?: readonly string[];
	/** The control; give it `fieldProps(id, ...)`. */
	children: ComponentChildren;
}

export function Field({ id, label, help, wrong = [], children }: FieldProps) {
	return (
		<div class="field">
			<label for={id}>{label}</label>
			{children}
			{help && (
				<p class="help" id={`${id}-help`}>
					{help}
				</p>
			)}
			{wrong.length > 0 && (
				<p class="wrong" id={`${id}-wrong`}>
					<strong>Error: </strong>
					{wrong.join(' ')}
				</p>
			)}
		</div>
	);
}

/** Attributes of the control of a `Field`. */
export function fieldProps(
	id: string,
	{ help, wrong = [] }: { help?: string | undefined; wrong?: readonly string[] | undefined } = {},
) {
	const described = [help && `${id}-help`, wrong.length > 0 && `${id}-wrong`].filter(Boolean).join(' ');
	return {
		id,
		...(described === '' ? {} : { 'aria-describedby': described }),
		...(wrong.length > 0 ? { 'aria-invalid': 'true' as const } : {}),
	};
}
