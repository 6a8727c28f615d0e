/** Reads `HOST:PORT`. An IPv6 address stands in brackets. A number alone is a port of this computer. */
import { usage } from './failure.js';

/** The port that IANA gave to USB/IP. */
const usbIpPort = 3240;

export function parseHostPort(text: string, option: string, defaultPort = usbIpPort): { host: string; port: number } {
	const portAlone = /^\d{1,5}$/.test(text.trim()) ? `:${text.trim()}` : text.trim();
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))?(?::(\d{1,5}))?$/.exec(portAlone);
	const port = Number(match?.[3] ?? defaultPort);
	if (!match || text.trim() === '' || port > 65535)
		throw usage(`"${text}" is no address for ${option}.`, `Write HOST:PORT, e.g. 127.0.0.1:${defaultPort}.`);
	return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}
