/** npm's particle-usb, unmodified, in the guest: one Node process there, which lives as long as the test file and calls what it is told to. */
import { fileURLToPath } from 'node:url';
import { ModuleFunction } from '@linac/firmware';
import type { Guest, GuestProcess } from './guest.js';
import { npmTool, npmVersions } from './npm-tools.js';

/** What particle-usb says of a device. */
export interface SeenDevice {
	id: string;
	type: string;
	platformId: number;
	/** Known once it has been opened. */
	firmwareVersion: string | null;
	isInDfuMode: boolean;
	isGen3Device: boolean;
}

export interface SeenModule {
	type: string;
	index: number;
	version: number;
	validityErrors: string[];
	/** From Device OS 5.6.0 on. */
	hash?: string;
}

/** Names of particle-usb for kinds of modules, before Device OS 5.6.0 and from then on, lower case. */
const functionOf: Record<string, number> = {
	bootloader: ModuleFunction.bootloader,
	systempart: ModuleFunction.system,
	system_part: ModuleFunction.system,
	userpart: ModuleFunction.user,
	user_part: ModuleFunction.user,
	radiostack: ModuleFunction.radioStack,
	radio_stack: ModuleFunction.radioStack,
	ncpfirmware: ModuleFunction.ncp,
	ncp_firmware: ModuleFunction.ncp,
};

/** As the headers of modules number them. */
export function kindOf({ type }: SeenModule): number | undefined {
	return functionOf[type.toLowerCase()];
}

/** The longest call writes a system part, ms. */
const CALL_MS = 300_000;
/**
 * A device is opened in a second or two. Now and then that does not come to an end, right after a device has restarted: particle-usb's process then sends
 * nothing any more, to no device (seen twice in some hundred restarts; node-usb below it, whose other calls hang as well). It is started anew.
 */
const OPEN_MS = 40_000;

class NoEnd extends Error {}

export class ParticleUsbInGuest {
	readonly version = npmVersions['particle-usb'];
	readonly #guest: Guest;
	#process: GuestProcess;
	readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
	#rest = '';
	#number = 0;

	constructor(guest: Guest) {
		this.#guest = guest;
		this.#process = this.#start();
	}

	#start(): GuestProcess {
		this.#rest = '';
		const driver = fileURLToPath(new URL('guest/particle-usb-driver.cjs', import.meta.url));
		const started = this.#guest.start([process.execPath, driver, npmTool('particle-usb')], {
			timeoutMs: 3_600_000,
			onOutput: (text, stream) => {
				if (stream === 'stdout') this.#receive(text);
			},
		});
		started.result.then(
			({ status, stderr }) => this.#failAll(new Error(`particle-usb's process ended with ${status}: ${stderr}`)),
			(error: Error) => this.#failAll(error),
		);
		return started;
	}

	getDevices(options: { types?: string[]; includeDfu?: boolean } = {}): Promise<SeenDevice[]> {
		return this.#call('getDevices', undefined, [options]) as Promise<SeenDevice[]>;
	}

	/** Opens a device as soon as it is there: a client of a person's machine waits for it to come back in the same way. */
	async open(id: string, timeoutMs = 120_000): Promise<SeenDevice> {
		const until = Date.now() + timeoutMs;
		for (;;) {
			try {
				return (await this.#call('openDeviceById', undefined, [id], OPEN_MS)) as SeenDevice;
			} catch (error) {
				if (Date.now() > until) throw error;
				if (error instanceof NoEnd) {
					console.warn(`${error.message} It is started anew.`);
					await this.end();
					this.#process = this.#start();
				}
				await new Promise((resolve) => setTimeout(resolve, 200));
			}
		}
	}

	/** Calls a method of an opened device. */
	async on<T>(id: string, method: string, ...args: unknown[]): Promise<T> {
		return (await this.#call(method, id, args)) as T;
	}

	/** Opens, does something, and closes, whatever comes of it. */
	async with<T>(id: string, use: (device: SeenDevice) => Promise<T>): Promise<T> {
		const device = await this.open(id);
		try {
			return await use(device);
		} finally {
			await this.on(id, 'close').catch(() => {});
		}
	}

	async end(): Promise<void> {
		this.#process.kill();
		await this.#process.result.catch(() => {});
	}

	#call(call: string, on: string | undefined, args: unknown[], timeoutMs = CALL_MS): Promise<unknown> {
		const id = ++this.#number;
		const asJson = (_: string, value: unknown) =>
			value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
		return new Promise((resolve, reject) => {
			const late = setTimeout(() => {
				this.#waiting.delete(id);
				reject(new NoEnd(`particle-usb's ${call} has not come to an end after ${timeoutMs / 1000} s.`));
			}, timeoutMs);
			const settled = <T>(then: (value: T) => void) => {
				return (value: T) => {
					clearTimeout(late);
					then(value);
				};
			};
			this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
			this.#process.write(`${JSON.stringify({ id, call, on, args }, asJson)}\n`);
		});
	}

	#receive(text: string): void {
		const lines = (this.#rest + text).split('\n');
		this.#rest = lines.pop()!;
		for (const line of lines) {
			const { id, value, error } = JSON.parse(line) as { id: number; value?: unknown; error?: string };
			const waiting = this.#waiting.get(id);
			this.#waiting.delete(id);
			if (error !== undefined) waiting?.reject(new Error(error));
			else waiting?.resolve(bytesIn(value));
		}
	}

	#failAll(error: Error): void {
		for (const { reject } of this.#waiting.values()) reject(error);
		this.#waiting.clear();
	}
}

function bytesIn(value: unknown): unknown {
	const base64 = (value as { base64?: unknown } | null)?.base64;
	return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : value;
}
