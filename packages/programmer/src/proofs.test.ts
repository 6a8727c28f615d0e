import type { DeviceSnapshot, ExpectedModule } from '@linac/planner';
import { expect, test } from 'vitest';
import { evidenceRow, Proofs, withBefore } from './proofs.js';

const expected: ExpectedModule = { slot: 'system-part1', function: 4, index: 1, version: 4005, contentSha256: 'aa' };
const device = (
	module: { version: number; valid: boolean; contentSha256?: string },
	depth: 'reported' | 'read' = 'reported',
): DeviceSnapshot => ({
	platform: 'boron',
	mode: 'normal',
	modules: [{ function: 4, index: 1, ...module }],
	depth,
	via: 'usb',
});

test('bytes that were read back prove a module, unless the device contradicts them later', () => {
	const proofs = new Proofs();
	proofs.set('system-part1', { proof: 'read-back-sha256', sha256: 'aa', version: 4005 });
	expect(evidenceRow(expected, undefined, device({ version: 4005, valid: true }), proofs)).toMatchObject({
		proof: 'read-back-sha256',
		ok: true,
	});
	expect(evidenceRow(expected, undefined, device({ version: 2202, valid: true }), proofs)).toMatchObject({
		proof: 'none',
		ok: false,
	});
	expect(evidenceRow(expected, undefined, device({ version: 4005, valid: false }), proofs)).toMatchObject({ ok: false });
});

test('a proof of other bytes proves nothing, and a dropped proof is gone', () => {
	const proofs = new Proofs();
	proofs.set('system-part1', { proof: 'read-back-sha256', sha256: 'bb', version: 4005 });
	expect(evidenceRow(expected, undefined, undefined, proofs)).toMatchObject({ proof: 'none', ok: false });
	proofs.set('system-part1', { proof: 'read-back-sha256', sha256: 'aa', version: 4005 });
	proofs.drop('system-part1');
	expect(evidenceRow(expected, undefined, undefined, proofs)).toMatchObject({ proof: 'none', ok: false });
});

test('a hash that the device tells decides over the version that it tells', () => {
	const row = (contentSha256: string) =>
		evidenceRow(expected, undefined, device({ version: 4005, valid: true, contentSha256 }), new Proofs());
	expect(row('aa')).toMatchObject({ proof: 'device-hash', ok: true });
	expect(row('cc')).toMatchObject({ proof: 'device-hash', ok: false });
});

test('a copy that was read back proves what was installed from it, as long as the device tells its number and tells no other hash', () => {
	const proofs = new Proofs();
	proofs.set('system-part1', { proof: 'copy-read-back-sha256', sha256: 'copy', version: 4005 });
	const row = (module: { version: number; valid: boolean; contentSha256?: string }) =>
		evidenceRow(expected, undefined, device(module), proofs);
	expect(row({ version: 4005, valid: true })).toMatchObject({ proof: 'copy-read-back-sha256', sha256: 'copy', ok: true });
	expect(row({ version: 4005, valid: false })).toMatchObject({ proof: 'none', ok: false });
	expect(row({ version: 2202, valid: true })).toMatchObject({ proof: 'none', ok: false });
	expect(row({ version: 4005, valid: true, contentSha256: 'cc' })).toMatchObject({ proof: 'device-hash', ok: false });
	expect(evidenceRow(expected, undefined, undefined, proofs)).toMatchObject({ proof: 'none', ok: false });
});

test('a module that nothing speaks of is not proved', () => {
	const empty: DeviceSnapshot = { platform: 'boron', mode: 'normal', modules: [], depth: 'reported', via: 'usb' };
	expect(evidenceRow(expected, undefined, empty, new Proofs())).toMatchObject({ proof: 'none', ok: false });
});

test('what was there before the job is told even when the device was looked at again after a disturbance', () => {
	const later = evidenceRow(
		expected,
		device({ version: 4005, valid: true }),
		device({ version: 4005, valid: true }),
		new Proofs(),
	);
	expect(withBefore(later, device({ version: 2202, valid: false })).before).toEqual({ version: 2202, valid: false });
	const nothing: DeviceSnapshot = { platform: 'boron', mode: 'normal', modules: [], depth: 'reported', via: 'usb' };
	expect(withBefore(later, nothing)).not.toHaveProperty('before');
});
