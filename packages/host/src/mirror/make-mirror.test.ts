import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANIFEST_NAME, type ReleaseQuery, type ReleaseSet, SIGNATURE_NAME } from '@linac/catalog';
import { LinacError } from '@linac/core';
import { beforeEach, expect, test } from 'vitest';
import { filesBelow, type KeyPair, makeKeys, realRelease } from '../../../../tests/support/mirrors.js';
import { standInMbr } from '../../../../tests/support/nordic-mbr.js';
import { type MakeMirrorOptions, makeMirror } from './make-mirror.js';
import { folderMirror } from './path-source.js';
import { verifyMirror } from './verify-mirror.js';

let work: string;
let folder: string;
beforeEach(() => {
	work = mkdtempSync(join(tmpdir(), 'linac-mirror-'));
	folder = join(work, 'mirror');
	return () => rmSync(work, { recursive: true, force: true });
});

const keys = makeKeys();
const b220 = { platform: 'boron', version: '2.2.0' };
const b401 = { platform: 'boron', version: '4.0.1' };
const p220 = { platform: 'photon', version: '2.2.0' };
const mbr = { kind: 'mbr', mcu: 'nrf52840', bytes: standInMbr() };
const real = async ({ platform, version }: ReleaseQuery): Promise<ReleaseSet> =>
	realRelease(platform as 'boron', version as '2.2.0');

function make(wanted: ReleaseQuery[], more: Partial<MakeMirrorOptions> & { keys?: KeyPair } = {}) {
	const { keys: pair, ...options } = more;
	return makeMirror({ folder, wanted, open: real, ...(pair ? { signingKey: pair.privateKey } : {}), ...options });
}
const failure = (promise: Promise<unknown>) =>
	promise.then(
		() => undefined,
		(e: unknown) => e as LinacError,
	);
const asText = (files: Map<string, Uint8Array>) => [...files].map(([p, b]) => `${p} ${Buffer.from(b).toString('base64')}`);

test('the same releases give the same bytes: at once, one by one, in any order, and when nothing is left to do', async () => {
	await make([b401, p220, b220], { keys, further: [mbr] });
	const whole = asText(filesBelow(folder));
	folder = join(work, 'piece by piece');
	for (const query of [p220, b401, b220]) await make([query], { keys });
	await make([b220], { keys, further: [mbr] });
	expect(asText(filesBelow(folder))).toEqual(whole);
	const again = await make([b220, b401], { keys, open: () => Promise.reject(new Error('nothing is to be opened')) });
	expect(again).toMatchObject({ written: 0, added: [], kept: [b220, b401] });
	expect(asText(filesBelow(folder))).toEqual(whole);
	expect(await verifyMirror(folder, { trustedKeys: [keys.publicKey] })).toMatchObject({ problems: [], strangers: [] });
});

/** A signal that is raised when it is looked at for the n-th time. */
function stopAtLook(n: number): AbortSignal {
	let looks = 0;
	const { signal } = new AbortController();
	return new Proxy(signal, { get: (target, key) => (key === 'aborted' ? ++looks > n : Reflect.get(target, key)) as unknown });
}

test('stopped at any point, the mirror is what it was before; run again, it is what it would have been', async () => {
	await make([p220, b220], { keys, further: [mbr] });
	const after = asText(filesBelow(folder));
	rmSync(folder, { recursive: true });
	await make([p220], { keys });
	const before = filesBelow(folder);
	const releases = new Map([p220, b220].map((q) => [q.platform, realRelease(q.platform as 'boron', q.version as '2.2.0')]));
	const open = async ({ platform }: ReleaseQuery) => releases.get(platform)!;
	let stopped = 0;
	for (let n = 0; ; n++) {
		const run = make([p220, b220], { keys, further: [mbr], open, signal: stopAtLook(n) });
		const interrupted = await failure(run);
		if (!interrupted) break;
		stopped++;
		expect(interrupted.code).toBe('CANCELLED');
		const verified = await verifyMirror(folder, { trustedKeys: [keys.publicKey] });
		expect(verified.problems).toEqual([]);
		expect(verified.manifest.releases.map((r) => r.platform)).toEqual(['photon']);
		const now = filesBelow(folder);
		for (const [path, bytes] of before) expect(Buffer.compare(now.get(path)!, bytes)).toBe(0);
	}
	// Once for each file that is verified, and for each that is written, at least.
	expect(stopped).toBeGreaterThan(8);
	expect(asText(filesBelow(folder))).toEqual(after);
});

test('a first run that is stopped leaves a mirror without releases, which is continued', async () => {
	const stop = new AbortController();
	expect((await failure(make([b220, b401], { signal: stop.signal, onRelease: () => stop.abort() })))?.code).toBe('CANCELLED');
	expect((await failure(folderMirror(folder, undefined).list()))?.code).toBe('SOURCE_EMPTY');
	expect(await make([b220, b401])).toMatchObject({ added: [b220, b401] });
	expect(await verifyMirror(folder)).toMatchObject({ problems: [], strangers: [] });
});

test('power lost while the manifest is replaced: the signature file fits the old one and the new one', async () => {
	await make([p220], { keys });
	const old = filesBelow(folder);
	await make([p220, b401], { keys });
	const now = filesBelow(folder);
	const both = JSON.parse(new TextDecoder().decode(old.get(SIGNATURE_NAME))) as { signatures: unknown[] };
	both.signatures.push(...(JSON.parse(new TextDecoder().decode(now.get(SIGNATURE_NAME))) as typeof both).signatures);
	const signatureOf = (entry: unknown) => (entry as { signature: string }).signature;
	both.signatures.sort((a, b) => (signatureOf(a) < signatureOf(b) ? -1 : 1));
	writeFileSync(join(folder, SIGNATURE_NAME), `${JSON.stringify(both, null, '\t')}\n`);
	for (const files of [old, now]) {
		writeFileSync(join(folder, MANIFEST_NAME), files.get(MANIFEST_NAME)!);
		expect(await verifyMirror(folder, { trustedKeys: [keys.publicKey] })).toMatchObject({ problems: [] });
	}
});

test('what cannot be had is told with its reason and the rest is there; when nothing can be had, nothing is written', async () => {
	const open = async (query: ReleaseQuery) => {
		if (query.version === '4.0.1') throw new LinacError('RELEASE_NOT_AVAILABLE', 'nobody has it');
		return real(query);
	};
	const made = await make([b401, b220], { open });
	expect(made.missing).toEqual([{ ...b401, code: 'RELEASE_NOT_AVAILABLE', message: 'nobody has it' }]);
	expect(made.manifest.releases.map((r) => r.version)).toEqual(['2.2.0']);
	folder = join(work, 'nothing');
	expect(await make([b401], { open, further: [mbr] })).toMatchObject({ written: 0, added: [] });
	expect((await failure(Promise.resolve().then(() => filesBelow(folder)))) as unknown).toMatchObject({ code: 'ENOENT' });
	expect((await failure(make([b220], { open: () => Promise.reject(new LinacError('SOURCE_EMPTY', 'x')) })))?.code).toBe(
		'SOURCE_EMPTY',
	);
});

test('a folder with files of somebody else is refused, and so is a file in the way; neither is touched', async () => {
	mkdirSync(folder);
	writeFileSync(join(folder, 'thesis.txt'), 'mine');
	expect(await failure(make([b220]))).toMatchObject({ code: 'MIRROR_FOLDER_NOT_EMPTY' });
	expect([...filesBelow(folder).keys()]).toEqual(['thesis.txt']);
	folder = join(work, 'second');
	await make([b220]);
	const inTheWay = join(folder, 'modules', 'boron', '4.0.1', 'boron-bootloader@4.0.1.bin');
	mkdirSync(join(inTheWay, '..'), { recursive: true });
	writeFileSync(inTheWay, 'mine');
	expect(await failure(make([b401]))).toMatchObject({ code: 'MIRROR_FILE_IN_THE_WAY' });
	expect(readFileSync(inTheWay, 'utf8')).toBe('mine');
	expect(await verifyMirror(folder)).toMatchObject({ problems: [] });
});

test.skipIf(process.platform === 'win32')('nothing is written through a link that leads out of the folder', async () => {
	await make([p220]);
	mkdirSync(join(work, 'elsewhere'));
	symlinkSync(join(work, 'elsewhere'), join(folder, 'modules', 'boron'));
	expect(await failure(make([b220]))).toMatchObject({ code: 'MIRROR_FILE_IN_THE_WAY' });
	expect(filesBelow(join(work, 'elsewhere')).size).toBe(0);
});

test('a damaged file of a wanted release is fetched anew; of another one it is named, and nothing is changed', async () => {
	await make([b220, p220]);
	const whole = asText(filesBelow(folder));
	const damaged = 'modules/photon/2.2.0/photon-system-part1@2.2.0.bin';
	writeFileSync(join(folder, damaged), 'damaged');
	const refused = await failure(make([b401]));
	expect(refused).toMatchObject({
		code: 'MIRROR_FILE_CHANGED',
		hint: expect.stringContaining('--platform photon --target 2.2.0') as string,
	});
	expect(refused?.message).toContain('photon-system-part1@2.2.0.bin');
	expect(filesBelow(folder).has('modules/boron/4.0.1/boron-bootloader@4.0.1.bin')).toBe(false);
	expect(await make([p220])).toMatchObject({ written: 1, added: [p220] });
	expect(asText(filesBelow(folder))).toEqual(whole);
	rmSync(join(folder, damaged));
	await make([p220]);
	expect(asText(filesBelow(folder))).toEqual(whole);
});

test('a signed mirror is not changed without a key, a changed one not signed again, and one of another key only when that is known', async () => {
	await make([p220], { keys });
	const before = asText(filesBelow(folder));
	expect(await failure(make([b220]))).toMatchObject({ code: 'MIRROR_NEEDS_KEY' });
	expect(await failure(make([p220], { further: [mbr] }))).toMatchObject({ code: 'MIRROR_NEEDS_KEY' });
	expect(asText(filesBelow(folder))).toEqual(before);
	expect(await make([p220])).toMatchObject({ publicKey: keys.publicKey, written: 0 });
	const others = makeKeys();
	expect(await failure(make([b220], { keys: others, trustedKeys: [others.publicKey] }))).toMatchObject({
		code: 'MIRROR_KEY_NOT_TRUSTED',
	});
	expect(await make([b220], { keys: others })).toMatchObject({ publicKey: others.publicKey, before: { trusted: false } });
	expect((await verifyMirror(folder, { trustedKeys: [others.publicKey] })).signedBy?.trusted).toBe(true);
	const manifest = readFileSync(join(folder, MANIFEST_NAME), 'utf8');
	writeFileSync(join(folder, MANIFEST_NAME), manifest.replace('"slot": "bootloader"', '"slot": "ncp"'));
	expect(await failure(make([b401], { keys: others }))).toMatchObject({ code: 'MIRROR_SIGNATURE_WRONG' });
});

test('Tinker is put in with a release that came without, also later, and stays when a source no longer has it', async () => {
	const tinker = realRelease('boron', '4.0.1').application;
	const bare = async (query: ReleaseQuery) => ({ ...(await real(query)), application: undefined });
	const hasTinker = async () => (await folderMirror(folder, undefined).openApplication('boron')).ok;
	await make([b401], { open: bare, application: async () => undefined });
	expect(await hasTinker()).toBe(false);
	expect(await make([b401], { open: bare, application: async () => tinker })).toMatchObject({ written: 1, kept: [b401] });
	expect(await hasTinker()).toBe(true);
	writeFileSync(join(folder, 'modules/boron/4.0.1/boron-bootloader@4.0.1.bin'), '');
	expect(await make([b401], { open: bare })).toMatchObject({ written: 1, added: [b401] });
	expect(await hasTinker()).toBe(true);
});

test('two runs at the same time do not lose a release: the later one is told', async () => {
	await make([p220]);
	const open = async (query: ReleaseQuery) => {
		await makeMirror({ folder, wanted: [b220], open: real });
		return real(query);
	};
	expect(await failure(make([b401], { open }))).toMatchObject({ code: 'MIRROR_BUSY', retry: 'job' });
	expect((await make([b401])).manifest.releases).toHaveLength(3);
});
