import { platformByName, slotByName } from '@linac/catalog';
import { portableDigests, sha256, toHex } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { expect, test } from 'vitest';
import { realModule } from '../../../tests/support/real-firmware.js';
import { completeEnvironment, type World } from './environment.js';
import { type KnownModule, knownModule } from './known-modules.js';
import { readSoftDevice } from './soft-device.js';

const boron = platformByName('boron')!;
const slot = slotByName(boron, 'softdevice')!;
const region = boron.memory.find((r) => r.name === slot.region)!;
const file = realModule('boron-softdevice@2.2.0.bin');
const verdict = parseModule(file);
if (!verdict.ok) throw new Error('the real SoftDevice cannot be parsed');
const known = knownModule(verdict.value, portableDigests);

function flashWith(content: Uint8Array) {
	const flash = new Uint8Array(region.end).fill(0xff);
	flash.set(content, region.start);
	return { read: (address: number, length: number) => Promise.resolve(flash.slice(address, address + length)) };
}
function world(modules: KnownModule[] = []): World {
	return completeEnvironment({ host: undefined as never, platforms: [boron], clock: undefined as never }, modules);
}

test('a SoftDevice written over DFU (without its header, with its suffix) is known by Nordic firmware id and proved by its own hash', async () => {
	const module = await readSoftDevice(flashWith(file.subarray(24)), slot, region, world());
	expect(module).toMatchObject({ function: 8, version: 202, valid: true, contentSha256: toHex(sha256(file.subarray(24))) });
});

test('a SoftDevice put there by a hex file (payload and four stray bytes) is found valid when the release is at hand', async () => {
	const payload = file.subarray(24, file.length - 40 + 4);
	const module = await readSoftDevice(flashWith(payload), slot, region, world([known]));
	expect(module).toMatchObject({ version: 202, valid: true, contentSha256: known.payload?.sha256 });
});

test('one changed byte of a SoftDevice whose release is at hand makes it damaged', async () => {
	const content = file.slice(24);
	content[70_000]! ^= 1;
	const module = await readSoftDevice(flashWith(content), slot, region, world([known]));
	expect(module).toMatchObject({ version: 202, valid: false });
});

test('a blank region holds no SoftDevice', async () => {
	expect(await readSoftDevice(flashWith(new Uint8Array(0)), slot, region, world())).toBeUndefined();
});
