/** Before a job changes anything, what is on the device is read and handed over; without that nothing is written. */
import { cloudPlaceOf, platformByName, platforms, releases } from '@linac/catalog';
import { LinacError } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { type BackupContents, encodeBackup, type JobEvent, readBackup, restore } from '@linac/programmer';
import { virtualUsbHost } from '@linac/virtual';
import { describe, expect, test } from 'vitest';
import { bytesOf, giveSecrets, inDfu } from './backup-setup.js';
import { application, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const old = application('boron', { needs: 2202, size: 20_000, seed: 7 });
const wanted = [goalFile('boron', application('boron', { needs: 4005, index: 2, size: 30_000 }))];
const boronJob = { goal: goal('4.0.1', wanted), release: realRelease('boron', '4.0.1') };
const boron = () => bench('boron', { release: realRelease('boron', '2.2.0'), application: old });

interface Taken {
	contents: BackupContents;
	writes: number;
	mode: string;
}

function taking(b: ReturnType<typeof bench>, taken: Taken[]) {
	const begun = b.device.counters.flashWrites;
	return async (contents: BackupContents) => {
		taken.push({ contents, writes: b.device.counters.flashWrites - begun, mode: b.device.mode });
		return { file: `backup-${taken.length}` };
	};
}

describe('a job on a running Boron', () => {
	test('hands over DCT, application and module list once, before the first flash write, and the report names the backup', async () => {
		const b = boron();
		const secrets = await giveSecrets(b);
		const taken: Taken[] = [];
		const { verdict, events } = await run(b, { ...boronJob, backup: taking(b, taken) });
		expect(verdict.ok && verdict.value).toMatchObject({ outcome: 'verified', backup: { file: 'backup-1' } });
		expect(taken.map((t) => [t.writes, t.mode])).toEqual([[0, 'dfu']]);
		const { contents } = taken[0]!;
		expect(contents).toMatchObject({ platform: 'boron', deviceId: b.device.deviceId, osVersion: '2.2.0', missing: [] });
		expect(bytesOf(contents, 'dct').subarray(3106, 3298)).toEqual(secrets.key);
		expect(bytesOf(contents, 'dct')).toHaveLength(8391);
		expect(bytesOf(contents, 'application')).toEqual(old);
		expect(contents.device.modules).toContainEqual(expect.objectContaining({ function: 4, index: 1, version: 2202 }));
		expect(events.filter((e) => e.type.startsWith('backup')).map((e) => e.type)).toEqual(['backup-started', 'backup-finished']);
	});

	test('has the same plan and the same steps as without a backup', async () => {
		const plans: unknown[] = [];
		const steps: unknown[] = [];
		for (const withBackup of [true, false]) {
			const b = boron();
			const { verdict } = await run(b, {
				...boronJob,
				...(withBackup ? { backup: taking(b, []) } : {}),
				confirm: (plan) => {
					plans.push(plan);
					return true;
				},
			});
			steps.push(verdict.ok && verdict.value.steps.map((s) => [s.title, s.result]));
		}
		expect(plans[0]).toEqual(plans[1]);
		expect(steps[0]).toEqual(steps[1]);
	});

	test('makes no backup when nothing has to be written', async () => {
		const b = boron();
		await run(b, boronJob);
		const taken: Taken[] = [];
		const { verdict } = await run(b, { ...boronJob, backup: taking(b, taken) });
		expect(verdict.ok && verdict.value.outcome).toBe('already');
		expect(verdict.ok && verdict.value.backup).toBeUndefined();
		expect(taken).toEqual([]);
	});

	test('makes no backup when it is not confirmed', async () => {
		const b = boron();
		const taken: Taken[] = [];
		await expect(run(b, { ...boronJob, backup: taking(b, taken), confirm: () => false })).rejects.toThrow('Cancelled');
		expect(taken).toEqual([]);
	});

	test.each([
		['in the DFU session of the job', {}],
		['before the running system takes the bootloader', { goal: { ...boronJob.goal, bootloaderWay: 'control' as const } }],
	])('writes nothing when the backup cannot be kept, and lets the device run again: %s', async (_when, more) => {
		const b = boron();
		const begun = b.device.counters.flashWrites;
		const before = b.device.installedModules();
		const failed = run(b, {
			...boronJob,
			...more,
			backup: async () => {
				throw new LinacError('FILE_NOT_WRITTEN', 'The disk is full.', { retry: 'operator' });
			},
		});
		const { verdict } = await failed.catch((error: unknown) => ({ verdict: error as LinacError }));
		const error = verdict instanceof LinacError ? verdict : verdict.ok ? verdict.value.error : undefined;
		expect(error).toMatchObject({ code: 'FILE_NOT_WRITTEN' });
		expect(error?.message).toContain('before anything was written');
		expect(b.device.counters.flashWrites).toBe(begun);
		expect(b.device.installedModules()).toEqual(before);
		expect(b.device.mode).toBe('normal');
	});

	test('after an interruption the same command makes a backup of its own, with what is left of the application', async () => {
		const b = boron();
		const taken: Taken[] = [];
		const pull = (event: JobEvent) => {
			if (event.type === 'progress' && event.what === 'write' && event.fraction > 0.5) b.device.unplug();
		};
		await run(b, { ...boronJob, backup: taking(b, taken), onEvent: pull, limits: { returnMs: 100 } }).catch(() => {});
		b.device.plug();
		await b.clock.sleep(10_000);
		const { verdict } = await run(b, { ...boronJob, backup: taking(b, taken) });
		expect(verdict.ok && verdict.value).toMatchObject({ outcome: 'verified', backup: { file: 'backup-2' } });
		expect(taken).toHaveLength(2);
		expect(bytesOf(taken[0]!.contents, 'application')).toEqual(old);
	});
});

test('a Boron that is in DFU mode already is read there, and the application that the first look has read is not read again', async () => {
	const b = boron();
	b.device.pressModeAndReset();
	await b.clock.sleep(5_000);
	const reads = async (withBackup: boolean) => {
		const taken: Taken[] = [];
		const c = boron();
		c.device.pressModeAndReset();
		await c.clock.sleep(5_000);
		const { verdict } = await run(c, { ...boronJob, ...(withBackup ? { backup: taking(c, taken) } : {}) });
		if (!verdict.ok) throw new Error('refused');
		if (withBackup) expect(bytesOf(taken[0]!.contents, 'application')).toEqual(old);
		return verdict.value.bytesRead;
	};
	expect((await reads(true)) - (await reads(false))).toBe(8391);
});

test('a Boron that is put right by "restore" is saved once, before the first change, whatever is tried after it', async () => {
	const b = boron();
	const secrets = await giveSecrets(b);
	b.device.pressModeAndReset();
	await b.clock.sleep(5_000);
	await inDfu(b, (dfu) => dfu.erase(0, 0x50000, 4));
	const taken: Taken[] = [];
	const report = await restore({
		host: virtualUsbHost(b.bus),
		platforms,
		releases,
		clock: b.clock,
		digests: nodeDigests,
		openRelease: async (platform, version) => realRelease(platform, version),
		backup: taking(b, taken),
	});
	expect(report).toMatchObject({ outcome: 'verified', report: { backup: { file: 'backup-1' } } });
	expect(taken.map((t) => t.writes)).toEqual([0]);
	expect(bytesOf(taken[0]!.contents, 'dct').subarray(3106, 3298)).toEqual(secrets.key);
	expect(bytesOf(taken[0]!.contents, 'application')).toEqual(old);
});

describe('a Photon', () => {
	const photon = () =>
		bench('photon', {
			release: realRelease('photon', '1.5.2'),
			application: application('photon', { needs: 1512, index: 1, size: 30_000 }),
		});
	const job = {
		goal: goal('2.2.0', [goalFile('photon', application('photon', { needs: 2202, index: 1, size: 40_000 }))]),
		release: realRelease('photon', '2.2.0'),
	};

	test('whose bootloader is replaced by the running system goes into DFU mode for the backup and comes back for that', async () => {
		const b = photon();
		const secrets = await giveSecrets(b);
		const taken: Taken[] = [];
		const { verdict, events } = await run(b, { ...job, backup: taking(b, taken) });
		expect(verdict.ok && verdict.value).toMatchObject({ outcome: 'verified' });
		const kinds = events.flatMap((e) => (e.type === 'job-started' ? e.plan.steps.map((s) => s.action.kind) : []));
		expect(kinds[0]).toBe('update-control');
		expect(taken.map((t) => t.writes)).toEqual([0]);
		expect(bytesOf(taken[0]!.contents, 'dct').subarray(34, 34 + 1216)).toEqual(secrets.key);
		expect(bytesOf(taken[0]!.contents, 'dct-sectors')).toHaveLength(0x8000);
		expect(taken[0]!.contents.dctAccess).toBe(true);
	});

	test('whose system parts are damaged, so that its bootloader gives zeros, is saved from the flash sectors of its DCT', async () => {
		const b = photon();
		const secrets = await giveSecrets(b);
		b.device.pressModeAndReset();
		await b.clock.sleep(5_000);
		const zeros = await inDfu(b, async (dfu) => {
			await dfu.erase(0, 0x08060000, 4);
			return dfu.read(1, 0, 4096);
		});
		expect(zeros.every((byte) => byte === 0)).toBe(true);
		const taken: Taken[] = [];
		const { verdict, events } = await run(b, { ...job, backup: taking(b, taken) });
		expect(verdict.ok && verdict.value).toMatchObject({ outcome: 'verified' });
		expect(bytesOf(taken[0]!.contents, 'dct').subarray(34, 34 + 1216)).toEqual(secrets.key);
		expect(taken[0]!.contents.dctAccess).toBe(false);
		expect(events.find((e) => e.type === 'backup-finished')).toMatchObject({
			notes: [expect.stringContaining('from its flash sectors')],
		});
	});
});

describe.each(['photon', 'p1', 'electron', 'argon', 'boron', 'tracker', 'p2', 'msom'])('a %s', (name) => {
	test('is saved with its private key where it stands, and the file says the same again', async () => {
		const platform = platformByName(name)!;
		const { standInRelease, standInApplication } = await import('@linac/virtual');
		const version = platform.mcu === 'rtl872x' ? '5.5.0' : '2.2.0';
		const modules = [...standInRelease(platform, version).modules, ...[standInApplication(platform, version)].flat()];
		const b = bench(name, { modules: modules.map((m) => m.module) });
		const secrets = await giveSecrets(b);
		const taken: Taken[] = [];
		const other = application(name, { needs: 0, size: 12_000, seed: 3 });
		const { verdict } = await run(b, { goal: goal(undefined, [goalFile(name, other)]), backup: taking(b, taken) });
		expect(verdict.ok && verdict.value.outcome).toBe('verified');
		const { contents } = taken[0]!;
		const { offset, size } = cloudPlaceOf(platform)!.cloud.devicePrivateKey;
		expect(bytesOf(contents, 'dct').subarray(offset, offset + size)).toEqual(secrets.key);
		const { text } = encodeBackup(contents, '2026-01-02T03:04:05.000Z', nodeDigests);
		const back = readBackup(new TextEncoder().encode(text), 'b.json', nodeDigests);
		expect(back.ok && back.value.parts).toEqual(contents.parts);
		expect(back.ok && back.value).toMatchObject({
			platform: name,
			deviceId: b.device.deviceId,
			made: '2026-01-02T03:04:05.000Z',
		});
	});
});
