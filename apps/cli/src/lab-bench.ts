/**
 * A bench of virtual devices with names, for `linac lab` and `linac demo`: makes them from releases, keeps their state in a folder, and
 * works their cables and buttons by short commands. Serving them is not done here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectedModules, type Platform, releaseByVersion, releasesFor, type SourcedModule } from '@linac/catalog';
import { asLinacError, type Clock, type Json, LinacError } from '@linac/core';
import { ModuleFunction, type ParsedModule } from '@linac/firmware';
import { writeWhole } from '@linac/host';
import { standInApplication, standInRelease, VirtualBus, VirtualDevice } from '@linac/virtual';
import { ExitCode } from './exit-codes.js';
import { platformNamed, releaseNamed, slotName } from './facts.js';
import { CommandFailure, usage } from './failure.js';
import type { Sources } from './sources.js';

export interface LabSpec {
	/** `boron`, or `boron-2` when there are several. */
	name: string;
	platform: Platform;
	/** Undefined for a platform without Device OS releases (Core), whose only module is its application. */
	version: string | undefined;
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

export interface LabDevice extends LabSpec {
	device: VirtualDevice;
	/** Its state came from the folder, so the version that was asked for does not count. */
	restored: boolean;
	/** Made from modules of linac's own builder, because no real ones can be had. */
	standIn: boolean;
}

export interface BenchOptions {
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

/**
 * Network processor module where the release names none: the Argon has had version 5 from the beginning (data/platforms/argon.json), and
 * a Tracker before Device OS 3.0.0 had one older than 7.
 */
const olderNcp = 5;

/** A device that has not started by then does not start: milliseconds of its clock. */
const startMs = 10_000;

export class LabBench {
	readonly bus = new VirtualBus();
	readonly devices: LabDevice[] = [];
	readonly #options: BenchOptions;
	#timer: NodeJS.Timeout | undefined;
	#saving: Promise<void> = Promise.resolve();

	private constructor(options: BenchOptions) {
		this.#options = options;
	}

	static async open(specs: readonly LabSpec[], options: BenchOptions): Promise<LabBench> {
		const bench = new LabBench(options);
		for (const [i, spec] of specs.entries()) await bench.#add(spec, i);
		// A folder that cannot be written is told now, not when there is something to lose.
		await bench.save();
		return bench;
	}

	async #add(spec: LabSpec, position: number): Promise<void> {
		const { clock, timing, startInDfu } = this.#options;
		const state = await this.#readState(spec);
		const made = state === undefined ? await this.#modules(spec) : { modules: [], standIn: false };
		const device = new VirtualDevice({
			platform: spec.platform,
			seed: position + 1,
			clock,
			timing,
			location: `1-${position + 1}`,
			modules: made.modules,
			...(made.ncp === undefined ? {} : { ncp: made.ncp }),
			...(state === undefined ? { setupDone: true } : { state }),
		});
		this.devices.push({ ...spec, device, restored: state !== undefined, standIn: made.standIn });
		this.bus.add(device);
		device.plug();
		if (startInDfu && state === undefined) device.pressModeAndReset();
		device.onChange(() => this.#saveSoon());
	}

	async #modules(spec: LabSpec) {
		const { platform, version } = spec;
		const { sources, signal, note } = this.#options;
		if (version === undefined) return { modules: [await this.#onlyApplication(spec)], standIn: false };
		let standIn = false;
		const release = await sources.open({ platform: platform.name, version }, signal).catch((error: unknown) => {
			if (!(error instanceof LinacError) || error.code !== 'RELEASE_NOT_AVAILABLE') throw error;
			note(
				`No real Device OS ${version} for ${platform.name} can be had here:\nmodules made by linac with the real addresses and numbers stand in.`,
			);
			standIn = true;
			return standInRelease(platform, version);
		});
		const modules = release.modules.filter((m) => m.module.prefix.function !== ModuleFunction.ncp).map((m) => m.module);
		const hasNcp = platform.modules.some((m) => m.function === ModuleFunction.ncp);
		const ncp = expectedModules(platform, version).find((m) => m.function === ModuleFunction.ncp)?.version ?? olderNcp;
		modules.push((await this.#application(spec, version)).module);
		return {
			modules,
			standIn: standIn || release.modules.some((m) => m.standIn),
			...(hasNcp ? { ncp: { version: ncp } } : {}),
		};
	}

	/** Tinker where there is one that this Device OS can run, else a stand-in for it. */
	async #application(spec: LabSpec, version: string): Promise<SourcedModule> {
		const { application, sources, signal } = this.#options;
		const { platform } = spec;
		const asked = application?.(platform, version);
		if (asked) return asked;
		const tinker = await sources.application(platform, version, signal);
		const number = releaseByVersion(version)?.moduleVersion;
		const needs = tinker?.module.dependencies.filter((d) => d.function === ModuleFunction.system) ?? [];
		const runs = number === undefined || needs.every((d) => d.version <= number);
		return tinker && runs ? tinker : standInApplication(platform, version);
	}

	/** The image of a platform without Device OS releases: system and application in one. */
	async #onlyApplication({ platform }: LabSpec): Promise<ParsedModule> {
		const found = await this.#options.sources.application(platform, '', this.#options.signal);
		if (found) return found.module;
		throw new LinacError('APPLICATION_NOT_AVAILABLE', `No application for the ${platform.displayName} can be had.`, {
			retry: 'operator',
			hint: 'Connect to the network, or name a folder with one by --source.',
		});
	}

	/** Resolves when every device has started, or has had the time to. */
	async started(): Promise<void> {
		const { clock, signal } = this.#options;
		const until = clock.now() + startMs;
		while (this.devices.some((d) => !d.device.attached) && clock.now() < until) await clock.sleep(20, signal);
	}

	/** Carries out one line such as `unplug boron`. Returns what to say. */
	command(line: string): string {
		const [verb = '', name, ...rest] = line.trim().split(/\s+/);
		if (verb === '') return '';
		if (verb === 'help' || verb === '?') return labHelp;
		if (verb === 'list') return this.devices.map((d) => this.describe(d)).join('\n');
		const lab = this.devices.find((d) => d.name === name || d.device.deviceId === name);
		if (!labVerbs.has(verb)) return `There is no command "${verb}".\n${labHelp}`;
		if (!lab) return `There is no device "${name ?? ''}". Devices: ${this.devices.map((d) => d.name).join(', ')}.`;
		const { device } = lab;
		const n = Number(rest[0]);
		switch (verb) {
			case 'unplug':
				device.unplug();
				break;
			case 'plug':
				device.plug();
				break;
			case 'button':
				device.pressModeAndReset();
				break;
			case 'listen':
				device.holdMode();
				break;
			case 'say':
				device.say(`${rest.join(' ')}\r\n`);
				return `${lab.name}: said.`;
			case 'reset':
				device.pressReset();
				break;
			case 'unplug-at':
				if (!(Number.isInteger(n) && n > 0)) return 'Say at which transfer, e.g. "unplug-at boron 500".';
				device.faults.unplugAtTransfer(n);
				return `${lab.name}: the cable will come out at transfer ${n} from now.`;
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

	#file(spec: LabSpec): string {
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

const labVerbs = new Set(['unplug', 'plug', 'button', 'listen', 'say', 'reset', 'unplug-at']);

export const labHelp = [
	'list                 what the devices do',
	'unplug NAME          pull the cable (and the power with it)',
	'plug NAME            plug it in again',
	'button NAME          hold MODE and tap RESET: DFU mode',
	'listen NAME          hold MODE for three seconds: listening mode',
	'say NAME TEXT        have its application print a line on the serial port',
	'reset NAME           tap RESET',
	'unplug-at NAME N     pull the cable at the N-th USB transfer from now',
	'quit                 end the lab',
].join('\n');
