/**
 * Real Device OS modules for tests: npm's `particle-cli` tarballs, fetched once with the npm client and unpacked under
 * `node_modules/.cache`. Nothing of it is ever committed. With LINAC_TEST_FIRMWARE set, that folder is used instead
 * (it holds one folder a version, as unpacked).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** particle-cli version -> Device OS release for Gen 3 and for Gen 2 in its `assets/updates`. 3.51.0 has applications only. */
export const particleCliVersions = ['2.3.0', '2.8.0', '2.16.0', '3.6.0', '3.51.0'] as const;
/** Those with further releases, fetched only when a test asks for one of these. */
export type ParticleCliVersion = (typeof particleCliVersions)[number] | '2.10.0' | '2.14.0' | '3.9.0';

export const cliOfRelease: Record<string, ParticleCliVersion> = {
	// The A SoM's only.
	'1.4.4': '2.3.0',
	'1.5.0': '2.3.0',
	'1.5.2': '2.8.0',
	'2.0.1': '2.10.0',
	'2.1.0': '2.14.0',
	'2.2.0': '2.16.0',
	'2.3.1': '3.6.0',
	'4.0.1': '3.6.0',
	'4.0.2': '3.9.0',
};

/** Folder of the unpacked package; fetches it if it is not there. */
export function particleCli(version: ParticleCliVersion): string {
	const base = process.env.LINAC_TEST_FIRMWARE ?? join(root, 'node_modules', '.cache', 'linac-test-firmware');
	const folder = join(base, version);
	if (existsSync(folder)) return folder;
	mkdirSync(base, { recursive: true });
	const work = mkdtempSync(join(base, '.fetch-'));
	try {
		const packed = execFileSync('npm', ['pack', `particle-cli@${version}`, '--silent', '--pack-destination', work], {
			encoding: 'utf8',
			shell: process.platform === 'win32',
		});
		execFileSync('tar', ['-xzf', packed.trim().split('\n').at(-1)!.trim()], { cwd: work });
		try {
			renameSync(join(work, 'package'), folder);
		} catch (error) {
			// Another test process may have been faster; then its copy is as good.
			if (!existsSync(folder)) throw error;
		}
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
	return folder;
}

export interface RealFile {
	name: string;
	path: string;
	bytes: Uint8Array;
}

/** Every .bin below the package's `assets`, as [name, bytes]. */
export function realFiles(version: ParticleCliVersion): RealFile[] {
	const out: RealFile[] = [];
	const walk = (folder: string) => {
		for (const name of readdirSync(folder).sort()) {
			const path = join(folder, name);
			if (statSync(path).isDirectory()) walk(path);
			else if (name.endsWith('.bin')) out.push({ name, path, bytes: new Uint8Array(readFileSync(path)) });
		}
	};
	walk(join(particleCli(version), 'assets'));
	return out;
}

/** One module file by its published name, e.g. `realModule('boron-system-part1@2.2.0.bin')`. */
export function realModule(name: string): Uint8Array {
	const release = /@([0-9.]+\d)(?:\+lto)?\.bin$/.exec(name)?.[1];
	const version = release === undefined ? undefined : cliOfRelease[release];
	if (version === undefined) throw new Error(`No npm tarball with ${name} is known.`);
	return new Uint8Array(readFileSync(join(particleCli(version), 'assets', 'updates', name)));
}

/** The Tinker application that a particle-cli version (3.6.0 or 3.51.0) ships for a platform. */
export function realTinker(platform: string, version: '3.6.0' | '3.51.0' = '3.6.0'): Uint8Array {
	const folder = join(particleCli(version), 'assets', 'knownApps', platform, 'tinker');
	const file = readdirSync(folder).find((n) => n.endsWith('.bin'));
	if (!file) throw new Error(`particle-cli ${version} has no application for ${platform}.`);
	return new Uint8Array(readFileSync(join(folder, file)));
}
