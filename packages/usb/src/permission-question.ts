/**
 * The second permission. A browser shows a page only the devices that the person has permitted, by USB ids and serial number; a device that restarts
 * in the other mode has another product id, so that it is not seen until it is permitted once more. Nothing tells that apart from a device that
 * is not there. So: when a wanted device has not been seen for a while, the host is asked, once. Not for how a person is asked: that is the host's.
 */
import { asLinacError, type Clock, LinacError } from '@linac/core';
import type { DiscoveredDevice, UsbPlatformIds } from './discovery.js';
import type { PermissionAnswer, UsbHost, WantedDevice } from './wire.js';

/** A device that restarts is given this long to be seen by itself before a person is asked, ms. */
const ASK_AFTER_MS = 1_500;
/** The same where it is permitted in the mode in which it is expected: it is slow, or has come in the other mode. */
const ASK_UNEXPECTED_AFTER_MS = 10_000;

export interface QuestionOptions extends Omit<WantedDevice, 'mode'> {
	/** The mode in which alone it is wanted. */
	mode?: 'normal' | 'dfu';
	/** The mode in which it will come most probably; default: `mode`. */
	expected?: 'normal' | 'dfu';
	clock: Clock;
}

type Outcome = PermissionAnswer | { failure: LinacError };

export class PermissionQuestion {
	readonly #host: UsbHost;
	readonly #clock: Clock;
	readonly #filters: USBDeviceFilter[];
	/** In the mode in which it will come most probably. */
	readonly #expected: USBDeviceFilter[];
	readonly #wanted: WantedDevice;
	readonly #withdrawn = new AbortController();
	#unseenSince: number | undefined;
	#openSince: number | undefined;
	#openMs = 0;
	#asked = false;
	#outcome: Outcome | undefined;
	#answer: Promise<void> = new Promise(() => {});

	constructor(host: UsbHost, platforms: readonly UsbPlatformIds[], options: QuestionOptions) {
		this.#host = host;
		this.#clock = options.clock;
		const mode = options.expected ?? options.mode;
		this.#filters = filtersFor(platforms, options);
		this.#expected = filtersFor(platforms, { ...options, mode });
		this.#wanted = {
			...(options.platform === undefined ? {} : { platform: options.platform }),
			...(options.deviceId === undefined ? {} : { deviceId: options.deviceId.toLowerCase() }),
			...(mode === undefined ? {} : { mode }),
		};
	}

	/** Resolves when there is an answer; not before somebody has been asked. */
	get answered(): Promise<void> {
		return this.#outcome ? new Promise(() => {}) : this.#answer;
	}

	/** Somebody is being asked. */
	get isOpen(): boolean {
		return this.#openSince !== undefined;
	}

	/** How long somebody has been asked until now, ms. */
	get openMs(): number {
		return this.#openMs + (this.#openSince === undefined ? 0 : this.#clock.now() - this.#openSince);
	}

	/**
	 * Told after every look at the bus; `there`: the device is on it, though not as it is wanted. Throws `USB_PERMISSION_NEEDED` once the permission has
	 * been declined.
	 */
	look(there: boolean): void {
		const outcome = this.#outcome;
		if (outcome && 'failure' in outcome) throw outcome.failure;
		if (outcome && !outcome.given) throw permissionNeeded(this.#wanted);
		const now = this.#clock.now();
		if (there) this.#unseenSince = undefined;
		else this.#unseenSince ??= now;
		if (this.#asked || this.#unseenSince === undefined) return;
		const { request, permitted } = this.#host;
		const unseenMs = now - this.#unseenSince;
		if (!request || unseenMs < ASK_AFTER_MS || permitted?.call(this.#host, this.#filters)) return;
		if (unseenMs < ASK_UNEXPECTED_AFTER_MS && permitted?.call(this.#host, this.#expected)) return;
		this.#asked = true;
		this.#openSince = now;
		this.#answer = request.call(this.#host, this.#filters, this.#wanted, this.#withdrawn.signal).then(
			(answer) => this.#close(answer),
			(error: unknown) => this.#close({ failure: asLinacError(error) }),
		);
	}

	/** Whether this is the device that the person has just chosen, and one that tells no id which could contradict. */
	allowed(device: DiscoveredDevice): boolean {
		const { handle } = this.#outcome && 'given' in this.#outcome ? this.#outcome : {};
		const { platform } = this.#wanted;
		if (handle === undefined || handle.device !== device.handle.device || device.deviceId !== undefined) return false;
		return platform === undefined || platform === device.platform.name;
	}

	/** The device was seen, or nobody waits for it any more. */
	withdraw(): void {
		this.#withdrawn.abort();
	}

	#close(outcome: Outcome): void {
		this.#openMs = this.openMs;
		this.#openSince = undefined;
		this.#outcome = outcome;
	}
}

/** Serial numbers stand in descriptors in small or in capital letters, by mode and version, and a filter is compared letter by letter. */
function filtersFor(platforms: readonly UsbPlatformIds[], options: QuestionOptions): USBDeviceFilter[] {
	const { deviceId, mode, platform } = options;
	const fitting = platforms.filter((p) => platform === undefined || p.name === platform);
	const ids = fitting.flatMap(({ vendorId, productId, dfuProductId }) => [
		...(mode === 'dfu' ? [] : [{ vendorId, productId }]),
		...(mode === 'normal' ? [] : [{ vendorId, productId: dfuProductId }]),
	]);
	if (deviceId === undefined) return ids;
	const serials = [deviceId.toLowerCase(), deviceId.toUpperCase()];
	return ids.flatMap((id) => serials.map((serialNumber) => ({ ...id, serialNumber })));
}

function permissionNeeded({ deviceId, mode }: WantedDevice): LinacError {
	const inMode = mode === undefined ? '' : mode === 'dfu' ? ' in DFU mode' : ' when it runs';
	return new LinacError(
		'USB_PERMISSION_NEEDED',
		`The browser has no permission to use the device${deviceId === undefined ? '' : ` ${deviceId}`}${inMode}.`,
		{
			retry: 'operator',
			hint: 'Continue the job and choose the device in the list that the browser shows. Nothing is lost: it goes on from what is on the device.',
			details: { ...(deviceId === undefined ? {} : { deviceId }), ...(mode === undefined ? {} : { mode }) },
		},
	);
}
