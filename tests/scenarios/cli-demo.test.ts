/** The demo is what a newcomer sees first: it must end well, and show what it promises. */
import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { particleCli } from '../support/real-firmware.js';
import { document, linacProcess, temporaryFolder } from './cli-harness.js';

const folder = temporaryFolder();
// The real files that the other tests use stand for the npm client here.
const env = {
	LINAC_CACHE: join(folder.path, 'cache'),
	LINAC_OFFLINE: '1',
	LINAC_MIRROR: [join(particleCli('2.16.0'), 'assets'), join(particleCli('3.6.0'), 'assets')].join(delimiter),
};
afterAll(() => folder.remove());

test('the demo pulls the cable in the middle, finishes with the same command, and shows the evidence', async () => {
	const { code, stdout, stderr } = await linacProcess(['demo', '--speed', '100'], { env });
	expect(stderr).toContain('the cable is pulled');
	expect(stdout.match(/^\$ linac flash tinker\.bin --target 4\.0\.1 --yes$/gm)).toHaveLength(2);
	expect(stdout).toMatch(/Failed: Boron/);
	expect(stdout).toMatch(/Verified: Boron \w+ is now what the plan says/);
	expect(stdout).toMatch(/Verified: Boron \w+ has Device OS 4\.0\.1/);
	expect(stdout).toMatch(/system-part1\s+4005\s+whole/);
	expect(code).toBe(0);
});

test('with --json the demo is one document, with the exit code of every command', async () => {
	const result = await linacProcess(['demo', '--speed', '100', '--json'], { env });
	expect(result).toMatchObject({ code: 0 });
	const { outcome, commands } = document<{ outcome: string; commands: { exit: number }[] }>(result);
	expect(outcome).toBe('verified');
	expect(commands.map((c) => c.exit)).toEqual([0, 6, 0, 0]);
});
