/**
 * Turns data/*.json into typed modules under packages/catalog/src/generated, so that the facts can be imported the same way in Node
 * (any supported version, no flags) and in a browser bundle. Run by hand after a change of data/: `node scripts/generate-data.mjs`.
 * With `--check` it writes nothing and fails when a generated file is stale; a test does the same.
 *
 * The facts are kept as JSON text and parsed: that is several times faster to load and to compile than a large object literal.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = join(root, 'data');
const out = join(root, 'packages', 'catalog', 'src', 'generated');

const json = (...path) => JSON.parse(readFileSync(join(data, ...path), 'utf8'));
const quote = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const header = (from) =>
	`/** Made from ${from} by scripts/generate-data.mjs. Do not edit: change the data and run the script. */\n`;
const rows = (values) => `[\n${values.map((v) => `\t${quote(JSON.stringify(v))},\n`).join('')}]`;

/** File name -> text of every generated module. */
export function generated() {
	const files = {};
	const platforms = readdirSync(join(data, 'platforms'))
		.filter((n) => n.endsWith('.json'))
		.map((n) => json('platforms', n))
		.sort((a, b) => a.id - b.id);
	files['platforms.ts'] =
		`${header('data/platforms/*.json')}export const platformTexts: readonly string[] = ${rows(platforms)};\n`;

	const releases = json('releases.json');
	files['releases.ts'] =
		`${header('data/releases.json')}export const releaseTexts: readonly string[] = ${rows(releases.releases)};\n`;
	const modules = Object.entries(releases.modules).map(
		([platform, cells]) =>
			`\t${platform}: {\n${Object.entries(cells)
				.map(([version, list]) => `\t\t'${version}':\n\t\t\t${quote(JSON.stringify(list))},\n`)
				.join('')}\t},\n`,
	);
	files['release-modules.ts'] =
		`${header('data/releases.json')}export const releaseModuleTexts: Readonly<Record<string, Readonly<Record<string, string>>>> = {\n${modules.join('')}};\n`;

	const tarballs = json('tarballs.json');
	files['tarballs.ts'] =
		`${header('data/tarballs.json')}export const tarballTexts: readonly string[] = ${rows(tarballs.tarballs)};\n\n` +
		`export const applicationTexts: readonly string[] = ${rows(tarballs.applications)};\n`;

	for (const name of ['images', 'swd', 'assets', 'dct']) {
		files[`${name}.ts`] =
			`${header(`data/${name}.json`)}export const ${name}Text =\n\t${quote(JSON.stringify(json(`${name}.json`)))};\n`;
	}

	if (existsSync(join(data, 'rules.json'))) {
		files['rules.ts'] = `${header('data/rules.json')}export const rulesText =\n\t${quote(JSON.stringify(json('rules.json')))};\n`;
	}
	return files;
}

/** Names of generated files that are not what the data says. */
export function stale() {
	return Object.entries(generated())
		.filter(([name, text]) => !existsSync(join(out, name)) || readFileSync(join(out, name), 'utf8') !== text)
		.map(([name]) => name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	if (process.argv.includes('--check')) {
		const names = stale();
		if (names.length > 0) {
			console.error(`Stale: ${names.join(', ')}. Run: node scripts/generate-data.mjs`);
			process.exitCode = 1;
		}
	} else {
		for (const [name, text] of Object.entries(generated())) writeFileSync(join(out, name), text);
	}
}
