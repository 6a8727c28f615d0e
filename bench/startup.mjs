// How long `linac --version` takes against `node -e 0`, run in turns so that both see the same machine; and how large the runtime
// dependencies are when they are installed from the lock file into an empty folder.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const rounds = 31;

function time(args) {
	const began = process.hrtime.bigint();
	const child = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	const ms = Number(process.hrtime.bigint() - began) / 1e6;
	if (child.status !== 0) throw new Error(`node ${args.join(' ')} failed: ${child.stderr}`);
	return ms;
}

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.floor(sorted.length / 2)];
}

function startup() {
	const main = join(root, 'apps', 'cli', 'dist', 'main.js');
	const linac = [];
	const bare = [];
	for (let i = -3; i < rounds; i++) {
		// The order changes each round, so that neither always follows the other.
		const pair =
			i % 2 === 0
				? [() => time([main, '--version']), () => time(['-e', '0'])]
				: [() => time(['-e', '0']), () => time([main, '--version'])];
		const first = pair[0]();
		const second = pair[1]();
		if (i < 0) continue;
		linac.push(i % 2 === 0 ? first : second);
		bare.push(i % 2 === 0 ? second : first);
	}
	const value = median(linac) / median(bare);
	return { name: 'start-up of "linac --version" against "node -e 0"', value, unit: 'x', limit: '<= 1.5', ok: value <= 1.5 };
}

function sizeOf(path) {
	const about = lstatSync(path);
	if (about.isSymbolicLink()) return 0;
	if (!about.isDirectory()) return about.size;
	return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function runtimeSize() {
	const work = mkdtempSync(join(tmpdir(), 'linac-size-'));
	try {
		for (const name of ['package.json', 'package-lock.json', '.npmrc'])
			if (existsSync(join(root, name))) cpSync(join(root, name), join(work, name));
		for (const group of ['packages', 'apps']) {
			for (const name of readdirSync(join(root, group))) {
				const manifest = join(root, group, name, 'package.json');
				if (!existsSync(manifest)) continue;
				mkdirSync(join(work, group, name), { recursive: true });
				cpSync(manifest, join(work, group, name, 'package.json'));
			}
		}
		const npm = spawnSync('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
			cwd: work,
			stdio: ['ignore', 'pipe', 'pipe'],
			encoding: 'utf8',
			shell: process.platform === 'win32',
		});
		if (npm.status !== 0) throw new Error(`npm install --omit=dev failed: ${npm.stderr}`);
		const value = sizeOf(join(work, 'node_modules')) / 1024 / 1024;
		return { name: 'runtime dependencies installed', value, unit: 'MB', limit: '< 30 MB', ok: value < 30 };
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

export async function run() {
	return [startup(), runtimeSize()];
}
