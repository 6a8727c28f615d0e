/** The page "Inspector". */
export default function InspectPage() {
	return <h1>Inspector</h1>;
}
