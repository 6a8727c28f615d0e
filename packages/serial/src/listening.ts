/**
 * A device in listening mode, over its serial port: one character is a command, and the reply is text. Which release knows which command, and
 * what it answers: docs/formats/serial.md (device-os v0.7.0 ... v6.2.0: system/src/system_setup.cpp). Nothing that a device prints is trusted.
 */
import { type Clock, LinacError, throwIfCancelled, unwrap } from '@linac/core';
import type { ByteStream } from './byte-stream.js';
import { findJsonObject, parseModuleInfo, type SerialModuleInfo } from './module-info.js';
import { type ReplyLimits, ReplyReader } from './reply-reader.js';
import { quoted, serialError } from './serial-errors.js';

/** What `i` tells. What a device does not say is left out. */
export interface SerialIdentity {
	/** 24 hex digits, lower case. */
	deviceId: string;
	serialNumber?: string;
	imei?: string;
	iccid?: string;
	/** Firmware of the cellular modem. */
	radioVersion?: string;
	/** A secret of the device: never to be shown or logged unless somebody asked for it. */
	deviceSecret?: string;
}

export interface WifiCredentials {
	/** 1 to 32 bytes. */
	ssid: string;
	security: 'open' | 'wep' | 'wpa' | 'wpa2' | 'wpa3';
	/** Default: AES. */
	cipher?: 'aes' | 'tkip' | 'aes+tkip';
	password?: string;
}

/** A cellular modem that has to be switched on first takes its time: particle-cli allows 20 s (src/cmd/serial.js). */
const MODEM_MS = 20_000;
/** A listening device answers at once; one that does not listen never does. */
const PROBE_MS = 1_500;
const WIFI_MS = 30_000;
/** Questions of one dialogue: more than any release asks. */
const MOST_QUESTIONS = 12;

export class ListeningDevice {
	readonly #stream: ByteStream;
	readonly #reader: ReplyReader;
	readonly #signal: AbortSignal | undefined;

	constructor(stream: ByteStream, clock: Clock, signal?: AbortSignal) {
		this.#stream = stream;
		this.#reader = new ReplyReader(stream, clock);
		this.#signal = signal;
	}

	/** Whether it answers commands: it asks for the version. Takes 1.5 s when it does not. */
	async answers(): Promise<boolean> {
		try {
			await this.version();
			return true;
		} catch (error) {
			if (error instanceof LinacError && (error.code === 'NOT_LISTENING' || error.code === 'SERIAL_REPLY')) return false;
			throw error;
		}
	}

	/** `v`: the version of Device OS, e.g. `2.3.1`. */
	async version(): Promise<string> {
		const text = await this.#ask('v', (t) => /version: [^\n]*\n/.test(t), { firstMs: PROBE_MS });
		const version = /system firmware version: *([0-9A-Za-z.+-]{1,40})/.exec(text)?.[1];
		if (version === undefined) throw unexpected('v', text, '"system firmware version: ..."');
		return version;
	}

	/** `i`: who it is. */
	async identity(): Promise<SerialIdentity> {
		const text = await this.#ask('i', () => false, { firstMs: MODEM_MS, totalMs: MODEM_MS + 5_000 });
		const deviceId = /(?:Your (?:core|device) id is|Device ID:)\s+([0-9a-fA-F]{24})(?![0-9a-fA-F])/.exec(text)?.[1];
		if (deviceId === undefined) throw unexpected('i', secretless(text), 'a device id of 24 hex digits');
		const field = (name: string) => new RegExp(`^${name}: *([!-~]{1,40}) *\\r?$`, 'm').exec(text)?.[1];
		const identity: SerialIdentity = { deviceId: deviceId.toLowerCase() };
		const serialNumber = field('Serial Number');
		const imei = field('IMEI');
		const iccid = field('ICCID');
		const radioVersion = field('Cell Radio Version');
		const deviceSecret = field('Device Secret');
		if (serialNumber !== undefined) identity.serialNumber = serialNumber;
		if (imei !== undefined) identity.imei = imei;
		if (iccid !== undefined) identity.iccid = iccid;
		if (radioVersion !== undefined) identity.radioVersion = radioVersion;
		if (deviceSecret !== undefined) identity.deviceSecret = deviceSecret;
		return identity;
	}

	/** `m`: the MAC address, lower case with colons; `undefined` where the device has none (it prints zeros then). */
	async mac(): Promise<string | undefined> {
		const text = await this.#ask('m', (t) => MAC.test(t) && t.endsWith('\n'));
		const mac = MAC.exec(text)?.[0]?.toLowerCase();
		if (mac === undefined) throw unexpected('m', text, 'a MAC address');
		return /[1-9a-f]/.test(mac) ? mac : undefined;
	}

	/** `s`: the modules that Device OS sees, with its own checks. */
	async modules(): Promise<SerialModuleInfo> {
		const text = await this.#ask('s', (t) => findJsonObject(t) !== undefined, { firstMs: MODEM_MS, totalMs: MODEM_MS + 10_000 });
		return unwrap(parseModuleInfo(text));
	}

	/** `c` (from 0.6.0): whether somebody's account has claimed it; `undefined` where the device does not know the command. */
	async claimed(): Promise<boolean | undefined> {
		const text = await this.#optional('c', (t) => /claimed: (yes|no)\r?\n/.test(t));
		const answer = text === undefined ? undefined : /Device claimed: (yes|no)/.exec(text)?.[1];
		if (text !== undefined && answer === undefined) throw unexpected('c', text, '"Device claimed: yes" or "no"');
		return answer === undefined ? undefined : answer === 'yes';
	}

	/** `C` (from 0.6.0): sets the claim code, 63 characters. */
	async setClaimCode(code: string): Promise<void> {
		if (!/^[!-~]{63}$/.test(code))
			throw serialError('SERIAL_REPLY', 'A claim code has 63 characters.', { hint: 'Ask for a new one.' });
		await this.#ask('C', (t) => /claim code: $/.test(t));
		await this.#send(`${code}\n`);
		const text = await this.#reader.collect((t) => /(set to: .*|unchanged\.)\r?\n/.test(t), '"C"', {}, this.#signal);
		if (!text.includes('Claim code set to')) throw unexpected('C', text, '"Claim code set to: ..."');
	}

	/** `d` (from 0.8.0): diagnostics as JSON; `undefined` where the device does not know the command. */
	async diagnostics(): Promise<unknown> {
		const text = await this.#optional('d', (t) => findJsonObject(t) !== undefined);
		if (text === undefined) return undefined;
		try {
			return JSON.parse(findJsonObject(text) ?? '');
		} catch {
			throw unexpected('d', text, 'a JSON object');
		}
	}

	/** `x`: leaves listening mode. There is no reply. */
	async leave(): Promise<void> {
		await this.#send('x');
	}

	/** `L` (from 0.5.0): restarts into listening mode, in safe mode (the application does not run). There is no reply; the port goes. */
	async restartListening(): Promise<void> {
		await this.#send('L');
	}

	/** `w`: stores the credentials of a Wi-Fi network (no WPA Enterprise). */
	async setWifi(wifi: WifiCredentials): Promise<void> {
		const security = { open: '0', wep: '1', wpa: '2', wpa2: '3', wpa3: '6' }[wifi.security];
		const cipher = { aes: '1', tkip: '2', 'aes+tkip': '3' }[wifi.cipher ?? 'aes'];
		const answers: [question: RegExp, answer: string][] = [
			[/SSID: $/, wifi.ssid],
			[/Security 0=[^:]*: $/, security],
			[/Security Cipher [^:]*: $/, cipher],
			[/Password: $/, wifi.password ?? ''],
		];
		const asked = (t: string) => answers.find(([question]) => question.test(t));
		const over = (t: string) => /<3 you!|Derp\./.test(t);
		await this.#reader.discard(this.#signal);
		await this.#send('w');
		for (let i = 0; i < MOST_QUESTIONS; i++) {
			const limits = { firstMs: i === 0 ? PROBE_MS : WIFI_MS, quietMs: WIFI_MS, totalMs: 2 * WIFI_MS };
			const text = await this.#reader.collect((t) => asked(t) !== undefined || over(t), '"w"', limits, this.#signal);
			if (/Derp\./.test(text)) throw serialError('SERIAL_REPLY', 'The device could not store the Wi-Fi credentials.');
			if (over(text)) return;
			await this.#send(`${asked(text)?.[1] ?? ''}\n`);
		}
		throw serialError('SERIAL_REPLY', 'The device keeps asking for Wi-Fi credentials.');
	}

	/**
	 * `f`: makes it wait for a file over YMODEM (ymodem.ts), Device OS below 6. Resolves when it waits. Throws `YMODEM_UNSUPPORTED` from 6.0.0 on, where
	 * the same line is printed and the transfer cancelled 100 ms later, and on a Core.
	 */
	async startFlashing(): Promise<void> {
		const banner = await this.#ask('f', (t) => t.includes(BANNER_END), { firstMs: PROBE_MS });
		if (!banner.includes('Waiting for the binary file'))
			throw unexpected('f', banner, '"Waiting for the binary file to be sent"');
		const behind = banner.slice(banner.indexOf(BANNER_END) + BANNER_END.length);
		const said = (text: string) => /supported|Ymodem/.test(behind + text);
		const refusal = said('')
			? behind
			: behind +
				(await this.#reader.collect(said, '"f"', { firstMs: REFUSAL_MS }, this.#signal).catch((error: unknown) => {
					if (error instanceof LinacError && error.code === 'SERIAL_TIMEOUT') return '';
					throw error;
				}));
		// Bytes for YMODEM would be taken for commands by a device that does not receive it: nothing is sent to one that said so.
		if (/not? (?:longer )?supported/.test(refusal) || refusal.includes(CANCEL)) {
			throw serialError('YMODEM_UNSUPPORTED', 'This device takes no firmware over its serial port.', {
				details: { said: quoted(refusal) },
				hint: 'Device OS 6 and later have no YMODEM any more. Use "linac flash".',
			});
		}
	}

	async #ask(command: string, complete: (text: string) => boolean, limits: Partial<ReplyLimits> = {}): Promise<string> {
		throwIfCancelled(this.#signal);
		await this.#reader.discard(this.#signal);
		await this.#send(command);
		try {
			return await this.#reader.collect(complete, `"${command}"`, limits, this.#signal);
		} catch (error) {
			if (!(error instanceof LinacError && error.code === 'SERIAL_TIMEOUT')) throw error;
			throw serialError('NOT_LISTENING', `${error.message.slice(0, -1)}: it is not in listening mode.`, { cause: error });
		}
	}

	async #optional(command: string, complete: (text: string) => boolean): Promise<string | undefined> {
		try {
			return await this.#ask(command, complete, { firstMs: PROBE_MS });
		} catch (error) {
			if (error instanceof LinacError && error.code === 'NOT_LISTENING') return undefined;
			throw error;
		}
	}

	#send(text: string): Promise<void> {
		return this.#stream.write(new TextEncoder().encode(text), this.#signal);
	}
}

const BANNER_END = "(press 'a' to abort)\r\n";
const CANCEL = String.fromCharCode(0x18);
const MAC = /(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/i;
/** The device cancels 100 ms after its line (HAL_Delay_Milliseconds(100)); one that receives says nothing for 5 s. */
const REFUSAL_MS = 500;

function unexpected(command: string, text: string, expected: string): LinacError {
	return serialError('SERIAL_REPLY', `The device answered "${command}" with "${quoted(text)}"; ${expected} was expected.`);
}

function secretless(text: string): string {
	return text.replace(/(Device Secret:).*/g, '$1 (not shown)');
}
