/**
 * The bench of virtual devices of `linac lab` and `linac demo`: which there are, by the words of the command line; their state in a folder; their cables
 * and buttons by short commands. Making them is done in @linac/virtual; serving them is not done here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Platform, releasesFor, type SourcedModule } from '@linac/catalog';
import { asLinacError, type Clock, type Json } from '@linac/core';
import { writeWhole } from '@linac/host';
import { type BenchDevice, type BenchSpec, carryOut, DeviceBench, type DeviceCommand, type VirtualBus } from '@linac/virtual';
import { ExitCode } from './exit-codes.js';
import { platformNamed, releaseNamed, slotName } from './facts.js';
import { CommandFailure, usage } from './failure.js';
import type { Sources } from './sources.js';

export interface LabSpec extends BenchSpec {
	/** `boron`, or `boron-2` when there are several. */
	name: string;
}

/** Reads `boron@2.2.0` ... and gives every device a name of its own. */
export function parseSpecs(texts: readonly string[]): LabSpec[] {
	const seen = new Map<string, number>();
	return texts.map((text) => {
		const [name, version, ...rest] = text.split('@');
		if (!name || rest.length > 0) throw notADevice(text);
		const platform = platformNamed(name);
		// Nothing but the application is on a platform without releases, so there is no version to name.
		const hasReleases = releasesFor(platform).length > 0;
		if (hasReleases && !version) throw notADevice(text);
		const count = (seen.get(platform.name) ?? 0) + 1;
		seen.set(platform.name, count);
		return {
			name: count === 1 ? platform.name : `${platform.name}-${count}`,
			platform,
			version: version ? releaseNamed(version, platform).version : undefined,
		};
	});
}

function notADevice(text: string): CommandFailure {
	return usage(`"${text}" does not say which device.`, 'Write the platform and its Device OS version, e.g. boron@2.2.0.');
}

export type LabDevice = BenchDevice;

export interface LabOptions {
	clock: Clock;
	timing: 'datasheet' | 'none';
	sources: Sources;
	stateFolder?: string;
	startInDfu?: boolean;
	/** The application that new devices have; default: Tinker, which devices are delivered with. */
	application?: (platform: Platform, version: string) => SourcedModule;
	signal: AbortSignal;
	note(text: string): void;
}

/** After a change, state is written when nothing more has happened for this long, in milliseconds of real time. */
const saveAfterMs = 1000;

export class LabBench {
	readonly #bench: DeviceBench;
	readonly #options: LabOptions;
	#timer: NodeJS.Timeout | undefined;
	#saving: Promise<void> = Promise.resolve();

	private constructor(options: LabOptions) {
		const { clock, timing, sources, signal } = options;
		this.#options = options;
		this.#bench = new DeviceBench({
			clock,
			timing,
			sources: {
				open: (query) => sources.open(query, signal),
				application: (platform, version, _, fits) => sources.application(platform, version, signal, fits),
			},
		});
	}

	static async open(specs: readonly LabSpec[], options: LabOptions): Promise<LabBench> {
		const bench = new LabBench(options);
		for (const spec of specs) await bench.#add(spec);
		// A folder that cannot be written is told now, not when there is something to lose.
		await bench.save();
		return bench;
	}

	get bus(): VirtualBus {
		return this.#bench.bus;
	}

	get devices(): readonly LabDevice[] {
		return this.#bench.devices;
	}

	async #add(spec: LabSpec): Promise<void> {
		const { startInDfu, application, signal, note } = this.#options;
		const state = await this.#readState(spec);
		const made = await this.#bench.add(spec, {
			name: spec.name,
			start: startInDfu ? 'dfu' : 'healthy',
			application: spec.version === undefined ? undefined : application?.(spec.platform, spec.version),
			signal,
			...(state === undefined ? {} : { saved: { state, standIn: false } }),
		});
		if (made.standIn) {
			note(
				`No real Device OS ${spec.version} for ${spec.platform.name} can be had here:\nmodules made by linac with the real addresses and numbers stand in.`,
			);
		}
		made.device.onChange(() => this.#saveSoon());
	}

	/** Resolves when every device has started, or has had the time to. */
	async started(): Promise<void> {
		await this.#bench.started(this.#options.signal);
	}

	/** Carries out one line such as `unplug boron`. Returns what to say. */
	command(line: string): string {
		const [verb = '', name, ...rest] = line.trim().split(/\s+/);
		if (verb === '') return '';
		if (verb === 'help' || verb === '?') return labHelp;
		if (verb === 'list') return this.devices.map((d) => this.describe(d)).join('\n');
		const lab = this.#bench.find(name ?? '');
		if (!(verb === 'say' || verb in plainVerbs || verb in numberedVerbs)) return `There is no command "${verb}".\n${labHelp}`;
		if (!lab) return `There is no device "${name ?? ''}". Devices: ${this.devices.map((d) => d.name).join(', ')}.`;
		if (verb === 'say') {
			carryOut(lab.device, { do: 'say', text: rest.join(' ') });
			return `${lab.name}: said.`;
		}
		const plain = plainVerbs[verb];
		const numbered = numberedVerbs[verb];
		if (plain) carryOut(lab.device, plain);
		else if (numbered) {
			const n = Number(rest[0]);
			if (!(Number.isInteger(n) && n > 0)) return `Say ${numbered.which}, e.g. "${verb} ${lab.name} ${numbered.example}".`;
			carryOut(lab.device, numbered.command(n));
			return `${lab.name}: ${numbered.said(n)}`;
		}
		return this.describe(lab);
	}

	describe(lab: LabDevice): string {
		const { device } = lab;
		const what = device.mode === 'off' ? device.why : `${device.mode} mode (${device.why})`;
		const modules = device
			.installedModules()
			.map((m) => `${slotName(lab.platform, m)} ${m.version}${m.valid ? '' : ' (damaged)'}`)
			.join(', ');
		return `${lab.name}: ${device.deviceId}, ${what}; ${modules}`;
	}

	#file(spec: { name: string }): string {
		return join(this.#options.stateFolder!, `${spec.name}.json`);
	}

	async #readState(spec: LabSpec): Promise<Json | undefined> {
		if (this.#options.stateFolder === undefined) return undefined;
		const path = this.#file(spec);
		let text: string;
		try {
			text = await readFile(path, 'utf8');
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
			throw error;
		}
		try {
			return JSON.parse(text) as Json;
		} catch {
			throw new CommandFailure(ExitCode.inputRefused, 'FILE_STATE_DAMAGED', `${path} is not the state of a virtual device.`, {
				hint: 'Delete it to begin with a new device.',
			});
		}
	}

	#saveSoon(): void {
		if (this.#options.stateFolder === undefined) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			this.save().catch((error: unknown) => this.#options.note(asLinacError(error).message));
		}, saveAfterMs);
	}

	/** Writes the state of every device. Each file is complete or not there at all: a crash in between leaves the one before. */
	async save(): Promise<void> {
		clearTimeout(this.#timer);
		if (this.#options.stateFolder === undefined) return;
		this.#saving = this.#saving
			.catch(() => {})
			.then(async () => {
				for (const lab of this.devices) {
					await writeWhole(this.#file(lab), JSON.stringify(lab.device.saveState()));
				}
			});
		await this.#saving;
	}
}

const plainVerbs: { [verb: string]: DeviceCommand } = {
	unplug: { do: 'unplug' },
	plug: { do: 'plug' },
	button: { do: 'dfu-buttons' },
	safe: { do: 'safe-buttons' },
	listen: { do: 'hold-mode' },
	reset: { do: 'reset' },
	worn: { do: 'wear-out' },
	mend: { do: 'mend' },
};

interface NumberedVerb {
	which: string;
	example: number;
	command(n: number): DeviceCommand;
	said(n: number): string;
}

const numberedVerbs: { [verb: string]: NumberedVerb } = {
	'unplug-at': {
		which: 'at which transfer',
		example: 500,
		command: (at) => ({ do: 'unplug-at-transfer', at }),
		said: (n) => `the cable will come out at transfer ${n} from now.`,
	},
	'power-loss-at': {
		which: 'at which flash write',
		example: 100,
		command: (at) => ({ do: 'power-loss-at-write', at }),
		said: (n) => `the power will fail in flash write ${n} from now.`,
	},
	'stall-at': {
		which: 'at which transfer',
		example: 50,
		command: (at) => ({ do: 'stall-at-transfer', at }),
		said: (n) => `transfer ${n} from now will be answered with STALL.`,
	},
	slow: {
		which: 'how many times slower',
		example: 10,
		command: (factor) => ({ do: 'slow-flash', factor }),
		said: (n) => `its flash takes ${n} times as long.`,
	},
};

export const labHelp = [
	'list                 what the devices do',
	'unplug NAME          pull the cable (and the power with it)',
	'plug NAME            plug it in again',
	'button NAME          hold MODE and tap RESET: DFU mode',
	'safe NAME            hold MODE and tap RESET, until it blinks magenta: safe mode',
	'listen NAME          hold MODE for three seconds: listening mode',
	'say NAME TEXT        have its application print a line on the serial port',
	'reset NAME           tap RESET',
	'unplug-at NAME N     pull the cable at the N-th USB transfer from now',
	'power-loss-at NAME N let the power fail in the N-th flash write from now',
	'stall-at NAME N      answer the N-th USB transfer from now with STALL',
	'slow NAME N          make its flash N times slower',
	'worn NAME            wear out a byte where the system stands',
	'mend NAME            take back what is to go wrong',
	'quit                 end the lab',
].join('\n');
