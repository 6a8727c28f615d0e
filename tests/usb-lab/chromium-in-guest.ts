/**
 * Debian's Chromium in the guest, headless, with WebUSB and Web Serial on the guest's kernel, driven by Playwright over the browser's own pipe. It runs as
 * an ordinary user, with the rights that udev gives. What a page may use is chosen in Chromium's own list (device-chooser.ts), or allowed by managed
 * policies, as an administrator does it.
 */
import { type Browser, type BrowserContext, type ConnectOverCDPTransport, chromium } from 'playwright-core';
import { chooserSwitches, DeviceChooser } from './device-chooser.js';
import type { Guest, GuestProcess } from './guest.js';

/** Devices that pages of an origin may use over WebUSB without being chosen. */
export interface UsbPolicy {
	/** E.g. `http://localhost:8080`. */
	origin: string;
	devices: readonly { vendorId: number; productId: number }[];
}

/** `nobody` and `nogroup` of Debian. */
export const chromiumUser = 65534;
const folder = '/dev/shm/chromium';

/**
 * For a guest without GPU, D-Bus and network. Chromium's network service crashes in a process of its own under emulation; a zygote and a GPU process would
 * only be slower.
 */
const switches = [
	...['--headless', '--no-sandbox', '--no-zygote', '--in-process-gpu', '--disable-gpu', '--disable-dev-shm-usage'],
	`--enable-features=${['NetworkServiceInProcess2', ...chooserSwitches.features].join()}`,
	'--disable-features=Translate,OptimizationHints,MediaRouter,Vulkan',
	...['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-extensions'],
	...['--disable-sync', '--disable-breakpad', '--disable-hang-monitor', '--disable-gpu-watchdog', '--disable-quic'],
	...[`--user-data-dir=${folder}/profile`, '--window-size=1366,768', '--remote-debugging-pipe'],
	...chooserSwitches.switches,
];
const policyFile = '/etc/chromium/policies/managed/linac.json';
/** Everything is emulated, and the machine may be busy. */
const patienceMs = 240_000;

export class ChromiumInGuest {
	/** As it says itself, e.g. `156.0.8078.114`. */
	readonly version: string;
	readonly context: BrowserContext;
	readonly chooser: DeviceChooser;
	readonly #process: GuestProcess;

	private constructor(process: GuestProcess, browser: Browser, chooser: DeviceChooser) {
		this.#process = process;
		this.version = browser.version();
		this.context = browser.contexts()[0]!;
		this.context.setDefaultTimeout(patienceMs);
		this.chooser = chooser;
	}

	/** Starts it. Takes half a minute, and several on a busy machine. Throws with its last words when it does not start. */
	static async start(guest: Guest, policy?: UsbPolicy): Promise<ChromiumInGuest> {
		const text = JSON.stringify(policy ? policies(policy) : {});
		const prepare = `mkdir -p "$(dirname ${policyFile})" ${folder} && chown ${chromiumUser} ${folder} && cat >${policyFile}`;
		await guest.run(['sh', '-c', prepare], { stdin: text });
		const pipe = new CdpPipe();
		// Chromium reads commands from descriptor 3 and answers on 4.
		const user = ['setpriv', `--reuid=${chromiumUser}`, `--regid=${chromiumUser}`, '--clear-groups'];
		const command = ['sh', '-c', 'exec chromium "$@" 3<&0 4>&1 >&2', 'sh', ...switches, 'about:blank'];
		const process = guest.start([...user, ...command], {
			timeoutMs: 7_200_000,
			cwd: folder,
			env: { HOME: folder },
			onOutput: (text, stream) => pipe.receive(text, stream),
		});
		pipe.process = process;
		const ended = process.result.then(
			({ status, stderr }) => `it ended with ${status}: ${stderr.slice(-2_000)}`,
			(error: Error) => error.message,
		);
		void ended.then((reason) => pipe.onclose?.(reason));
		try {
			const connected = chromium.connectOverCDP(pipe, { timeout: patienceMs });
			// Where it ends too early nobody tells Playwright.
			const early = ended.then((reason): never => {
				throw new Error(reason);
			});
			const browser = await Promise.race([connected, early]);
			early.catch(() => {});
			return new ChromiumInGuest(process, browser, await DeviceChooser.of(guest));
		} catch (error) {
			process.kill();
			throw new Error(`Chromium did not start in the guest: ${String(error)}\n${pipe.complaints}`);
		}
	}

	/** Ends it at once, as a crash would. */
	async close(): Promise<void> {
		await this.chooser.close();
		this.#process.kill();
		await this.#process.result.catch(() => {});
	}
}

/** Name and form: https://chromeenterprise.google/policies/#WebUsbAllowDevicesForUrls */
function policies({ origin, devices }: UsbPolicy): object {
	const ids = devices.map(({ vendorId, productId }) => ({ vendor_id: vendorId, product_id: productId }));
	return { WebUsbAllowDevicesForUrls: [{ devices: ids, urls: [origin] }] };
}

/** Messages of the DevTools protocol, each with a zero byte behind it, through a process of the guest. */
class CdpPipe implements ConnectOverCDPTransport {
	process: GuestProcess | undefined;
	/** The end of what Chromium has complained about. */
	complaints = '';
	onmessage?: (message: object) => void;
	onclose?: (reason?: string) => void;
	#rest = '';

	send(message: object): void {
		this.process?.write(`${JSON.stringify(message)}\0`);
	}

	close(): void {
		this.process?.kill();
	}

	receive(text: string, stream: 'stdout' | 'stderr'): void {
		if (stream === 'stderr') {
			this.complaints = (this.complaints + text).slice(-4_000);
			return;
		}
		const messages = (this.#rest + text).split('\0');
		this.#rest = messages.pop()!;
		for (const message of messages) this.onmessage?.(JSON.parse(message) as object);
	}
}
