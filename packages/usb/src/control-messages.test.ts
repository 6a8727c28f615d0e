import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { LinacError, seededRandom } from '@linac/core';
import { expect, test } from 'vitest';
import { mutate } from '../../../tests/support/mutate.js';
import { decodeAssetInfo, decodeModuleInfo, decodeNcpVersion, decodeNumbers, decodeStrings } from './control-messages.js';

/** A module of each form with everything that a device tells of it: `particle.ctrl` in field 1, `particle.cloud` in field 2. */
function moduleInfo(): Uint8Array {
	const writer = new BinaryWriter();
	const dependency = (w: BinaryWriter, field: number) =>
		w.tag(field, WireType.LengthDelimited).fork().tag(1, WireType.Varint).uint32(2).tag(3, WireType.Varint).uint32(1101).join();
	const asset = (w: BinaryWriter, field: number) =>
		w
			.tag(field, WireType.LengthDelimited)
			.fork()
			.tag(1, WireType.LengthDelimited)
			.bytes(new Uint8Array(32).fill(7))
			.tag(2, WireType.LengthDelimited)
			.string('cat.txt')
			.join();
	for (let i = 0; i < 3; i++) {
		const old = writer.tag(1, WireType.LengthDelimited).fork();
		for (const [field, value] of [
			[1, 2],
			[2, 1],
			[3, 4005],
			[4, 0xa4000],
			[5, 2],
		] as const)
			old.tag(field, WireType.Varint).uint32(value);
		dependency(old, 6).join();
		const now = writer.tag(2, WireType.LengthDelimited).fork();
		now.tag(1, WireType.Varint).uint32(4).tag(2, WireType.Varint).uint32(1).tag(3, WireType.Varint).uint32(6200);
		now.tag(6, WireType.Bit32).fixed32(0x1e).tag(7, WireType.Bit32).fixed32(0x1e);
		now.tag(8, WireType.LengthDelimited).bytes(new Uint8Array(32).fill(0xa5));
		dependency(now, 9);
		asset(now, 10).join();
	}
	return writer.finish();
}

function outcome(bytes: Uint8Array): string {
	for (const decode of [
		() => decodeModuleInfo(bytes),
		() => decodeStrings('text', bytes),
		() => decodeNumbers('numbers', bytes),
		() => decodeNcpVersion(bytes),
		() => decodeAssetInfo(bytes),
	]) {
		try {
			decode();
		} catch (error) {
			if (!(error instanceof LinacError) || error.code !== 'PROTOCOL_ERROR') throw error;
		}
	}
	return 'answered';
}

test('modules are read in both forms', () => {
	const modules = decodeModuleInfo(moduleInfo());
	expect(modules).toHaveLength(6);
	expect(modules[0]).toMatchObject({ function: 4, index: 1, version: 4005, valid: true, dependenciesMet: false });
	expect(modules[1]).toMatchObject({ function: 4, version: 6200, valid: true, sha256: 'a5'.repeat(32) });
	expect(modules[1]!.dependencies).toEqual([{ function: 2, index: 0, version: 1101 }]);
});

test('20,000 random mutations of replies are answered, or refused as a reply that cannot be read', () => {
	const random = seededRandom(12);
	const reply = moduleInfo();
	for (let i = 0; i < 20_000; i++) outcome(mutate(reply, reply, random));
});

test('a reply that is nothing but nested groups, or tens of thousands of modules, is refused', () => {
	const longest = 256 * 1024;
	for (const filled of [0x0b, 0x0a, 0x12, 0x80, 0xff]) expect(outcome(new Uint8Array(longest).fill(filled))).toBe('answered');
	const many = new Uint8Array(longest);
	for (let at = 0; at < longest; at += 2) many[at] = 0x0a;
	expect(() => decodeModuleInfo(many)).toThrow(LinacError);
});
