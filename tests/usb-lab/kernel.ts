/**
 * The guest's kernel and its initramfs: Debian's `linux-image-amd64`, downloaded and unpacked, never installed. Debian's cloud kernel would not
 * do: it has no USB. Kept in the lab's cache, and made anew when this file or guest/init.sh changes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { madeOnce } from './cache.js';

const init = fileURLToPath(new URL('guest/init.sh', import.meta.url));
/** Loaded in the initramfs in this order; modprobe adds what they need. */
const kernelModules = [
	'virtio_pci',
	'virtio_net',
	'virtio_console',
	'9pnet_virtio',
	'9p',
	'virtiofs',
	'overlay',
	'vhci-hcd',
	'cdc-acm',
];

export interface GuestKernel {
	/** ELF file, which QEMU starts through PVH, so that nothing has to be decompressed in emulation. */
	kernel: string;
	initramfs: string;
	/** E.g. `6.1.0-49-amd64`. */
	release: string;
}

/** Kernel and initramfs, made once. Takes about 15 s and a download of 65 MB the first time. */
export function guestKernel(): GuestKernel {
	const sources = createHash('sha256')
		.update(readFileSync(fileURLToPath(import.meta.url)))
		.update(readFileSync(init));
	const folder = madeOnce(`kernel-${sources.digest('hex').slice(0, 16)}`, make);
	return {
		kernel: join(folder, 'vmlinux'),
		initramfs: join(folder, 'initramfs.cpio'),
		release: readFileSync(join(folder, 'release'), 'utf8').trim(),
	};
}

function make(folder: string): void {
	const root = join(folder, 'unpacked');
	execFileSync('dpkg-deb', ['-x', download(folder), root]);
	const release = readdirSync(join(root, 'lib/modules'))[0]!;
	tool('depmod', ['-b', root, release]);
	writeFileSync(join(folder, 'vmlinux'), elfOf(readFileSync(join(root, `boot/vmlinuz-${release}`))));
	writeFileSync(join(folder, 'release'), `${release}\n`);

	const tree = join(folder, 'initramfs');
	for (const name of ['bin', 'mod', 'dev', 'proc', 'sys', 'host', 'rw', 'new', 'job'])
		mkdirSync(join(tree, name), { recursive: true });
	copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
	copyFileSync(init, join(tree, 'init'));
	chmodSync(join(tree, 'init'), 0o755);
	const order: string[] = [];
	for (const path of moduleFiles(root, release)) {
		// Later Debian releases compress modules; busybox's insmod wants them plain.
		const name = basename(path).replace(/\.xz$/, '');
		const bytes = path.endsWith('.xz') ? execFileSync('xz', ['-dc', path], { maxBuffer: 64 << 20 }) : readFileSync(path);
		writeFileSync(join(tree, 'mod', name), bytes);
		order.push(name);
	}
	writeFileSync(join(tree, 'mod/order'), `${order.join('\n')}\n`);
	const names = execFileSync('find', ['.', '-print0'], { cwd: tree });
	const packed = execFileSync('cpio', ['--null', '-o', '-H', 'newc', '--quiet'], {
		cwd: tree,
		input: names,
		maxBuffer: 256 << 20,
	});
	writeFileSync(join(folder, 'initramfs.cpio'), packed);
	for (const name of readdirSync(folder)) if (name.endsWith('.deb')) rmSync(join(folder, name));
	rmSync(root, { recursive: true });
	rmSync(tree, { recursive: true });
}

function download(folder: string): string {
	try {
		const depends = execFileSync('apt-cache', ['depends', 'linux-image-amd64'], { encoding: 'utf8' });
		const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? 'linux-image-amd64';
		execFileSync('apt-get', ['download', '-q', name], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
	} catch (error) {
		throw new Error(`Debian's kernel cannot be had (${String(error)}). Run "apt-get update" and see that the network is there.`);
	}
	return join(folder, readdirSync(folder).find((name) => name.endsWith('.deb'))!);
}

/** The kernel inside a bzImage (Linux: Documentation/arch/x86/boot.rst, payload_offset and payload_length). */
function elfOf(image: Buffer): Buffer {
	const start = ((image[0x1f1] || 4) + 1) * 512 + image.readUInt32LE(0x248);
	const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
	const unpackers: [magic: string, command: string, ...args: string[]][] = [
		['fd377a58', 'xz', '-dc', '--single-stream'],
		['28b52ffd', 'zstd', '-dc'],
		['1f8b', 'gzip', '-dc'],
	];
	const found = unpackers.find(([magic]) => payload.toString('hex', 0, 4).startsWith(magic));
	if (!found)
		throw new Error(`Debian's kernel is compressed in a way that is not known: it begins with ${payload.toString('hex', 0, 4)}.`);
	// The four bytes behind the payload make the tools complain; what counts is that an ELF file came out.
	const { stdout } = spawnSync(found[1], found.slice(2), { input: payload, maxBuffer: 512 << 20 });
	if (stdout?.toString('latin1', 0, 4) !== '\x7fELF') throw new Error('No ELF file came out of the Debian kernel.');
	return stdout;
}

function moduleFiles(root: string, release: string): string[] {
	const files = new Set<string>();
	for (const name of kernelModules) {
		for (const line of tool('modprobe', ['-d', root, '-S', release, '--show-depends', name]).split('\n')) {
			const [kind, path] = line.trim().split(/\s+/);
			if (kind === 'insmod' && path) files.add(path);
		}
	}
	return [...files];
}

/** kmod's tools stand in /usr/sbin, which is not in everybody's path. */
function tool(name: string, args: string[]): string {
	return execFileSync(name, args, { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
}
