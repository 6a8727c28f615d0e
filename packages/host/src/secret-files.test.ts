import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { backupsFolder } from './backups-folder.js';
import { writeNewSecret } from './secret-files.js';

const folder = mkdtempSync(join(tmpdir(), 'linac-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(process.platform === 'win32')('a secret and the folder that is made for it are for their owner alone', async () => {
	const path = join(folder, 'new', 'key.pem');
	await writeNewSecret(path, 'secret');
	expect(statSync(path).mode & 0o777).toBe(0o600);
	expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
	expect(readFileSync(path, 'utf8')).toBe('secret');
	expect(readdirSync(join(folder, 'new'))).toEqual(['key.pem']);
});

test('what is there is never overwritten, also when two write at once', async () => {
	const path = join(folder, 'one.pem');
	const texts = Array.from({ length: 8 }, (_, i) => `writer ${i}`);
	const results = await Promise.allSettled(texts.map((text) => writeNewSecret(path, text)));
	expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
	for (const r of results) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'FILE_EXISTS' });
	const winner = texts[results.findIndex((r) => r.status === 'fulfilled')];
	expect(readFileSync(path, 'utf8')).toBe(winner);
	expect(readdirSync(folder).filter((n) => n.endsWith('.tmp'))).toEqual([]);
});

test('where it cannot be written, nothing is left, and the error does not say what it was', async () => {
	writeFileSync(join(folder, 'file'), '');
	const failed = writeNewSecret(join(folder, 'file', 'key.pem'), 'SECRET');
	await expect(failed).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
	await failed.catch((error: unknown) => expect(JSON.stringify(error) + String(error)).not.toContain('SECRET'));
});

test('the folder for backups is where LINAC_BACKUPS says, else with the data of the user', () => {
	expect(backupsFolder({ LINAC_BACKUPS: '/somewhere' })).toBe('/somewhere');
	expect(backupsFolder({ LINAC_BACKUPS: '' })).toMatch(/linac.*backups$/);
});
