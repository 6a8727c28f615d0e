/**
 * Programming in numbers: the time of a whole job on a virtual Boron with datasheet timing against what the hardware could not do
 * without, and the memory that a flash job needs at its peak. Run by `npm run bench`.
 *
 * The physical bound is the sum of what the device's own counters say of this very job: flash erase and program times by the datasheet, and
 * the time that every USB transfer of the job (writes, status polls, read-back) takes on a full-speed bus, one frame at least. It
 * contains no restarts, no waiting and no time of the host: those are what the ratio is about.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.url);

export async function run() {
	const timing = child('time');
	const memory = child('memory');
	const bound = timing.physical.erase + timing.physical.program + timing.physical.wire;
	return [
		row('Boron 2.2.0 to 4.0.1 with a 256 KB application: job time', timing.ms / 1000, 's'),
		row('  physical bound: erase', timing.physical.erase / 1000, 's'),
		row('  physical bound: program', timing.physical.program / 1000, 's'),
		row('  physical bound: wire', timing.physical.wire / 1000, 's'),
		row('  job time / (erase + program + wire)', timing.ms / bound, 'times', 1.15),
		row('peak memory of a flash job (virtual device included)', memory.peakMb, 'MB', 150),
	];
}

function row(name, value, unit, limit) {
	const rounded = Math.round(value * 1000) / 1000;
	return limit === undefined
		? { name, value: rounded, unit, limit: '-', ok: true }
		: { name, value: rounded, unit, limit, ok: value <= limit };
}

/** Each measurement in a process of its own, so that one does not see what the other has left. */
function child(what) {
	const out = execFileSync(process.execPath, [script, '--child', what], {
		encoding: 'utf8',
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	return JSON.parse(out);
}

async function job() {
	const { readFileSync } = await import('node:fs');
	const { VirtualClock, seededRandom } = await import('@linac/core');
	const { platformByName, platforms, releaseByVersion, releases, slotOf } = await import('@linac/catalog');
	const { createModule, parseModule } = await import('@linac/firmware');
	const { program } = await import('@linac/programmer');
	const { VirtualBus, VirtualDevice, virtualUsbHost } = await import('@linac/virtual');
	const { binaryPaths } = await import('./inspect-modules.mjs');
	const { nodeDigests: digests } = await import('@linac/host');
	const boron = platformByName('boron');
	const parse = (bytes) => parseModule(bytes, { digests }).value;
	const source = (bytes, origin) => {
		const module = parse(bytes);
		return {
			slot: slotOf(boron, module.prefix).name,
			origin,
			module,
			sha256: Buffer.from(digests.sha256(bytes)).toString('hex'),
		};
	};
	const load = (version) => ({
		platform: 'boron',
		version,
		moduleVersion: releaseByVersion(version).moduleVersion,
		modules: binaryPaths()
			.filter((path) => /[\\/]boron-/.test(path) && path.includes(`@${version}`))
			.map((path) => source(new Uint8Array(readFileSync(path)), path)),
		source: 'particle-cli',
	});
	const size = 256 * 1024;
	const application = createModule(
		{
			platformId: boron.id,
			function: 5,
			index: 2,
			version: 6,
			start: 0xb4000,
			body: seededRandom(1).bytes(size - 68),
			dependencies: [{ function: 4, index: 1, version: 4005 }],
		},
		digests,
	);
	const clock = new VirtualClock();
	const bus = new VirtualBus();
	const device = new VirtualDevice({
		platform: boron,
		clock,
		timing: 'datasheet',
		setupDone: true,
		modules: load('2.2.0').modules.map((m) => m.module),
	});
	bus.add(device);
	device.plug();
	// As on a desk: it has been running for a while.
	await clock.sleep(10_000);
	const before = { ...device.counters.physicalMs };
	const started = clock.now();
	const verdict = await program({
		host: virtualUsbHost(bus),
		platforms,
		releases,
		clock,
		digests,
		goal: {
			target: '4.0.1',
			files: [{ name: 'application.bin', module: source(application, 'application.bin'), problems: [] }],
			applicationOnly: false,
			allow: [],
		},
		release: load('4.0.1'),
	});
	if (!verdict.ok || verdict.value.outcome !== 'verified')
		throw new Error(`the job did not end verified: ${JSON.stringify(verdict.ok ? verdict.value.error : verdict.problems)}`);
	const after = device.counters.physicalMs;
	return {
		ms: clock.now() - started,
		steps: verdict.value.steps.map((s) => ({ title: s.title, ms: s.ms })),
		physical: { erase: after.erase - before.erase, program: after.program - before.program, wire: after.wire - before.wire },
	};
}

if (process.argv[2] === '--child') {
	const result = await job();
	console.log(JSON.stringify(process.argv[3] === 'memory' ? { peakMb: process.resourceUsage().maxRSS / 1024 } : result));
}
