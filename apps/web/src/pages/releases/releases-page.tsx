/** The page "Releases". */
export default function ReleasesPage() {
	return <h1>Releases</h1>;
}
