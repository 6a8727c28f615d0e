/**
 * The record in which a device finds its server: type, length, name or IPv4 address, and further on the port. Device OS reads it in
 * hal/shared/parse_server_address.h. Only IPv4: the record has no other.
 */
import type { DctCloudFields } from '@linac/catalog';
import { bad, good, type Problem, problem, type Verdict } from '@linac/core';

type AddressField = DctCloudFields['serverAddress'];

const field = 'server-address';
const IP = 0;
const NAME = 1;
/** 0xFFFF is how a blank record reads: the device takes it for "no port". */
const LAST_PORT = 65534;
/** Letters of host names, and the `$id` that Device OS replaces by the device id. */
const LABEL = /^(?:\$id|[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)$/;

/** `host`, `host:port`, `1.2.3.4`, `1.2.3.4:port` to the bytes of the record, 0xFF where it says nothing. */
export function serverAddressRecord(text: string, facts: AddressField): Verdict<Uint8Array> {
	const refuse = (why: string) =>
		bad(problem('DCT_FIELD_VALUE', `${field} '${text}' ${why}.`, { field, found: text, expected: 'host, or host:port' }));
	const match = /^([^:]*)(?::([^:]*))?$/.exec(text);
	if (!match) return refuse('has more than one colon; write host:port (IPv6 addresses have no place in the DCT)');
	const [, host, portText] = match as unknown as [string, string, string | undefined];
	const record = new Uint8Array(facts.size).fill(0xff);
	if (/^[0-9.]+$/.test(host)) {
		const parts = host.split('.');
		const numbers = parts.map(Number);
		if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part)) || numbers.some((n) => n > 255)) {
			return refuse('is not an IPv4 address: four numbers from 0 to 255 with dots between them');
		}
		if (numbers.every((n) => n === 0) || numbers.every((n) => n === 255)) return refuse('is not the address of a server');
		record.set([IP, 4, ...numbers]);
	} else {
		if (host.length === 0) return refuse('has no host');
		if (host.length > facts.nameLength) {
			return refuse(`has a host of ${host.length} characters; the DCT has room for ${facts.nameLength}`);
		}
		if (!host.split('.').every((label) => LABEL.test(label))) {
			return refuse('is not a host name: letters, digits, hyphens and dots (and $id for the device id)');
		}
		record.set([NAME, host.length, ...new TextEncoder().encode(host)]);
	}
	const problems: Problem[] = [];
	if (portText !== undefined) {
		const port = Number(portText);
		if (!/^[1-9]\d{0,4}$/.test(portText) || port > LAST_PORT)
			return refuse(`has no port from 1 to ${LAST_PORT} behind the colon`);
		record[facts.portAt] = port >> 8;
		record[facts.portAt + 1] = port & 0xff;
		if (facts.portIsFixed && port !== facts.port) {
			const message = `${field} '${text}' names port ${port}, but this device always uses port ${facts.port}, whatever the DCT says. Let the server listen there.`;
			problems.push(problem('DCT_PORT_NOT_USED', message, { severity: 'warning', field, expected: facts.port, found: port }));
		}
	}
	return good(record, problems);
}

/** The record as a person writes it, or undefined when it holds no address. */
export function serverAddressText(record: Uint8Array, facts: AddressField): string | undefined {
	const length = record[1]!;
	let host: string;
	if (record[0] === IP && length === 4) host = record.subarray(2, 6).join('.');
	else if (record[0] === NAME && length > 0 && length <= facts.nameLength) {
		host = new TextDecoder().decode(record.subarray(2, 2 + length));
	} else return undefined;
	const port = record[facts.portAt]! * 256 + record[facts.portAt + 1]!;
	return port === 0 || port === 0xffff ? host : `${host}:${port}`;
}
