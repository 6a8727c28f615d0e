/**
 * What stands in the head of every answer of `linac web`, and which questions are answered at all. The content security policy is the page's own
 * (index.html), so that the site is under the same one on any other host.
 */
import { isIP } from 'node:net';
import { LinacError } from '@linac/core';

/** Headers of every answer. Throws `WEB_NOT_BUILT` when the page has no policy: then linac did not build it. */
export function headersFor(indexHtml: string, folder: string): Record<string, string> {
	const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/i.exec(indexHtml)?.[1];
	if (policy === undefined) {
		throw new LinacError('WEB_NOT_BUILT', `${folder} holds no site that linac built: its page has no content security policy.`, {
			retry: 'operator',
			details: { path: folder },
			hint: 'Build it with "npm run web", or name another folder with --site.',
		});
	}
	return {
		// Not allowed in a page itself.
		'content-security-policy': `${policy}; frame-ancestors 'none'`,
		'x-content-type-options': 'nosniff',
		'referrer-policy': 'no-referrer',
		// Only names that browsers know: they complain about others on the console.
		'permissions-policy':
			'usb=(self), serial=(self), camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=()',
		'cross-origin-opener-policy': 'same-origin',
		'cross-origin-resource-policy': 'same-origin',
	};
}

/**
 * Whether a question was meant for this server. A page of somebody else can have a name of its own lead to this computer (DNS rebinding); the
 * browser still says that name as host. Addresses in numbers and `localhost` cannot be led elsewhere. `names`: further names that are meant.
 */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
	const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+)(?::\d{1,5})?$/.exec(host ?? '');
	const name = match?.[1]?.toLowerCase();
	if (name === undefined) return false;
	if (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
	return names.some((n) => n.toLowerCase() === name);
}

/** Whether another site's page asked, as far as the browser says. Older browsers, and programs, say nothing. */
export function isFromAnotherSite(fetchSite: string | undefined): boolean {
	return fetchSite === 'cross-site' || fetchSite === 'same-site';
}
