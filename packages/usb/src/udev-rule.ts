/**
 * The udev rule that lets users open Particle devices on Linux: its text, made from USB ids of the catalogue, and whether a rule that is
 * installed already covers them. Pure; who writes the file is doctor/install-udev-rule.ts. Syntax: man 7 udev.
 */

export interface UsbIds {
	vendorId: number;
	/** Of devices that run, and of devices in DFU mode. */
	productIds: number[];
}

/**
 * The file. Its name comes after `50-udev-default.rules`, which gives every USB device mode 0664: what a rule before that one (such as
 * particle-cli's `50-particle.rules`) sets with MODE="..." has no effect. Seen with udevadm of systemd 252.
 */
export const UDEV_RULE_PATH = '/etc/udev/rules.d/60-linac.rules';
/** Rule files are read in the order of their names, wherever they stand (man 7 udev). */
const DEFAULT_RULES = '50-udev-default.rules';

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
	/** Files with a line that is about one of our devices. */
	files: string[];
	/** Product ids that no line opens to this user. */
	uncovered: { vendorId: number; productId: number }[];
	/** Groups that would have access to some of these, and of which this user is no member. */
	groups: string[];
	/** Product ids at which ModemManager is not kept away. */
	modemManager: { vendorId: number; productId: number }[];
}

/**
 * Which of our ids the installed rules give a user access to, who is in these groups. Understands what udev's own matching does with `==` on ids: alternatives (`|`),
 * `*`, `?` and `[...]`. A line without a product id covers every product of its vendor. Other conditions are taken to hold.
 */
export function coverOf(files: readonly RuleFile[], ids: readonly UsbIds[], userGroups: readonly string[]): RuleCover {
	const lines = files.flatMap(({ path, text }) => linesOf(text).map((line) => ({ path, ...readLine(line, path) })));
	const named = new Set<string>();
	const others = new Set<string>();
	const cover: RuleCover = { files: [], uncovered: [], groups: [], modemManager: [] };
	for (const { vendorId, productIds } of ids) {
		for (const productId of productIds) {
			const fitting = lines.filter((l) => l.vendor?.(hex4(vendorId)) && (l.product?.(hex4(productId)) ?? true));
			for (const l of fitting) if (l.toAll || l.toGroup !== undefined || l.ignoresModem) named.add(l.path);
			const groups = fitting.flatMap((l) => l.toGroup ?? []);
			if (!fitting.some((l) => l.toAll) && !groups.some((g) => userGroups.includes(g))) {
				cover.uncovered.push({ vendorId, productId });
				for (const g of groups) others.add(g);
			}
			if (!fitting.some((l) => l.ignoresModem)) cover.modemManager.push({ vendorId, productId });
		}
	}
	return { ...cover, files: [...named], groups: [...others] };
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
	/** Everybody, or whoever sits at the computer (`uaccess`), or an owner that the line names. */
	toAll: boolean;
	/** Members of this group: the default mode lets them write. */
	toGroup?: string;
	ignoresModem: boolean;
}

function readLine(line: string, path: string): RuleLine {
	const result: RuleLine = { toAll: false, ignoresModem: false };
	const early = (path.split('/').at(-1) ?? '') < DEFAULT_RULES;
	for (const [, key, operator, value] of line.matchAll(/([A-Z_]+(?:\{[^}]*\})?)\s*(==|!=|=|\+=|:=)\s*"([^"]*)"/g)) {
		const compares = operator === '==';
		if (/^(ATTRS?\{idVendor\}|ENV\{ID_VENDOR_ID\})$/.test(key!) && compares) result.vendor = matcher(value!);
		else if (/^(ATTRS?\{idProduct\}|ENV\{ID_MODEL_ID\})$/.test(key!) && compares) result.product = matcher(value!);
		else if (key === 'MODE' && !compares) result.toAll ||= opensToAll(value!) && (!early || operator === ':=');
		else if (key === 'GROUP' && !compares) result.toGroup = value!;
		else if (key === 'OWNER' && !compares) result.toAll = true;
		else if (key === 'TAG' && value === 'uaccess' && !compares) result.toAll = true;
		else if (key === 'ENV{ID_MM_DEVICE_IGNORE}' && !compares) result.ignoresModem = value === '1';
	}
	return result;
}

function opensToAll(mode: string): boolean {
	return (Number.parseInt(mode, 8) & 0o002) !== 0;
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
