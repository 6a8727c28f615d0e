/**
 * Which page is shown: `#/hex?platform=boron`. The part after `#` never reaches a server, so that any static host will do, and links can carry what
 * was chosen.
 */
import { signal } from '@preact/signals';

export interface Route {
	/** `restore`, `hex` ...; empty: the start page. */
	page: string;
	query: URLSearchParams;
}

function read(): Route {
	const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
	return { page: path, query: new URLSearchParams(query) };
}

export const route = signal<Route>(read());
addEventListener('hashchange', () => {
	route.value = read();
});

/** The address of a page, for links. */
export function address(page: string, query: Record<string, string> = {}): string {
	const text = new URLSearchParams(query).toString();
	return `#/${page}${text === '' ? '' : `?${text}`}`;
}

/** Keeps what was chosen in the address, without a new entry in the browser's history. */
export function remember(query: Record<string, string>): void {
	const { page } = route.value;
	history.replaceState(history.state, '', address(page, query));
	route.value = { page, query: new URLSearchParams(query) };
}
