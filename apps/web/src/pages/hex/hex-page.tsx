/** The page "Hex generator". */
export default function HexPage() {
	return <h1>Hex generator</h1>;
}
