/**
 * The race of `npm run bench:lab`: linac and particle-cli program the same kind of virtual Boron, with the datasheet's times, attached to the same
 * kernel, with the same modules, from Device OS 2.2.0 to 4.0.1 and to another application. Both run on the same Node, each as it is installed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asPlatform } from '@linac/catalog';
import { equalBytes } from '@linac/core';
import { contentBytes } from '@linac/firmware';
import { standInApplication } from '@linac/virtual';
import { realTinker } from '../support/real-firmware.js';
import { realRelease } from '../support/release-files.js';
import { parsed } from '../support/virtual-lab.js';
import { type BenchDevice, inMode, LabBench } from './devices.js';
import { bootGuest, type Guest, type RunResult } from './guest.js';
import { ParticleCli, particleCliPlace } from './particle-cli.js';

export interface Lap {
	tool: 'linac' | 'particle-cli';
	/**
	 * From the start of the process to its end. For particle-cli to its "Flash success!" or until the device runs again, whichever is later: its
	 * process does not always end by itself, and it waits for nothing behind that.
	 */
	seconds: number;
	/** USB transfers that the device has seen, those of the kernel included. */
	transfers: number;
	/** What the device itself spent with flash and on the wire, seconds. */
	flashSeconds: number;
	wireSeconds: number;
	/** Modules whose bytes have changed, with the versions that the device has now. */
	wrote: string[];
	/** Modules of the folder that stand in flash byte for byte. */
	right: string[];
	output: string;
}

/** As `npm run linac` runs it. */
const linacMain = join(import.meta.dirname, '..', '..', 'apps', 'cli', 'bundle', 'main.cjs');

/** Runs `laps` laps of each tool in turns. `onLap` is called after each. */
export async function race(laps: number, onLap: (lap: Lap) => void = () => {}): Promise<Lap[]> {
	const { node } = particleCliPlace();
	const release = realRelease('boron', '4.0.1');
	const tinker = realTinker('boron', '3.51.0');
	const guest = await bootGuest();
	try {
		const folder = join(guest.folder, 'boron-4.0.1');
		mkdirSync(folder);
		for (const { origin, module } of release.modules) writeFileSync(join(folder, origin.split(/[\\/]/).at(-1)!), module.bytes);
		writeFileSync(join(folder, 'tinker.bin'), tinker);
		const particle = new ParticleCli(guest);
		const tools = {
			linac: () =>
				guest.run(
					[
						node,
						linacMain,
						'flash',
						join(folder, 'tinker.bin'),
						'--target',
						'4.0.1',
						'--source',
						folder,
						'--offline',
						'--yes',
						'--no-backup',
					],
					{
						timeoutMs: 900_000,
					},
				),
			'particle-cli': () => particle.run(['flash', '--local', folder], { timeoutMs: 900_000, compiled: false }),
		};
		const all: Lap[] = [];
		for (let lap = 0; lap < laps; lap++) {
			// In turns, and with the other one first each time, so that both see the same machine.
			const order = lap % 2 === 0 ? (['linac', 'particle-cli'] as const) : (['particle-cli', 'linac'] as const);
			for (const tool of order) {
				const done = await runLap(guest, tool, tools[tool]);
				all.push(done);
				onLap(done);
			}
		}
		return all;
	} finally {
		await guest.close();
	}
}

async function runLap(guest: Guest, tool: Lap['tool'], run: () => Promise<RunResult & { doneSeconds?: number }>): Promise<Lap> {
	const release = realRelease('boron', '4.0.1');
	const wanted = [
		...release.modules.map((m) => ({ name: `${m.slot} ${m.module.prefix.version}`, module: m.module })),
		{ name: 'application', module: parsed(realTinker('boron', '3.51.0')) },
	];
	const old = realRelease('boron', '2.2.0').modules.map((m) => m.module);
	const application = standInApplication(asPlatform('boron'), '2.2.0', { version: 1 }).module;
	const bench = await LabBench.start([{ platform: 'boron', modules: [...old, application] }], { speed: 1 });
	try {
		const it = bench.devices[0]!;
		await inMode(it, 'normal');
		await guest.attach(it);
		const held = () => wanted.filter(({ module }) => holds(it, module.prefix.start, contentBytes(module))).map((w) => w.name);
		const before = held();
		const counted = structuredClone(it.device.counters);
		const began = performance.now();
		const since = () => (performance.now() - began) / 1000;
		let backSeconds = 0;
		it.device.onChange(() => {
			if (it.device.mode === 'normal' && it.device.attached) backSeconds = since();
		});
		const { status, stdout, stderr, doneSeconds } = await run();
		const seconds = doneSeconds === undefined ? since() : Math.max(doneSeconds, backSeconds);
		const output = stdout + stderr;
		if (status !== 0) throw new Error(`${tool} ended with ${status}:\n${output}`);
		const { transfers, physicalMs } = it.device.counters;
		await inMode(it, 'normal');
		const right = held();
		await guest.detach(it.busid);
		return {
			tool,
			seconds,
			transfers: transfers - counted.transfers,
			flashSeconds: (physicalMs.erase + physicalMs.program - counted.physicalMs.erase - counted.physicalMs.program) / 1000,
			wireSeconds: (physicalMs.wire - counted.physicalMs.wire) / 1000,
			wrote: right.filter((name) => !before.includes(name)),
			right,
			output,
		};
	} finally {
		await bench.close();
	}
}

function holds({ device }: BenchDevice, address: number, bytes: Uint8Array): boolean {
	return equalBytes(device.flash('internal').read(address, bytes.length), bytes);
}
