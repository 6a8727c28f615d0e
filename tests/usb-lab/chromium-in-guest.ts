/**
 * Debian's Chromium in the guest, headless, with WebUSB and Web Serial on the guest's kernel, driven by Playwright over the browser's own pipe. Which
 * devices a page may use is set by managed policies, as an administrator sets them: nobody is there to click in the browser's own windows.
 */
import { type Browser, type BrowserContext, type ConnectOverCDPTransport, chromium } from 'playwright-core';
import { chooserSwitches } from './device-chooser.js';
import type { Guest, GuestProcess } from './guest.js';

/** A device that a page may use without being asked; `product` undefined: every one of the vendor. */
export interface AllowedDevice {
	vendor: number;
	product?: number;
}

export interface ChromiumOptions {
	/** The page's origin, e.g. `http://localhost:8080`. */
	origin: string;
	/** For WebUSB. Default: none. */
	usb?: readonly AllowedDevice[];
	/** For Web Serial; here Chromium wants the product, too. Default: none. */
	serial?: readonly Required<AllowedDevice>[];
}

/**
 * For a guest without GPU, D-Bus and network. Chromium's network service crashes in a process of its own under emulation; a zygote and a GPU process would
 * only be slower.
 */
const switches = [
	...['--headless', '--no-sandbox', '--no-zygote', '--in-process-gpu', '--disable-gpu', '--disable-dev-shm-usage'],
	...[
		`--enable-features=${['NetworkServiceInProcess2', ...chooserSwitches.features].join()}`,
		'--disable-features=Translate,OptimizationHints,MediaRouter,Vulkan',
	],
	...[
		'--no-first-run',
		'--disable-background-networking',
		'--disable-component-update',
		'--disable-extensions',
		'--disable-sync',
	],
	...['--disable-breakpad', '--disable-hang-monitor', '--disable-gpu-watchdog', '--disable-quic'],
	...['--user-data-dir=/dev/shm/chromium', '--remote-debugging-pipe', ...chooserSwitches.switches],
];
const policyFile = '/etc/chromium/policies/managed/linac.json';

export class ChromiumInGuest {
	/** As it says itself, e.g. `156.0.8078.114`. */
	readonly version: string;
	readonly browser: Browser;
	readonly context: BrowserContext;
	readonly #process: GuestProcess;

	private constructor(process: GuestProcess, browser: Browser) {
		this.#process = process;
		this.browser = browser;
		this.version = browser.version();
		this.context = browser.contexts()[0]!;
	}

	/** Starts it. Takes half a minute, and several on a busy machine. Throws with its last words when it does not start. */
	static async start(guest: Guest, options: ChromiumOptions): Promise<ChromiumInGuest> {
		await guest.run(['sh', '-c', `mkdir -p "$(dirname ${policyFile})" && cat >${policyFile}`], { stdin: policies(options) });
		const pipe = new CdpPipe();
		// Chromium reads commands from descriptor 3 and answers on 4.
		const process = guest.start(['sh', '-c', 'exec chromium "$@" 3<&0 4>&1 >&2', 'sh', ...switches, 'about:blank'], {
			timeoutMs: 7_200_000,
			onOutput: (text, stream) => pipe.receive(text, stream),
		});
		pipe.process = process;
		process.result.then(
			({ status, stderr }) => pipe.ended(`Chromium ended with ${status}: ${stderr.slice(-1000)}`),
			(error: Error) => pipe.ended(error.message),
		);
		try {
			const browser = await chromium.connectOverCDP(pipe, { timeout: 300_000 });
			return new ChromiumInGuest(process, browser);
		} catch (error) {
			process.kill();
			throw new Error(`Chromium did not start in the guest: ${String(error)}\n${pipe.complaints.slice(-2000)}`);
		}
	}

	/** Ends it, as if it were killed. */
	async close(): Promise<void> {
		this.#process.kill();
		await this.#process.result.catch(() => {});
	}
}

/** Names and form of the policies: https://chromeenterprise.google/policies/ */
function policies({ origin, usb = [], serial = [] }: ChromiumOptions): string {
	const list = (devices: readonly AllowedDevice[]) => [
		{
			devices: devices.map((d) => ({ vendor_id: d.vendor, ...(d.product === undefined ? {} : { product_id: d.product }) })),
			urls: [origin],
		},
	];
	return JSON.stringify({
		...(usb.length > 0 ? { WebUsbAllowDevicesForUrls: list(usb) } : {}),
		...(serial.length > 0 ? { SerialAllowUsbDevicesForUrls: list(serial) } : {}),
	});
}

/** Messages of the DevTools protocol, each with a zero byte behind it, through a process of the guest. */
class CdpPipe implements ConnectOverCDPTransport {
	process: GuestProcess | undefined;
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
			this.complaints = (this.complaints + text).slice(-20_000);
			return;
		}
		const messages = (this.#rest + text).split('\0');
		this.#rest = messages.pop()!;
		for (const message of messages) this.onmessage?.(JSON.parse(message) as object);
	}

	ended(reason: string): void {
		this.onclose?.(reason);
	}
}
