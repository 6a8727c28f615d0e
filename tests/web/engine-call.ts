/** Calls the engine of an open page from a test, through a worker beside the page's own: what it keeps in the browser is the same. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { builtSite } from './build-site.js';

type Answer = { kind: string; id: number; value?: unknown; failure?: { code: string; message: string } };

/** Resolves with the result; rejects with the failure's code and message. One worker answers until the page is left. */
export function callEngineOf<T>(page: Page, method: string, params?: unknown): Promise<T> {
	return page.evaluate(
		({ address, method, params }) =>
			new Promise<unknown>((resolve, reject) => {
				const held = globalThis as { engineOfTest?: Worker };
				held.engineOfTest ??= new Worker(new URL(address, document.baseURI), { type: 'module' });
				const worker = held.engineOfTest;
				const id = Math.random();
				worker.addEventListener('error', (event) => reject(new Error(event.message || 'the engine cannot be loaded')));
				worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
					if (data.id !== id) return;
					if (data.kind === 'done') resolve(data.value);
					if (data.kind === 'failed') reject(new Error(`${data.failure?.code}: ${data.failure?.message}`));
				});
				worker.postMessage({ kind: 'call', id, method, params });
			}),
		{ address: addressOfEngine(), method, params },
	) as Promise<T>;
}

let address: string | undefined;

/** From the site's folder. */
function addressOfEngine(): string {
	address ??= `assets/${readdirSync(join(builtSite(), 'assets')).find((name) => /^engine-worker-.*\.js$/.test(name))}`;
	return address;
}
