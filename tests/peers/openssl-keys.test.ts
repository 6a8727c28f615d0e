/** Keys that OpenSSL makes, and what linac makes of them for a device's DCT, read by OpenSSL again. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '@linac/core';
import { dctWrites, type UnitFields } from '@linac/image';
import { afterAll, describe, expect, test } from 'vitest';
import { hasTool } from '../support/debian-tools.js';

const tool = 'openssl';

describe.skipIf(!hasTool(tool))('keys of openssl', () => {
	const folder = mkdtempSync(join(tmpdir(), 'linac-keys-'));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));
	const openssl = (...args: string[]) =>
		new Uint8Array(execFileSync(tool, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }));
	const written = (platform: string, fields: UnitFields) => unwrap(dctWrites(platform, fields))[0]!.bytes;
	const key = (file: string) => ({ file, bytes: new Uint8Array(readFileSync(join(folder, file))) });

	// The commands of particle-cli and of the page on unit data.
	test.each([
		['electron', ['ecparam', '-name', 'prime256v1', '-genkey'], 'ec'],
		['boron', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout'], 'ec'],
		['boron', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'ec'],
		['photon', ['genrsa', '-traditional', '1024'], 'rsa'],
		['photon', ['genrsa', '1024'], 'rsa'],
	])('on a %s the private key of openssl %j is the one that openssl reads back from the DCT', (platform, command, kind) => {
		const at = command[0] === 'genrsa' ? command.length - 1 : command.length;
		openssl(...command.slice(0, at), '-out', 'device.pem', ...command.slice(at));
		const field = written(platform, { 'device-private-key': key('device.pem') });
		writeFileSync(join(folder, 'read-back.der'), field);
		const original = openssl('pkey', '-in', 'device.pem', '-pubout', '-outform', 'DER');
		expect(openssl(kind, '-in', 'read-back.der', '-inform', 'DER', '-pubout', '-outform', 'DER')).toEqual(original);
	});

	test.each([
		['p1', ['genrsa', '2048']],
		['electron', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout']],
	])('on a %s the public key of a server made by openssl %j stands in the DCT as openssl writes it', (platform, command) => {
		const at = command[0] === 'genrsa' ? 1 : command.length;
		openssl(...command.slice(0, at), '-out', 'server.pem', ...command.slice(at));
		openssl('pkey', '-in', 'server.pem', '-pubout', '-out', 'server.pub.pem');
		const der = openssl('pkey', '-in', 'server.pem', '-pubout', '-outform', 'DER');
		const field = written(platform, { 'server-public-key': key('server.pub.pem') });
		expect(field.subarray(0, der.length)).toEqual(der);
		expect(field.subarray(der.length).every((b) => b === 0xff)).toBe(true);
	});
});
