/** The page "Try without hardware". */
export default function TryPage() {
	return <h1>Try without hardware</h1>;
}
