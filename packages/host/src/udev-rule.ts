/**
 * The udev rule that lets users open Particle devices on Linux: its text, made from USB ids of the catalogue, and whether a rule that is
 * installed already covers them. Pure; who writes the file is doctor/install-udev-rule.ts. Syntax: man 7 udev.
 */

export interface UsbIds {
	vendorId: number;
	/** Of devices that run, and of devices in DFU mode. */
	productIds: number[];
}

/** Name of the file: before 60, because later rules of systemd work with what has been set by then (man 7 udev; 73-seat-late.rules). */
export const UDEV_RULE_PATH = '/etc/udev/rules.d/50-linac.rules';

const hex4 = (n: number) => n.toString(16).padStart(4, '0');

/** The ids of a list of platforms, by vendor, in ascending order, each once. */
export function usbIdsByVendor(
	platforms: readonly { usb: { vendorId: number; productId: number; dfuProductId: number } }[],
): UsbIds[] {
	const vendors = new Map<number, Set<number>>();
	for (const { usb } of platforms) {
		const products = vendors.get(usb.vendorId) ?? new Set();
		products.add(usb.productId).add(usb.dfuProductId);
		vendors.set(usb.vendorId, products);
	}
	return [...vendors]
		.sort(([a], [b]) => a - b)
		.map(([vendorId, products]) => ({ vendorId, productIds: [...products].sort((a, b) => a - b) }));
}

/**
 * The file. `SUBSYSTEMS` and `ATTRS` look at the parents too, so that one line covers the device and its serial port. MODE 0666 is what
 * Particle's own rule sets: also somebody who is logged in over the network, or a service, can program (`uaccess` gives that to the
 * person at the screen only). ModemManager would talk to the serial port as if it were a modem, and hold it meanwhile.
 */
export function udevRule(ids: readonly UsbIds[]): string {
	const lines = ids.map(({ vendorId, productIds }) =>
		[
			'SUBSYSTEMS=="usb"',
			`ATTRS{idVendor}=="${hex4(vendorId)}"`,
			`ATTRS{idProduct}=="${productIds.map(hex4).join('|')}"`,
			'MODE="0666"',
			'ENV{ID_MM_DEVICE_IGNORE}="1"',
		].join(', '),
	);
	return [
		'# Lets every user of this computer program Particle devices over USB, and keeps ModemManager off their serial ports.',
		'# Written by "linac doctor --install-udev-rule". To allow it to a group only, put GROUP="name", MODE="0660" for MODE="0666".',
		...lines,
		'',
	].join('\n');
}

export interface RuleFile {
	path: string;
	text: string;
}

export interface RuleCover {
	/** Files with a line that names one of our vendors. */
	files: string[];
	/** Product ids for which no line sets a mode, a group, an owner or `uaccess`. */
	uncovered: { vendorId: number; productId: number }[];
	/** Product ids at which ModemManager is not kept away. */
	modemManager: { vendorId: number; productId: number }[];
}

/**
 * Which of our ids the installed rules give access to. Understands what udev's own matching does with `==` on ids: alternatives (`|`),
 * `*`, `?` and `[...]`. A line without a product id covers every product of its vendor. Other conditions are taken to hold.
 */
export function coverOf(files: readonly RuleFile[], ids: readonly UsbIds[]): RuleCover {
	const lines = files.flatMap(({ path, text }) => linesOf(text).map((line) => ({ path, ...readLine(line) })));
	const named = new Set<string>();
	const cover: RuleCover = { files: [], uncovered: [], modemManager: [] };
	for (const { vendorId, productIds } of ids) {
		for (const productId of productIds) {
			const fitting = lines.filter((l) => l.vendor?.(hex4(vendorId)) && (l.product?.(hex4(productId)) ?? true));
			for (const l of fitting) if (l.grants || l.ignoresModem) named.add(l.path);
			if (!fitting.some((l) => l.grants)) cover.uncovered.push({ vendorId, productId });
			if (!fitting.some((l) => l.ignoresModem)) cover.modemManager.push({ vendorId, productId });
		}
	}
	return { ...cover, files: [...named] };
}

/** Lines without comments; a backslash at the end joins a line with the next. */
function linesOf(text: string): string[] {
	return text
		.replace(/\\\r?\n/g, ' ')
		.split(/\r?\n/)
		.map((l) => l.trim())
		.filter((l) => l !== '' && !l.startsWith('#'));
}

interface RuleLine {
	vendor?: (id: string) => boolean;
	product?: (id: string) => boolean;
	grants: boolean;
	ignoresModem: boolean;
}

function readLine(line: string): RuleLine {
	const result: RuleLine = { grants: false, ignoresModem: false };
	for (const [, key, operator, value] of line.matchAll(/([A-Z_]+(?:\{[^}]*\})?)\s*(==|!=|=|\+=|:=)\s*"([^"]*)"/g)) {
		const compares = operator === '==';
		if (/^(ATTRS?\{idVendor\}|ENV\{ID_VENDOR_ID\})$/.test(key!) && compares) result.vendor = matcher(value!);
		else if (/^(ATTRS?\{idProduct\}|ENV\{ID_MODEL_ID\})$/.test(key!) && compares) result.product = matcher(value!);
		else if (key === 'MODE' && !compares) result.grants ||= opens(value!);
		else if ((key === 'GROUP' || key === 'OWNER') && !compares) result.grants = true;
		else if (key === 'TAG' && value === 'uaccess' && !compares) result.grants = true;
		else if (key === 'ENV{ID_MM_DEVICE_IGNORE}' && !compares) result.ignoresModem = value === '1';
	}
	return result;
}

/** A mode in which somebody besides the owner may write. */
function opens(mode: string): boolean {
	return (Number.parseInt(mode, 8) & 0o022) !== 0;
}

/** Shell patterns, as udev has them. Ids in sysfs are lower case. */
function matcher(pattern: string): (id: string) => boolean {
	const alternatives = pattern.split('|').map((one) => {
		const source = one
			.replace(/[.+^${}()\\]/g, '\\$&')
			.replace(/\*/g, '.*')
			.replace(/\?/g, '.')
			.replace(/\[!/g, '[^');
		try {
			return new RegExp(`^${source}$`);
		} catch {
			// A bracket that is never closed: udev matches nothing with it either.
			return /$^/;
		}
	});
	return (id) => alternatives.some((a) => a.test(id));
}
