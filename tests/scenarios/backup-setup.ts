/** What the backup and key scenarios share: secrets in a virtual device's DCT, and reading them back. No tests here. */
import { generateKeyPairSync } from 'node:crypto';
import { cloudPlaceOf, platformByName } from '@linac/catalog';
import { type Clock, seededRandom } from '@linac/core';
import { nodeDigests } from '@linac/host';
import { dctWrites, type UnitFields } from '@linac/image';
import type { BackupContents } from '@linac/programmer';
import { DfuDevice, waitForDevice } from '@linac/usb';
import { type VirtualBus, type VirtualDevice, virtualUsbHost } from '@linac/virtual';
import { usbPlatforms } from '../support/virtual-lab.js';

interface On {
	clock: Clock;
	bus: VirtualBus;
	device: VirtualDevice;
}

export interface Secrets {
	/** DER as a device has it. */
	key: Uint8Array;
	claimCode: string;
	fields: UnitFields;
}

const pems = new Map<string, string>();

/** A private key of the kind that this platform wants, as openssl would write it (PEM). `name` tells one from another. */
export function privateKeyPem(platform: string, name = 'a'): string {
	const kind = cloudPlaceOf(platform)!.cloud.devicePrivateKey.key;
	const id = `${kind} ${name}`;
	let pem = pems.get(id);
	if (pem === undefined) {
		const pair =
			kind === 'ec-p256'
				? generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ format: 'pem', type: 'sec1' })
				: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'pem', type: 'pkcs1' });
		pem = pair.toString();
		pems.set(id, pem);
	}
	return pem;
}

export function serverKeyPem(platform: string): string {
	const kind = cloudPlaceOf(platform)!.cloud.serverPublicKey.key;
	const pair =
		kind === 'ec-p256'
			? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
			: generateKeyPairSync('rsa', { modulusLength: 2048 });
	return pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
}

/** In DFU mode by the buttons, and out of it again. */
export async function inDfu<T>(on: On, act: (dfu: DfuDevice) => Promise<T>): Promise<T> {
	const was = on.device.mode;
	if (was !== 'dfu') on.device.pressModeAndReset();
	const host = virtualUsbHost(on.bus);
	const wait = (mode: 'dfu' | 'normal', gone?: USBDevice) =>
		waitForDevice(host, usbPlatforms, {
			deviceId: on.device.deviceId,
			mode,
			clock: on.clock,
			timeoutMs: 60_000,
			...(gone ? { gone } : {}),
		});
	const found = await wait('dfu');
	const dfu = await DfuDevice.open(found, { clock: on.clock });
	try {
		const result = await act(dfu);
		if (was !== 'dfu' && was !== 'dead') {
			await dfu.leave();
			await wait('normal', found.handle.device);
		}
		return result;
	} finally {
		await dfu.close();
	}
}

/** Key, claim code and server address as they stand on a device that is in use, written as its own tools would. */
export async function giveSecrets(on: On, name = 'a'): Promise<Secrets> {
	const platform = platformByName(on.device.platform.name)!;
	const claimCode = nodeDigests
		.sha256(seededRandom(name.charCodeAt(0)).bytes(8))
		.reduce((text, b) => text + b.toString(16).padStart(2, '0'), '')
		.padEnd(63, 'x')
		.slice(0, 63);
	const fields: UnitFields = {
		'device-private-key': { file: 'device.pem', bytes: new TextEncoder().encode(privateKeyPem(platform.name, name)) },
		'server-address': 'cloud.example.com',
		'claim-code': claimCode,
	};
	const writes = dctWrites(platform, fields);
	if (!writes.ok) throw new Error(writes.problems.map((p) => p.message).join(' '));
	const alternate = platform.alternates.find((a) => a.storage === 'dct')!.number;
	await inDfu(on, async (dfu) => {
		for (const { offset, bytes } of writes.value) await dfu.write(alternate, offset, bytes, { erase: false });
	});
	return { key: writes.value.find((w) => w.name === 'device-private-key')!.bytes, claimCode, fields };
}

export async function dctOf(on: On, offset: number, length: number): Promise<Uint8Array> {
	return inDfu(on, (dfu) => dfu.read(1, offset, length));
}

export function bytesOf(contents: BackupContents | undefined, kind: BackupContents['parts'][number]['kind']): Uint8Array {
	const part = contents?.parts.find((p) => p.kind === kind);
	if (!part) throw new Error(`no ${kind} in the backup`);
	return part.bytes;
}
