/** The page "Releases". */
import { OwnReleases } from '../../parts/own-releases.js';

export default function ReleasesPage() {
	return (
		<section>
			<h1>Releases</h1>
			<OwnReleases />
		</section>
	);
}
