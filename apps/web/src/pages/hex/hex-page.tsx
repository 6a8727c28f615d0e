/** The page "Hex generator": images for programmers, folders for other tools, bundles. What is made, and of what, is the engine's. */
import { useEffect } from 'preact/hooks';
import { OwnReleases } from '../../parts/own-releases.js';
import { Failure } from '../../parts/problems.js';
import { useEngine } from '../../parts/use-engine.js';
import { route } from '../../shell/router.js';
import { BaseSection } from './base-section.js';
import { BundleSection } from './bundle-section.js';
import {
	addressOf,
	keepAddress,
	kind,
	kinds,
	platform,
	platforms,
	releasesChanged,
	takeAddress,
	tool,
	version,
} from './choices.js';
import { ExportSection } from './export-section.js';
import { HexSection } from './hex-section.js';
import { UnitsSection } from './units-section.js';
import './hex.css';

/** There is nothing to say with the question. */
const nothing = null;

export default function HexPage() {
	useEffect(takeAddress, [route.value]);
	useEffect(keepAddress, [platform.value, version.value, tool.value]);
	const { value, error } = useEngine('image.platforms', nothing);
	useEffect(() => {
		platforms.value = value ?? [];
	}, [value]);
	if (error) return <Failure error={error} title="The hex generator cannot start" />;
	return (
		<div class="hex">
			<h1>Hex generator</h1>
			<nav class="hex-kinds" aria-label="What is made">
				{kinds.map((k) => (
					<a key={k.kind} href={addressOf(k.kind)} aria-current={k.kind === kind.value ? 'page' : undefined}>
						{k.title}
					</a>
				))}
			</nav>
			{platforms.value.length === 0 ? (
				<p class="quiet">Loading ...</p>
			) : kind.value === 'bundle' ? (
				<BundleSection />
			) : kind.value === 'base' ? (
				<BaseSection />
			) : kind.value === 'units' ? (
				<UnitsSection />
			) : kind.value === 'export' ? (
				<ExportSection />
			) : (
				<HexSection />
			)}
			{(kind.value === 'hex' || kind.value === 'units' || kind.value === 'export') && (
				<OwnReleases
					onChange={() => {
						releasesChanged.value++;
					}}
				/>
			)}
		</div>
	);
}
