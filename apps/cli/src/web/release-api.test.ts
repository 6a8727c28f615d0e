import { asPlatform, openReleaseZip, type ReleaseSet, type SourceProgress } from '@linac/catalog';
import { cancelled, type LinacError } from '@linac/core';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import type { Sources } from '../sources.js';
import { releaseApi } from './release-api.js';

const boron = asPlatform('boron');

/** Sources of which nothing is here: every release is a download that ends when the test says so. */
async function slowNetwork() {
	const seen = { begun: [] as string[], stopped: 0 };
	let told: (progress: SourceProgress) => void = () => {};
	let arrive: () => void = () => {};
	const sources: Sources = {
		open({ platform, version }, signal) {
			seen.begun.push(`${platform} ${version}`);
			told({ source: 'npm', what: 'particle-cli@3.6.0', done: 1000, total: 4000 });
			return new Promise<ReleaseSet>((resolve, reject) => {
				signal.addEventListener('abort', () => {
					seen.stopped++;
					reject(cancelled());
				});
				arrive = () => resolve(standInRelease(asPlatform(platform), version));
			});
		},
		application: async (_platform, _version, _signal, fits = () => true) => {
			const all = ['4.0.1', '2.2.0'].map((v) => standInApplication(boron, v));
			return all.find(fits) ?? all[0];
		},
		prepare: () => {},
		mirrorFile: async () => undefined,
		offline: async () => [],
		all: async () => [
			{ platform: 'boron', version: '4.0.1', source: 'mirror', offline: true },
			{ platform: 'boron', version: '4.0.1', source: 'npm', offline: false },
			{ platform: 'boron', version: '2.2.0', source: 'npm', offline: false },
		],
	};
	const api = await releaseApi({
		open: async (listener) => {
			told = listener;
			return sources;
		},
		keptMbr: async () => undefined,
		signal: new AbortController().signal,
	});
	api.onError((error) => Response.json({ code: (error as LinacError).code }, { status: 500 }));
	return { api, seen, arrive: () => arrive() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const downloads = async (api: { request(path: string): Response | Promise<Response> }) =>
	((await (await api.request('/downloads')).json()) as { downloads: SourceProgress[] }).downloads;

describe('the releases that the page is given', () => {
	test('stand once in the list, from the source that is asked first', async () => {
		const { api } = await slowNetwork();
		const { releases } = (await (await api.request('/releases')).json()) as { releases: object[] };
		expect(releases).toEqual([
			{ platform: 'boron', version: '4.0.1', source: 'mirror', offline: true },
			{ platform: 'boron', version: '2.2.0', source: 'npm', offline: false },
		]);
	});

	test('while one is fetched, how far it is can be asked; when it is there, nothing is under way', async () => {
		const { api, arrive } = await slowNetwork();
		const answer = api.request('/releases/boron/4.0.1.zip');
		await turn();
		expect(await downloads(api)).toEqual([{ source: 'npm', what: 'particle-cli@3.6.0', done: 1000, total: 4000 }]);
		arrive();
		const zip = new Uint8Array(await (await answer).arrayBuffer());
		expect(openReleaseZip(zip, { platform: 'boron', version: '4.0.1' }, { name: 'test' }).ok).toBe(true);
		expect(await downloads(api)).toEqual([]);
	});

	test('one that sixteen boards need at once is fetched once; another one waits for its turn', async () => {
		const { api, seen, arrive } = await slowNetwork();
		const sixteen = Array.from({ length: 16 }, () => api.request('/releases/boron/4.0.1.zip'));
		await turn();
		const other = api.request('/releases/photon/2.2.0.zip');
		await turn();
		expect(seen.begun).toEqual(['boron 4.0.1']);
		arrive();
		for (const answer of await Promise.all(sixteen)) expect(answer.status).toBe(200);
		await turn();
		expect(seen.begun).toEqual(['boron 4.0.1', 'photon 2.2.0']);
		arrive();
		expect((await other).status).toBe(200);
	});

	test('a download that nobody waits for any more is stopped', async () => {
		const { api, seen, arrive } = await slowNetwork();
		const stop = new AbortController();
		const one = api.request('/releases/boron/4.0.1.zip', { signal: stop.signal });
		const other = api.request('/releases/boron/4.0.1.zip');
		await turn();
		stop.abort();
		await one;
		expect(seen.stopped).toBe(0);
		arrive();
		expect((await other).status).toBe(200);
		const leaving = new AbortController();
		const last = api.request('/releases/boron/2.2.0.zip', { signal: leaving.signal });
		await turn();
		await turn();
		leaving.abort();
		await last;
		expect(seen.stopped).toBe(1);
	});

	test('an application that did not fit is not given again', async () => {
		const { api } = await slowNetwork();
		const sha256 = async (path: string) => (await api.request(path)).headers.get('x-linac-sha256');
		const first = await sha256('/applications/boron.bin');
		const second = await sha256(`/applications/boron.bin?not=${first}`);
		expect(second).not.toBe(first);
		const none = await api.request(`/applications/boron.bin?not=${first},${second}`);
		expect(await none.json()).toEqual({ code: 'APPLICATION_NOT_AVAILABLE' });
	});
});
