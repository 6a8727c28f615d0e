/** Reads `HOST:PORT`. An IPv6 address stands in brackets. */
import { usage } from './failure.js';

/** The port that IANA gave to USB/IP. */
export const usbIpPort = 3240;

export function parseHostPort(text: string, option: string): { host: string; port: number } {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))?(?::(\d{1,5}))?$/.exec(text.trim());
	const port = Number(match?.[3] ?? usbIpPort);
	if (!match || text.trim() === '' || port > 65535)
		throw usage(`"${text}" is no address for ${option}.`, 'Write HOST:PORT, e.g. 127.0.0.1:3240.');
	return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}
