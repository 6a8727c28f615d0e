/** Signatures of mirrors, compared with OpenSSL's: it accepts ours, and we accept its. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANIFEST_NAME, parseSignatures, readMirror, serializeSignatures, signManifest } from '@linac/catalog';
import { webEd25519 } from '@linac/core';
import { nodeDigests, nodeEd25519, readMirrorKeys, readSigningKey } from '@linac/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasTool } from '../support/debian-tools.js';
import { boronParts, mirrorInMemory } from '../support/mirrors.js';

const tool = 'openssl';
const folder = mkdtempSync(join(tmpdir(), 'linac-openssl-'));
const at = (name: string) => join(folder, name);
function openssl(...args: string[]): { status: number | null; stdout: string } {
	return spawnSync(tool, args, { cwd: folder, encoding: 'utf8' });
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasTool(tool))('OpenSSL', () => {
	let manifest: Uint8Array;
	beforeAll(async () => {
		expect(openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem').status).toBe(0);
		expect(openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'key.pub.pem').status).toBe(0);
		manifest = (await mirrorInMemory(boronParts())).get(MANIFEST_NAME)!;
		writeFileSync(at(MANIFEST_NAME), manifest);
	});

	test('verifies a signature that linac made with its key', async () => {
		for (const ed25519 of [nodeEd25519, webEd25519]) {
			const made = await signManifest(manifest, await readSigningKey(at('key.pem')), ed25519);
			const file = parseSignatures(serializeSignatures([made], nodeDigests), nodeDigests);
			if (!file.ok) throw new Error('our own signature file is refused');
			writeFileSync(at('raw.sig'), file.value[0]!.signature);
			const verify = ['pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', 'key.pub.pem', '-sigfile', 'raw.sig', '-in'];
			expect(openssl(...verify, MANIFEST_NAME).status).toBe(0);
			writeFileSync(at('other'), manifest.subarray(1));
			expect(openssl(...verify, 'other').status).not.toBe(0);
		}
	});

	test('makes a signature that linac accepts, and not for another manifest', async () => {
		expect(openssl('pkeyutl', '-sign', '-rawin', '-inkey', 'key.pem', '-in', MANIFEST_NAME, '-out', 'ssl.sig').status).toBe(0);
		const trustedKeys = await readMirrorKeys(at('key.pub.pem'));
		const signature = serializeSignatures(
			[{ publicKey: trustedKeys[0]!, signature: new Uint8Array(readFileSync(at('ssl.sig'))) }],
			nodeDigests,
		);
		for (const ed25519 of [nodeEd25519, webEd25519]) {
			const verdict = await readMirror(manifest, { signature, trustedKeys, ed25519, digests: nodeDigests });
			expect(verdict).toMatchObject({ ok: true, value: { signedBy: { trusted: true } } });
			const other = await readMirror(manifest.subarray(1), { signature, trustedKeys, ed25519, digests: nodeDigests });
			expect(other).toMatchObject({ ok: false, problems: [{ code: 'MIRROR_SIGNATURE_WRONG' }] });
		}
	});
});
