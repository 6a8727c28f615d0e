/** The pages: their names, their places in the navigation, and how each is loaded when it is first shown. */
import type { ComponentType } from 'preact';

export interface Page {
	/** In the address, after `#/`. */
	name: string;
	title: string;
	load(): Promise<{ default: ComponentType }>;
}

export const pages: readonly Page[] = [
	{ name: 'restore', title: 'Restore', load: () => import('../pages/restore/restore-page.js') },
	{ name: 'hex', title: 'Hex generator', load: () => import('../pages/hex/hex-page.js') },
	{ name: 'inspect', title: 'Inspector', load: () => import('../pages/inspect/inspect-page.js') },
	{ name: 'releases', title: 'Releases', load: () => import('../pages/releases/releases-page.js') },
	{ name: 'identify', title: 'Identify', load: () => import('../pages/identify/identify-page.js') },
	{ name: 'try', title: 'Try without hardware', load: () => import('../pages/try/try-page.js') },
];
