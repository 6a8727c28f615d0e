/** The frame of every page: navigation, the page itself, what is announced, and questions of the engine. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { StartPage } from '../pages/start/start-page.js';
import { Announcer } from '../parts/announcer.js';
import { Failure } from '../parts/problems.js';
import { Fetching } from './fetching.js';
import { NewVersion } from './new-version.js';
import { type Page, pages } from './pages.js';
import { Questions } from './questions.js';
import { address, route } from './router.js';
import { ThemeChoice } from './theme.js';
import { VirtualStrip } from './virtual-strip.js';

export function App() {
	const name = route.value.page;
	const page = pages.find((p) => p.name === name);
	return (
		<>
			<button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
				Skip to the content
			</button>
			<header class="top">
				<a class="brand" href={address('')} aria-current={name === '' ? 'page' : undefined}>
					linac
				</a>
				<nav aria-label="Pages">
					{pages.map((p) => (
						<a key={p.name} href={address(p.name)} aria-current={p.name === name ? 'page' : undefined}>
							{p.title}
						</a>
					))}
				</nav>
				<ThemeChoice />
			</header>
			<NewVersion />
			<main id="content" tabIndex={-1}>
				{name === '' ? <StartPage /> : page ? <Loaded key={page.name} page={page} /> : <NoSuchPage name={name} />}
			</main>
			<VirtualStrip />
			<Fetching />
			<Questions />
			<Announcer />
		</>
	);
}

function Loaded({ page }: { page: Page }) {
	const [loaded, setLoaded] = useState<{ Content: ComponentType } | { error: unknown }>();
	useEffect(() => {
		document.title = `${page.title} - linac`;
		page.load().then(
			(module) => setLoaded({ Content: module.default }),
			(error: unknown) => setLoaded({ error }),
		);
	}, [page]);
	if (!loaded) return <p class="quiet">Loading ...</p>;
	if ('error' in loaded) {
		return (
			<>
				<h1>{page.title}</h1>
				<Failure error={loaded.error} title="This page could not be loaded" />
			</>
		);
	}
	const { Content } = loaded;
	return <Content />;
}

function NoSuchPage({ name }: { name: string }) {
	return (
		<section>
			<h1>There is no page "{name}"</h1>
			<p>
				<a href={address('')}>Go to the start.</a>
			</p>
		</section>
	);
}
