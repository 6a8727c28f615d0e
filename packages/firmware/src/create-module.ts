/**
 * Makes modules from scratch: stand-ins for platforms whose real modules cannot be had, and test material. Addresses, numbers
 * and dependencies come from the caller; nothing here knows a platform. Not for taking apart or re-signing: build-module.ts.
 * Layouts: docs/formats/module.md.
 */
import { assert, concatBytes, type Digests, putU32le } from '@linac/core';
import { buildModule, type ModuleSpec } from './build-module.js';
import { writeExtensions } from './extensions.js';
import { CRC_SIZE, PREFIX_SIZE, SUFFIX_BASE_SIZE } from './prefix.js';
import { type ModuleDependency, type ModuleExtension, ModuleFlag } from './types.js';

export interface NewModule {
	platformId: number;
	/** `ModuleFunction`. */
	function: number;
	index: number;
	version: number;
	/** First address. Give this, or `end` for a right-aligned module. */
	start?: number;
	/** Address of the CRC: the last address that the module fills is `end + 3`. Its size is then rounded up to whole `align` bytes. */
	end?: number;
	/** With `end`: the start address and so the size is a multiple of this; 4096 for RTL872x user parts. Default 8. */
	align?: number;
	body: Uint8Array;
	/** Offset of the prefix: 0, 0x200 (nRF52840), 0x184 (STM32F2), 0x20 (RTL872x bootloader). Default 0. */
	prefixOffset?: number;
	/** What stands in front of the prefix; default: a plausible vector table (stack pointer and reset handler) with zeros behind. */
	leading?: Uint8Array;
	/** The byte at +8: the MCU of an NCP (33 = ESP32). */
	reserved?: number;
	flags?: number;
	/** At most two stand in the prefix; more become suffix extensions. */
	dependencies?: readonly ModuleDependency[];
	/**
	 * `base`: 36 bytes (SoftDevice, NCP); `product`: 40 bytes with product fields (STM32F2, nRF52840); `dynamic`: 62 bytes with
	 * DYNAMIC_LOCATION and PRODUCT_DATA extensions (every RTL872x module); `extensions`: only those given (assets). Default `product`.
	 */
	suffix?: 'base' | 'product' | 'dynamic' | 'extensions';
	productId?: number;
	productVersion?: number;
	/** `dynamic`: where the module's dynalib table is loaded and stands. Defaults: behind the prefix. */
	dynalibLoad?: number;
	dynalibStart?: number;
	prefixExtensions?: readonly ModuleExtension[];
	/** Further suffix extensions; they stand in front of the usual ones. */
	suffixExtensions?: readonly ModuleExtension[];
	/** Default: `payload` when the DROP_MODULE_INFO flag is set and the suffix is `base` (as device-os build/create_module.py makes them). */
	sha?: 'standard' | 'payload';
}

/** The bytes of a new module with right size, addresses, hash and CRC. Wrong arguments are our own bug, not input. */
export function createModule(options: NewModule, digests?: Digests): Uint8Array<ArrayBuffer> {
	assert((options.start === undefined) !== (options.end === undefined), 'a new module needs either a start or an end address');
	const prefixOffset = options.leading?.length ?? options.prefixOffset ?? 0;
	const kind = options.suffix ?? 'product';
	const extra = options.dependencies?.slice(2) ?? [];
	const front = [
		...(options.suffixExtensions ?? []),
		...extra.map((d): ModuleExtension => ({ type: 'dependency', ...d, targetId: 0 })),
	];
	if (kind === 'product' && front.length > 0 && front.at(-1)?.type !== 'end') {
		// Raw product fields behind extensions have to be separated from them by END.
		front.push({ type: 'end', padding: new Uint8Array(0) });
	}
	const tail = (start: number): ModuleExtension[] => [
		...front,
		...(kind === 'dynamic' ? dynamicExtensions(options, start, prefixOffset) : []),
	];
	const prefixExtensions = options.prefixExtensions ?? [];
	const fixed =
		prefixOffset +
		PREFIX_SIZE +
		writeExtensions(prefixExtensions).length +
		writeExtensions(tail(0)).length +
		(kind === 'product' ? 4 : 0) +
		SUFFIX_BASE_SIZE;
	let body = options.body;
	let start = options.start ?? 0;
	if (options.end !== undefined) {
		const align = options.align ?? 8;
		const size = fixed + body.length + CRC_SIZE;
		const last = options.end + CRC_SIZE;
		start = Math.floor((last - size) / align) * align;
		assert(start >= 0, 'the module is larger than the addresses below its end');
		body = concatBytes([body, new Uint8Array(last - start - size)]);
	}
	const end = start + fixed + body.length;
	const flags = (options.flags ?? 0) | (prefixExtensions.length > 0 ? ModuleFlag.prefixExtensions : 0);
	const none: ModuleDependency = { function: 0, index: 0, version: 0 };
	const spec: ModuleSpec = {
		leading: options.leading ?? vectorTable(prefixOffset, start, end),
		prefix: {
			start,
			reserved: options.reserved ?? 0,
			flags,
			version: options.version,
			platformId: options.platformId,
			function: options.function,
			index: options.index,
			dependencies: [options.dependencies?.[0] ?? none, options.dependencies?.[1] ?? none],
		},
		prefixExtensions,
		body,
		suffixExtensions: tail(start),
		...(kind === 'product' ? { product: { id: options.productId ?? 0xffff, version: options.productVersion ?? 0xffff } } : {}),
		sha: options.sha ?? (kind === 'base' && flags & ModuleFlag.dropModuleInfo ? 'payload' : 'standard'),
	};
	return buildModule(spec, digests);
}

function dynamicExtensions(options: NewModule, start: number, prefixOffset: number): ModuleExtension[] {
	const behindPrefix = start + prefixOffset + PREFIX_SIZE;
	return [
		{
			type: 'dynamic-location',
			moduleStart: start,
			dynalibLoad: options.dynalibLoad ?? behindPrefix,
			dynalibStart: options.dynalibStart ?? behindPrefix,
		},
		{
			type: 'product-data',
			reserved: 0xffff,
			productId: options.productId ?? 0xffff,
			productVersion: options.productVersion ?? 0xffff,
		},
	];
}

/** A stack pointer at the end of a 128 KB RAM and a reset handler inside the module, as a Cortex-M expects them. */
function vectorTable(length: number, start: number, end: number): Uint8Array {
	const out = new Uint8Array(length);
	if (length < 8) return out;
	putU32le(out, 0, 0x20020000);
	putU32le(out, 4, Math.min(start + length + PREFIX_SIZE, end - 2) | 1);
	return out;
}
