// Runs every benchmark and prints one table. Each file beside this one that is named below exports
// `run(): Promise<{ name, value, unit, limit, ok }[]>`. With --json one JSON document; exit code 1 when a limit is missed.
// Values are ratios of two things measured in the same run wherever that is possible: they mean the same on every machine.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const files = ['hex.mjs', 'inspect.mjs', 'programming.mjs', 'startup.mjs'];
const json = process.argv.includes('--json');
const only = process.argv.slice(2).filter((a) => !a.startsWith('--'));

const rows = [];
for (const file of files) {
	if (only.length > 0 && !only.some((name) => file.startsWith(name))) continue;
	console.error(`bench: ${file} ...`);
	// A process of its own for each: one benchmark's heap and compiled code must not change another's numbers.
	const script = `import(${JSON.stringify(pathToFileURL(join(here, file)).href)})
		.then((bench) => bench.run())
		.then((rows) => { process.stdout.write('\\n@rows ' + JSON.stringify(rows) + '\\n'); process.exit(0); })
		.catch((error) => { console.error(error); process.exit(1); });`;
	const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
		stdio: ['ignore', 'pipe', 'inherit'],
		encoding: 'utf8',
		maxBuffer: 64 * 1024 * 1024,
	});
	const line = child.stdout.split('\n').findLast((l) => l.startsWith('@rows '));
	if (child.status === 0 && line !== undefined) rows.push(...JSON.parse(line.slice(6)));
	else rows.push({ name: `${file} ran`, value: 0, unit: '', limit: '1', ok: false });
}

if (json) {
	process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
} else {
	const number = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2));
	const text = rows.map((row) => [
		row.name,
		`${number(row.value)}${row.unit ? ` ${row.unit}` : ''}`,
		String(row.limit),
		row.ok ? 'ok' : 'MISSED',
	]);
	const all = [['What', 'Measured', 'Limit', ''], ...text];
	const widths = [0, 1, 2].map((i) => Math.max(...all.map((row) => row[i].length)));
	for (const row of all) {
		console.log(`${row[0].padEnd(widths[0])}  ${row[1].padStart(widths[1])}  ${row[2].padStart(widths[2])}  ${row[3]}`.trimEnd());
	}
}
process.exit(rows.every((row) => row.ok) ? 0 : 1);
