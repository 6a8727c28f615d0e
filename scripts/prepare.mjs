// Makes a fresh clone ready: installs the packages if they are not there or the lock file changed, and builds what
// changed. Uses nothing but Node and npm, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
	console.error(
		`linac needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer one and run the command again.`,
	);
	process.exit(1);
}

function run(what, command, args) {
	const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
	if (result.status !== 0) {
		console.error(`${what} failed (${result.error?.message ?? `exit code ${result.status}`}).`);
		process.exit(1);
	}
}

const lock = createHash('sha256')
	.update(readFileSync(join(root, 'package-lock.json')))
	.digest('hex');
const stamp = join(root, 'node_modules', '.linac-lock');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
	console.error('linac: installing packages (once) ...');
	// Not `npm ci`: it refuses a lock file from which a registry's missing builds for other systems are absent.
	run('npm install', 'npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
	mkdirSync(dirname(stamp), { recursive: true });
	writeFileSync(stamp, lock);
}
run('The build', process.execPath, [join(root, 'node_modules', 'typescript-native', 'bin', 'tsc'), '-b']);
