/**
 * The web app in numbers, in Debian's Chromium: what a first visit fetches, and how long the page's own thread is ever busy at a stretch while
 * sixteen virtual boards are programmed and while an image of 2 MB is read and drawn. The tasks are those that Chromium itself records. Their time on
 * the processor is limited; on the clock they are longer where engine, page, compositor and this program share two cores. Run by `npm run bench`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { seededRandom } from '../packages/core/dist/index.js';
import { MemoryImage, parseModule, writeIntelHexBytes } from '../packages/firmware/dist/index.js';
import { binaryPaths } from './inspect-modules.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const chromiumPath = '/usr/bin/chromium';
const chromiumArguments = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
];
/** A person notices an answer that is later than this; the longest task of a page, ms. */
const LONGEST_TASK = 50;
const BOARDS = 16;

export async function run() {
	if (!existsSync(chromiumPath)) {
		return [{ name: 'the web app (needs Chromium; Debian: chromium)', value: 0, unit: '', limit: '-', ok: true }];
	}
	const work = mkdtempSync(join(tmpdir(), 'linac-bench-'));
	const site = await serve(work);
	const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
	try {
		const visit = await firstVisit(browser, site.url);
		const boards = await sixteenBoards(browser, site.url);
		const hex = await largeHex(browser, site.url, work);
		return [
			row('first visit: compressed script', visit.script / 1000, 'kB', 100),
			row('  everything that the first visit fetches, compressed', visit.all / 1000, 'kB'),
			row(`${BOARDS} virtual boards are programmed: longest task of the page`, boards.processor, 'ms', LONGEST_TASK),
			row('  on the clock, with all that shares the processor', boards.longest, 'ms'),
			row('  the whole, 100 times as fast as real boards', boards.seconds, 's'),
			row(`an image of ${hex.megabytes} MB is read and drawn: longest task of the page`, hex.processor, 'ms', LONGEST_TASK),
			row('  on the clock, with all that shares the processor', hex.longest, 'ms'),
			row('  until it is drawn', hex.seconds, 's'),
		];
	} finally {
		await browser.close();
		site.stop();
		rmSync(work, { recursive: true, force: true });
	}
}

function row(name, value, unit, limit) {
	const rounded = Math.round(value * 100) / 100;
	return limit === undefined
		? { name, value: rounded, unit, limit: '-', ok: true }
		: { name, value: rounded, unit, limit, ok: value <= limit };
}

/** `linac web` with the site as it is now and the real modules of npm's packages. */
async function serve(work) {
	const vite = [
		join(root, 'node_modules/vite/bin/vite.js'),
		'build',
		'apps/web',
		'--outDir',
		join(work, 'site'),
		'--logLevel',
		'error',
	];
	const built = spawnSync(process.execPath, vite, { cwd: root, stdio: ['ignore', 2, 2] });
	if (built.status !== 0) throw new Error('The site cannot be built.');
	const modules = dirname(binaryPaths().find((path) => basename(path) === 'boron-system-part1@4.0.1.bin'));
	const options = ['web', '--listen', '127.0.0.1:0', '--site', join(work, 'site'), '--source', modules, '--offline', '--json'];
	const server = spawn(process.execPath, [join(root, 'apps/cli/dist/main.js'), ...options], {
		env: { ...process.env, LINAC_CACHE: join(work, 'cache') },
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let text = '';
	for await (const line of createInterface({ input: server.stdout })) {
		text += line;
		const url = /"url":\s*"([^"]+)"/.exec(text)?.[1];
		if (url) return { url, stop: () => server.kill() };
	}
	throw new Error('linac web ended at once.');
}

async function open(browser, url) {
	const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, reducedMotion: 'reduce' });
	const page = await context.newPage();
	await page.goto(url);
	await page.locator('main h1').first().waitFor();
	return page;
}

/** Bytes, compressed as a host would. */
async function firstVisit(browser, url) {
	const context = await browser.newContext({ serviceWorkers: 'block' });
	const page = await context.newPage();
	const answers = [];
	page.on('response', (response) => answers.push(response));
	await page.goto(url, { waitUntil: 'networkidle' });
	let [script, all] = [0, 0];
	for (const answer of answers) {
		const size = gzipSync(await answer.body()).length;
		all += size;
		if (/javascript/.test(answer.headers()['content-type'] ?? '')) script += size;
	}
	await context.close();
	return { script, all };
}

async function sixteenBoards(browser, url) {
	const page = await open(browser, `${url}#/try?platform=boron&version=4.0.1`);
	await page.getByLabel('How many').selectOption(String(BOARDS));
	const tasks = await record(browser, page, async () => {
		await page.getByRole('button', { name: 'Plug in' }).click();
		await page.getByText(`boron-${BOARDS}`, { exact: true }).first().waitFor({ timeout: 120_000 });
		await page.getByLabel('Time passes').selectOption('100');
		await page.evaluate(() => {
			location.hash = '#/restore';
		});
		await page.getByRole('button', { name: `Plan all ${BOARDS}` }).click({ timeout: 120_000 });
		const start = page.getByRole('button', { name: `Start all ${BOARDS}` });
		const permit = page.getByRole('button', { name: 'Do not ask for virtual boards' });
		await permit.click({ timeout: 120_000 });
		// Questions that were asked before that answer are answered one by one.
		while (!(await start.isVisible())) {
			if (await permit.isVisible()) await permit.click();
			await page.waitForTimeout(200);
		}
		await start.click();
		await page.waitForFunction((boards) => document.querySelectorAll('[data-stage="ended"]').length === boards, BOARDS, {
			timeout: 600_000,
			polling: 500,
		});
	});
	await page.context().close();
	return tasks;
}

/** Every place of an nRF52840's flash is full: what no real image is. */
async function largeHex(browser, url, work) {
	const image = new MemoryImage();
	const path = binaryPaths().find((p) => basename(p) === 'boron-system-part1@4.0.1.bin');
	const system = parseModule(new Uint8Array(readFileSync(path))).value;
	image.add(system.prefix.start, system.bytes);
	image.add(0xb4000, seededRandom(1).bytes(0x28000));
	const hex = writeIntelHexBytes(image);
	// As a file of this computer: bytes that are given directly go through the page's own thread.
	const file = join(work, 'large.hex');
	writeFileSync(file, hex);
	const page = await open(browser, `${url}#/inspect`);
	const tasks = await record(browser, page, async () => {
		await page.getByLabel('Drop files here').setInputFiles(file);
		await page.getByRole('heading', { name: 'In memory' }).waitFor({ timeout: 120_000 });
	});
	await page.context().close();
	return { ...tasks, megabytes: Math.round(hex.length / 1e5) / 10 };
}

/** The longest task of the page's own thread while `what` happens, ms, and how much of it was on the processor. */
async function record(browser, page, what) {
	await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] });
	const began = performance.now();
	await what();
	const seconds = (performance.now() - began) / 1000;
	const { traceEvents } = JSON.parse((await browser.stopTracing()).toString('utf8'));
	const threads = new Set(
		traceEvents.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`),
	);
	const tasks = traceEvents.filter((e) => e.name === 'RunTask' && e.dur !== undefined && threads.has(`${e.pid} ${e.tid}`));
	if (tasks.length === 0) throw new Error('Chromium has recorded no tasks.');
	const most = (length) => Math.max(...tasks.map((task) => (task[length] ?? 0) / 1000));
	if (process.env.LINAC_TRACE) writeFileSync(process.env.LINAC_TRACE, JSON.stringify({ traceEvents }));
	return { longest: most('dur'), processor: most('tdur'), seconds };
}
