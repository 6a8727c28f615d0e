/**
 * Looks at the USB of a Linux computer: /sys, /dev, /proc and udev's rules. Only reads, needs no rights: what this user may not see comes
 * back as not known. `root` is where the file system begins, for tests. Judging is check-linux.ts.
 */
import { accessSync, closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RuleFile, UsbIds } from '@linac/usb';
import type { Holder, LinuxObservations, LinuxUsbDevice, SeenSerialPort } from './observations.js';

/** In the order in which udev lets one replace another of the same name (man 7 udev). */
const ruleFolders = [
	'etc/udev/rules.d',
	'run/udev/rules.d',
	'usr/local/lib/udev/rules.d',
	'usr/lib/udev/rules.d',
	'lib/udev/rules.d',
];
const HUB_CLASS = 9;

export interface LinuxOptions {
	root?: string;
	/** Numeric user id; default: of this process. */
	userId?: number;
}

export function observeLinux(ids: readonly UsbIds[], options: LinuxOptions = {}): LinuxObservations {
	const root = options.root ?? '/';
	const userId = options.userId ?? process.getuid?.() ?? 0;
	const groups = groupNames(root);
	const container = containerOf(root);
	const devices = linuxUsbDevices(root, groups);
	const holders = holdersOf(root, [...devices.flatMap((d) => [d.node?.path, ...d.serialPorts.map((s) => s.path)])]);
	for (const device of devices) {
		device.heldBy = holders.of(device.node?.path);
		for (const serial of device.serialPorts) serial.heldBy = holders.of(serial.path);
	}
	const kernelLog = readKernelLog(root);
	return {
		system: 'linux',
		kernelUsb: isThere(join(root, 'sys/bus/usb')),
		usbNodes: isThere(join(root, 'dev/bus/usb')),
		...(container === undefined ? {} : { container }),
		user: { root: userId === 0, groups: (process.getgroups?.() ?? []).map((id) => groups.get(id) ?? String(id)) },
		udev: isThere(join(root, 'run/udev/control')),
		rules: rulesAbout(root, ids),
		devices,
		holdersHidden: holders.hidden,
		modemManager: holders.programs.has('ModemManager'),
		...(kernelLog === undefined ? {} : { kernelLog }),
	};
}

function isThere(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function text(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8').trim();
	} catch {
		return undefined;
	}
}

function entries(path: string): string[] {
	try {
		return readdirSync(path).sort();
	} catch {
		return [];
	}
}

function groupNames(root: string): Map<number, string> {
	const lines = (text(join(root, 'etc/group')) ?? '').split('\n').map((l) => l.split(':'));
	return new Map(lines.filter((l) => l.length > 2).map((l) => [Number(l[2]), l[0]!]));
}

function containerOf(root: string): string | undefined {
	if (/microsoft/i.test(text(join(root, 'proc/version')) ?? '')) return 'wsl';
	if (isThere(join(root, '.dockerenv'))) return 'docker';
	if (isThere(join(root, 'run/.containerenv'))) return 'podman';
	const named = text(join(root, 'run/systemd/container'));
	return named === undefined || named === '' ? undefined : named;
}

/** Every USB device that sysfs lists. `heldBy` is left empty. */
export function linuxUsbDevices(root = '/', groups: ReadonlyMap<number, string> = new Map()): LinuxUsbDevice[] {
	const base = join(root, 'sys/bus/usb/devices');
	const all = entries(base);
	return all
		.filter((name) => /^\d+-[\d.]+$/.test(name))
		.flatMap((name) => {
			const folder = join(base, name);
			const vendorId = Number.parseInt(text(join(folder, 'idVendor')) ?? '', 16);
			const productId = Number.parseInt(text(join(folder, 'idProduct')) ?? '', 16);
			// It has just left.
			if (Number.isNaN(vendorId) || Number.isNaN(productId)) return [];
			const product = text(join(folder, 'product'));
			const serialNumber = text(join(folder, 'serial'));
			const interfaces = all
				.filter((one) => one.startsWith(`${name}:`))
				.map((one) => ({ folder: join(base, one), number: Number(one.split('.').at(-1)) }));
			const nodePath = nodeOf(folder);
			const node = nodePath === undefined ? undefined : access(root, nodePath, groups);
			return [
				{
					port: name,
					vendorId,
					productId,
					...(product === undefined ? {} : { product }),
					...(serialNumber === undefined ? {} : { serialNumber }),
					hub: Number.parseInt(text(join(folder, 'bDeviceClass')) ?? '', 16) === HUB_CLASS,
					...(node === undefined ? {} : { node }),
					interfaces: interfaces.map((i) => {
						const driver = driverOf(i.folder);
						return {
							number: i.number,
							interfaceClass: Number.parseInt(text(join(i.folder, 'bInterfaceClass')) ?? '0', 16),
							...(driver === undefined ? {} : { driver }),
						};
					}),
					heldBy: [],
					serialPorts: interfaces.flatMap((i) => entries(join(i.folder, 'tty'))).map((tty) => serialPort(root, tty, groups)),
				},
			];
		});
}

function nodeOf(folder: string): string | undefined {
	const [bus, device] = [text(join(folder, 'busnum')), text(join(folder, 'devnum'))];
	return bus === undefined || device === undefined
		? undefined
		: `/dev/bus/usb/${bus.padStart(3, '0')}/${device.padStart(3, '0')}`;
}

function driverOf(folder: string): string | undefined {
	try {
		return readlinkSync(join(folder, 'driver')).split('/').at(-1);
	} catch {
		return undefined;
	}
}

function access(root: string, path: string, groups: ReadonlyMap<number, string>): LinuxUsbDevice['node'] {
	const about = statSync(join(root, path), { throwIfNoEntry: false });
	if (about === undefined) return undefined;
	const group = groups.get(about.gid);
	return { path, mode: about.mode & 0o7777, writable: isWritable(join(root, path)), ...(group === undefined ? {} : { group }) };
}

function isWritable(path: string): boolean {
	try {
		accessSync(path, constants.R_OK | constants.W_OK);
		return true;
	} catch {
		return false;
	}
}

function serialPort(root: string, tty: string, groups: ReadonlyMap<number, string>): SeenSerialPort {
	const path = `/dev/${tty}`;
	const about = statSync(join(root, path), { throwIfNoEntry: false });
	const group = about === undefined ? undefined : groups.get(about.gid);
	return { path, writable: isWritable(join(root, path)), ...(group === undefined ? {} : { group }), heldBy: [] };
}

/** Rule files that name one of our vendors; of files with one name, the one that counts. */
function rulesAbout(root: string, ids: readonly UsbIds[]): RuleFile[] {
	const seen = new Set<string>();
	const vendors = ids.map((i) => i.vendorId.toString(16).padStart(4, '0'));
	const found: RuleFile[] = [];
	for (const folder of ruleFolders) {
		for (const name of entries(join(root, folder))) {
			if (!name.endsWith('.rules') || seen.has(name)) continue;
			seen.add(name);
			// A link to /dev/null takes the file out of service: its text is empty.
			const content = text(join(root, folder, name)) ?? '';
			if (vendors.some((v) => content.includes(v))) found.push({ path: `/${folder}/${name}`, text: content });
		}
	}
	return found;
}

/** Who has one of these files open. Programs of other users are closed to anybody but root. */
function holdersOf(root: string, paths: readonly (string | undefined)[]) {
	const wanted = new Set(paths.filter((p) => p !== undefined));
	const found = new Map<string, Holder[]>();
	const programs = new Set<string>();
	let hidden = false;
	for (const pid of entries(join(root, 'proc'))) {
		if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
		const folder = join(root, 'proc', pid);
		const command = text(join(folder, 'comm')) ?? '?';
		programs.add(command);
		if (wanted.size === 0) continue;
		let open: string[];
		try {
			open = readdirSync(join(folder, 'fd'));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'EACCES') hidden = true;
			continue;
		}
		for (const fd of open) {
			const path = linkOf(join(folder, 'fd', fd));
			if (path === undefined || !wanted.has(path)) continue;
			const holders = found.get(path) ?? [];
			if (!holders.some((h) => h.pid === Number(pid))) holders.push({ pid: Number(pid), command });
			found.set(path, holders);
		}
	}
	return { hidden, programs, of: (path: string | undefined): Holder[] => (path === undefined ? [] : (found.get(path) ?? [])) };
}

function linkOf(path: string): string | undefined {
	try {
		return readlinkSync(path);
	} catch {
		return undefined;
	}
}

/** Records of /dev/kmsg are at most this long (man 5 of the kernel: Documentation/ABI/testing/dev-kmsg). */
const RECORD = 8192;
/** More than a kernel keeps by default: an end to reading where records come faster than they are read. */
const MOST_RECORDS = 20_000;

/** The kernel's log, read on from where it was read last. */
export interface KernelLog {
	/** Lines about USB since the last call, oldest first; at the first call, all that the kernel still has. */
	read(): string[];
	close(): void;
}

/** `undefined`: this user may not read it, or there is none. */
export function openKernelLog(root = '/'): KernelLog | undefined {
	let file: number;
	try {
		file = openSync(join(root, 'dev/kmsg'), constants.O_RDONLY | constants.O_NONBLOCK);
	} catch {
		return undefined;
	}
	const buffer = Buffer.alloc(RECORD);
	return {
		read() {
			const lines: string[] = [];
			for (let i = 0; i < MOST_RECORDS; i++) {
				let size: number;
				try {
					size = readSync(file, buffer, 0, RECORD, null);
				} catch (error) {
					// EPIPE: records were lost between two reads; the next one goes on. Anything else (EAGAIN) is the end.
					if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue;
					break;
				}
				if (size === 0) break;
				lines.push(...usbLines(buffer.toString('utf8', 0, size)));
			}
			return lines;
		},
		close: () => closeSync(file),
	};
}

/** `6,1234,5678,-;usb 1-2: new full-speed USB device`: the text stands behind the first semicolon. */
function usbLines(records: string): string[] {
	return records
		.split('\n')
		.map((record) => (record.includes(';') ? record.slice(record.indexOf(';') + 1) : record))
		.filter((line) => /\busb\b|\busb\d|\bhub \d/.test(line));
}

function readKernelLog(root: string): string[] | undefined {
	const log = openKernelLog(root);
	const lines = log?.read();
	log?.close();
	return lines;
}
