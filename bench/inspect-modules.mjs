// The real modules that the inspection benchmark reads: all .bin modules of npm's particle-cli tarballs. The folder is the one
// that the tests use (tests/support/real-firmware.ts): what one has fetched, the other finds.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const versions = ['2.3.0', '2.8.0', '2.16.0', '3.6.0', '3.51.0'];

function fetched(version) {
	const base = process.env.LINAC_TEST_FIRMWARE ?? join(root, 'node_modules', '.cache', 'linac-test-firmware');
	const folder = join(base, version);
	if (existsSync(folder)) return folder;
	mkdirSync(base, { recursive: true });
	const work = mkdtempSync(join(base, '.fetch-'));
	try {
		const args = ['pack', `particle-cli@${version}`, '--silent', '--pack-destination', work];
		const packed = execFileSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' });
		execFileSync('tar', ['-xzf', packed.trim().split('\n').at(-1).trim()], { cwd: work });
		renameSync(join(work, 'package'), folder);
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
	return folder;
}

/** Paths of every .bin file below the packages' `assets`. */
export function binaryPaths() {
	const out = [];
	const walk = (folder) => {
		for (const name of readdirSync(folder).sort()) {
			const path = join(folder, name);
			if (statSync(path).isDirectory()) walk(path);
			else if (name.endsWith('.bin')) out.push(path);
		}
	};
	for (const version of versions) walk(join(fetched(version), 'assets'));
	return out;
}
