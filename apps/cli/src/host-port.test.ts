import { describe, expect, test } from 'vitest';
import { parseHostPort } from './host-port.js';

describe('an address for USB/IP', () => {
	test.each([
		['192.168.1.5:4000', '192.168.1.5', 4000],
		['lab.local', 'lab.local', 3240],
		['[::1]:4000', '::1', 4000],
		[':4000', '127.0.0.1', 4000],
		['4000', '127.0.0.1', 4000],
	])('"%s" is host %s and port %i', (text, host, port) => {
		expect(parseHostPort(text, '--usbip')).toEqual({ host, port });
	});

	test.each(['', '::', 'a:b', '127.0.0.1:70000', '99999'])('"%s" is refused with an example of what to write', (text) => {
		expect(() => parseHostPort(text, '--usbip')).toThrow(/is no address for --usbip/);
	});
});
