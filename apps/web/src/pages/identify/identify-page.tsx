/** The page "Identify". */
export default function IdentifyPage() {
	return <h1>Identify</h1>;
}
