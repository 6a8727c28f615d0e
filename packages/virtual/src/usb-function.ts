/**
 * A device's side of USB: standard requests answered from its descriptors, class and vendor requests passed to the DFU function or to Device OS.
 * One lives from one attachment to the next.
 */
import { u32le } from '@linac/core';
import type { ControlChannel } from './control-channel.js';
import { MICROSOFT_VENDOR_CODE, microsoftDescriptor, type UsbFace } from './descriptors.js';
import type { DfuClass } from './dfu-function.js';
import { type Answer, nothing, type SetupPacket } from './setup-packet.js';

const Standard = {
	getStatus: 0,
	clearFeature: 1,
	setFeature: 3,
	setAddress: 5,
	getDescriptor: 6,
	getConfiguration: 8,
	setConfiguration: 9,
	getInterface: 10,
	setInterface: 11,
} as const;

/** CDC-ACM (USB CDC PSTN 1.2, 6.3). */
const Cdc = { setLineCoding: 0x20, getLineCoding: 0x21, setControlLineState: 0x22 } as const;

export interface UsbFunction {
	readonly face: UsbFace;
	readonly dfu?: DfuClass;
	readonly channel?: ControlChannel;
	/** The host has set the USB serial port to this speed. */
	onLineRate?(bitsPerSecond: number): void;
	/** The host has closed the USB serial port (DTR is off). */
	onClosed?(): void;
}

export class UsbRequests {
	readonly #f: UsbFunction;
	#configuration = 1;
	#lineCoding = Uint8Array.of(0x80, 0x25, 0, 0, 0, 0, 8);

	constructor(f: UsbFunction) {
		this.#f = f;
	}

	handle(setup: SetupPacket, data: Uint8Array): Answer {
		if (setup.type === 'standard') return this.#standard(setup);
		if (setup.type === 'vendor' && setup.request === MICROSOFT_VENDOR_CODE && setup.in) {
			return microsoftDescriptor(this.#f.face, setup.index, setup.value) ?? 'stall';
		}
		if (this.#f.dfu) return setup.type === 'class' ? this.#f.dfu.handle(setup, data) : 'stall';
		if (setup.type === 'vendor') return this.#f.channel?.handle(setup, data) ?? 'stall';
		if (setup.type === 'class' && setup.recipient === 'interface') return this.#serial(setup, data);
		return 'stall';
	}

	#standard(setup: SetupPacket): Answer {
		switch (setup.request) {
			case Standard.getDescriptor:
				return this.#descriptor(setup);
			case Standard.getStatus:
				return Uint8Array.of(0, 0);
			case Standard.getConfiguration:
				return Uint8Array.of(this.#configuration);
			case Standard.setConfiguration:
				if (setup.value > 1) return 'stall';
				this.#configuration = setup.value;
				this.#f.dfu?.configure();
				this.#f.channel?.reset();
				return nothing;
			case Standard.getInterface:
				return this.#f.dfu?.getInterface() ?? Uint8Array.of(0);
			case Standard.setInterface:
				return this.#f.dfu?.setInterface(setup.value) ?? (setup.value === 0 ? nothing : 'stall');
			case Standard.clearFeature:
			case Standard.setFeature:
			case Standard.setAddress:
				return nothing;
			default:
				return 'stall';
		}
	}

	#descriptor(setup: SetupPacket): Answer {
		const { face } = this.#f;
		const type = setup.value >>> 8;
		if (type === 1) return face.device;
		if (type === 2) return face.configuration;
		if (type === 3) return face.strings.get(setup.value & 0xff) ?? 'stall';
		if (type === 0x21 && this.#f.dfu) return face.configuration.subarray(-9);
		return 'stall';
	}

	#serial(setup: SetupPacket, data: Uint8Array): Answer {
		switch (setup.request) {
			case Cdc.setLineCoding:
				if (data.length < 7) return 'stall';
				this.#lineCoding = data.slice(0, 7) as Uint8Array<ArrayBuffer>;
				this.#f.onLineRate?.(u32le(data, 0));
				return nothing;
			case Cdc.getLineCoding:
				return this.#lineCoding;
			case Cdc.setControlLineState:
				if ((setup.value & 1) === 0) this.#f.onClosed?.();
				return nothing;
			default:
				return 'stall';
		}
	}
}
