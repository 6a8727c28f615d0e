/** The first digits of a hash, enough to compare by eye; the whole of it is a tooltip. */
export function ShortHash({ value }: { value: string | undefined }) {
	if (value === undefined) return <>-</>;
	return (
		<code class="short-hash" title={value}>
			{value.slice(0, 12)}...
		</code>
	);
}
