/**
 * The serial port of a device in listening mode: single characters are commands, and are answered as Device OS of this version answers them
 * (device-os v0.7.0 ... v6.2.0: system/src/system_setup.cpp, system_info.cpp; wiring/src/spark_wiring_wifi... serialReadLine). Outside listening mode
 * what the host sends is read by an application that does nothing with it. What follows a received module: docs/formats/serial.md.
 */
import type { Clock } from '@linac/core';
import { toHex } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { SystemError } from './chip.js';
import { deviceSecretOf, iccidOf, imeiOf, macOf, serialNumberOf } from './device-numbers.js';
import { PowerLost } from './flash-worker.js';
import { clearJobs } from './module-slots.js';
import type { SystemHost } from './requests.js';
import type { SerialPipe } from './serial-pipe.js';
import { type SeenModule, seenModules } from './system-view.js';
import { restartMs } from './timing.js';
import { receiveYmodem, Ymodem, type YmodemTarget } from './ymodem-receiver.js';

/** Releases in which something changed, as [major, minor]. */
const since = {
	diagnostics: [0, 8],
	claimCommands: [0, 6],
	/** Photon, P1 and Electron tell a serial number, too, where they were given one. Before, only the Electron had more to tell. */
	moreInfo: [1, 2],
	/** Error codes instead of flags, and the validation result no longer decides alone. */
	resultCodes: [2, 0],
	radioVersion: [2, 1],
	/** class FirmwareUpdate: sizes are checked, and an update that was broken off stays open until the next reset. */
	oneUpdateAtATime: [3, 0],
	noYmodem: [6, 0],
} as const;

/** One turn of the loop that listens, ms: an estimate. */
const LOOP_MS = 1;
/** v2.3.1: system_ymodem.cpp and system_update.cpp, HAL_Delay_Milliseconds. */
const AFTER_SUCCESS_MS = 1000;
const RESTARTING_MS = 100;
const REFUSAL_MS = 100;

export class ListeningConsole {
	readonly #host: SystemHost;
	readonly #pipe: SerialPipe;
	readonly #clock: Clock;
	readonly #version: [major: number, minor: number];
	#updating = false;

	constructor(host: SystemHost, pipe: SerialPipe, clock: Clock) {
		this.#host = host;
		this.#pipe = pipe;
		this.#clock = clock;
		const [major = 0, minor = 0] = host.osVersion.split('.').map((n) => Number.parseInt(n, 10));
		this.#version = [major, minor];
	}

	#from(version: readonly [number, number]): boolean {
		const [major, minor] = this.#version;
		return major > version[0] || (major === version[0] && minor >= version[1]);
	}

	/** Setting the port to 28800 bits per second starts listening mode (START_YMODEM_FLASHER_SERIAL_SPEED; gone in 6.0.0). */
	get listensAt28800(): boolean {
		return !this.#from(since.noYmodem);
	}

	/** Runs until the firmware ends. Rejects with `PowerLost` then. */
	async run(): Promise<void> {
		const pipe = this.#pipe;
		for (;;) {
			await pipe.woken();
			if (pipe.ended) throw new PowerLost();
			if (!this.#host.listening) {
				pipe.dropInput();
				continue;
			}
			if (pipe.available === 0) continue;
			await this.#host.hw.worker.wait(LOOP_MS);
			const next = pipe.peek();
			if ((next === Ymodem.soh || next === Ymodem.stx) && !this.#from(since.noYmodem)) await this.#receive();
			else await this.#command(String.fromCharCode(pipe.take() ?? 0));
		}
	}

	async #command(c: string): Promise<void> {
		const host = this.#host;
		const { platform } = host.hw;
		const print = (text: string) => this.#pipe.print(text);
		switch (c) {
			case 'i':
				return print(this.#identity());
			case 'v':
				return print(`system firmware version: ${host.osVersion}\n\r\n`);
			case 'm':
				return print(
					`Your device MAC address is\r\n${platform.components.wifi ? macOf(host.deviceId) : '00:00:00:00:00:00'}\r\n`,
				);
			case 's':
				return print(`{${this.#modules()}}\r\n`);
			case 'f':
				return this.#flash();
			case 'x':
				host.listening = false;
				return;
			case 'L':
				host.hw.retained.startListening = true;
				host.hw.retained.enterSafeMode = true;
				return host.restart(restartMs.rawReset);
			case 'c':
				if (this.#from(since.claimCommands)) print('Device claimed: no\r\n');
				return;
			case 'C':
				if (this.#from(since.claimCommands)) await this.#claim();
				return;
			case 'd':
				if (this.#from(since.diagnostics)) print('{"net:stat":0,"cloud:stat":0,"sys:uptime":1}\r\n');
				return;
			case 'w':
				if (platform.components.wifi) await this.#wifi();
		}
	}

	#identity(): string {
		const { hw, deviceId } = this.#host;
		const { platform } = hw;
		const { cellular } = platform.components;
		const factory = platform.mcu !== 'stm32f1' && platform.mcu !== 'stm32f2';
		const lines: [string, string][] = [];
		// From 1.2.0 on every chip tells what its DCT or OTP holds; the model's Gen 2 devices hold nothing there.
		if (factory) lines.push(['Device Secret', deviceSecretOf(deviceId)], ['Serial Number', serialNumberOf(platform, deviceId)]);
		if (cellular) lines.push(['IMEI', imeiOf(deviceId)], ['ICCID', iccidOf(deviceId)]);
		if (cellular && this.#from(since.radioVersion)) lines.push(['Cell Radio Version', 'L0.0.00.00.05.08']);
		if (lines.length === 0) {
			const old = platform.mcu === 'stm32f1' ? 'core' : 'device';
			return `Your ${old} id is ${deviceId}\r\n`;
		}
		return ['Device ID', deviceId, ...lines.flat()].map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
	}

	/** `"p":6,"m":[...]`: the braces around it are the command's. */
	#modules(): string {
		const { hw, deviceId, systemVersion } = this.#host;
		const fields: Record<string, unknown> = { p: hw.platform.id };
		if (hw.platform.components.cellular) Object.assign(fields, { imei: imeiOf(deviceId), iccid: iccidOf(deviceId) });
		fields.m = seenModules(hw, systemVersion).flatMap(moduleJson);
		return JSON.stringify(fields).slice(1, -1);
	}

	async #flash(): Promise<void> {
		const { hw } = this.#host;
		const pipe = this.#pipe;
		if (hw.platform.mcu === 'stm32f1') {
			pipe.print("Waiting for the binary file to be sent ... (press 'a' to abort)\r\n");
			pipe.print(
				'Firmware update using this terminal is not supported!\r\nAdd #include "Ymodem/Ymodem.h" to your sketch and try again.\r\n',
			);
			return;
		}
		pipe.print("Waiting for the binary file to be sent ... (press 'a' to abort)\r\n");
		if (!this.#from(since.noYmodem)) return this.#receive();
		await hw.worker.wait(REFUSAL_MS);
		pipe.print(Uint8Array.of(Ymodem.cancel, Ymodem.cancel, Ymodem.cancel, Ymodem.cancel));
		pipe.print('Serial/YModem flashing is no longer supported\r\n');
	}

	async #receive(): Promise<void> {
		const { hw, chip, systemVersion } = this.#host;
		const pipe = this.#pipe;
		const received = await receiveYmodem(pipe, this.#clock, this.#target());
		if (received.size > 0 && 'name' in received) {
			let result = chip.validateUpdate(hw, systemVersion, received.size);
			if (result >= 0) result = await chip.applyUpdate(hw, systemVersion, received.size);
			this.#updating = false;
			if (result < 0) {
				pipe.print(Uint8Array.of(Ymodem.cancel, Ymodem.cancel));
				const code = this.#from(since.resultCodes) ? result : flagsOf(result);
				pipe.print(`Validation failed: ${code}\r\n`);
				// It restarts all the same (system_update.cpp: "always restart for now").
				this.#host.restart(RESTARTING_MS);
				return;
			}
			pipe.print(Uint8Array.of(Ymodem.ack));
			pipe.print(`\r\nDownloaded file successfully!\r\nName: ${received.name}\r\nSize: ${received.size} bytes\r\n`);
			await hw.worker.wait(AFTER_SUCCESS_MS);
			pipe.print('Restarting system to apply firmware update...\r\n');
			this.#host.restart(RESTARTING_MS);
			return;
		}
		pipe.print(Uint8Array.of(Ymodem.cancel, Ymodem.cancel));
		const why = {
			'-1': 'The file size is higher than the allowed space memory!',
			'-2': 'Failed to save chunk!',
			'-3': 'Aborted by user.',
			'0': 'Failed to receive the file!',
		};
		pipe.print(`${why[String(received.size) as keyof typeof why]}\r\n`);
	}

	#target(): YmodemTarget {
		const { hw, chip, systemVersion } = this.#host;
		const slot = chip.otaSlot(hw, systemVersion);
		const flash = hw.flash(slot.storage);
		return {
			begin: async (size) => {
				if (this.#from(since.oneUpdateAtATime)) {
					if (this.#updating || size === 0 || size > slot.size) return false;
					this.#updating = true;
				}
				await hw.worker.run(clearJobs(hw));
				await hw.worker.run(flash.erase(slot.start, Math.min(size, slot.size)));
				return true;
			},
			save: async (offset, data) => {
				// The last block is written with its padding; what would lie behind the slot is not.
				const room = data.subarray(0, Math.max(0, slot.size - offset));
				if (room.length > 0) await hw.worker.run(flash.program(slot.start + offset, room));
				if (room.length === data.length || room.length > 0) return true;
				this.#updating = false;
				return false;
			},
		};
	}

	async #claim(): Promise<void> {
		this.#pipe.print('Enter 63-digit claim code: ');
		const code = await this.#line(63);
		this.#pipe.print(
			code.length === 63
				? `Claim code set to: ${code}\r\n`
				: 'Sorry, claim code is not 63 characters long. Claim code unchanged.\r\n',
		);
	}

	/** No network is in reach of a virtual device, so security and cipher are asked for. */
	async #wifi(): Promise<void> {
		const ask = async (question: string, length: number, fits: RegExp) => {
			for (;;) {
				this.#pipe.print(question);
				const answer = await this.#line(length);
				if (fits.test(answer)) return answer;
			}
		};
		await ask('SSID: ', 32, /./);
		const security = await ask('Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ', 1, /^[0-3]$/);
		await ask('Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ', 1, /^[1-3]$/);
		if (security !== '0') await ask('Password: ', 64, /^/);
		this.#pipe.print('Thanks! Wait while I save those credentials...\r\n\r\n');
		this.#pipe.print("Awesome. Now we'll connect!\r\n\r\nIf you see a pulsing cyan light, your device \r\n");
		this.#pipe.print('has connected to the Cloud and is ready to go!\r\n\r\n    Particle <3 you!\r\n\r\n');
	}

	/** serialReadLine: echoes, ends at CR, LF or when it is full (that character is lost); what else is there is thrown away. */
	async #line(most: number): Promise<string> {
		const pipe = this.#pipe;
		let line = '';
		for (;;) {
			await pipe.woken();
			if (pipe.ended) throw new PowerLost();
			const byte = pipe.take();
			if (byte === undefined) continue;
			if (line.length === most || byte === 13 || byte === 10) break;
			if (byte === 8 || byte === 127) {
				if (line === '') continue;
				line = line.slice(0, -1);
			} else line += String.fromCharCode(byte);
			pipe.print(Uint8Array.of(byte));
		}
		pipe.print('\r\n');
		pipe.dropInput();
		return line;
	}
}

const LETTERS: Record<number, string> = { 1: 'r', 2: 'b', 3: 'm', 4: 's', 5: 'u', 7: 'c', 8: 'a' };

function moduleJson(seen: SeenModule): object[] {
	const letter = LETTERS[seen.function];
	if (!letter) return [];
	return [
		{
			s: seen.region ? seen.region.end - seen.region.start : 1500 * 1024,
			l: 'm',
			vc: seen.checked,
			vv: seen.passed,
			...(seen.function === ModuleFunction.user ? { u: toHex(seen.sha).toUpperCase() } : {}),
			f: letter,
			n: String(seen.index),
			v: seen.version,
			d: seen.dependencies.flatMap((d) => {
				const f = LETTERS[d.function];
				return f ? [{ f, n: String(d.index), v: d.version }] : [];
			}),
		},
	];
}

/** Before 2.0.0 the flags of the checks that failed are told (MODULE_VALIDATION_*), in hex. */
function flagsOf(result: number): string {
	const flags: Record<number, number> = {
		[SystemError.otaIntegrityCheckFailed]: 2,
		[SystemError.otaDependencyCheckFailed]: 4,
		[SystemError.otaInvalidAddress]: 8,
		[SystemError.otaInvalidPlatform]: 16,
	};
	return `0x${(flags[result] ?? 0).toString(16)}`;
}
