/**
 * What Linux writes into its log when a device is noticed electrically and then cannot be read. Texts: drivers/usb/core/hub.c of the
 * kernel (hub_port_init, hub_port_connect, port_over_current_notify). Pure.
 */
export interface UsbTrouble {
	/** As in sysfs: `1-2`, or `1-2.3`. */
	port: string;
	text: string;
}

const patterns: readonly RegExp[] = [
	/device descriptor read\/(64|8|all), error -?\d+/,
	/device not (accepting|responding to setup) address/,
	/unable to enumerate USB device/,
	/attempt power cycle/,
	/over-current (condition|change)/,
	/can't set config #\d+, error/,
	/Cannot enable\. Maybe the USB cable is bad\?/,
	/config index \d+ descriptor too short/,
	/string descriptor 0 read error/,
];

/** The lines that are about trouble, in their order, each with its port. */
export function usbTrouble(lines: readonly string[]): UsbTrouble[] {
	const found: UsbTrouble[] = [];
	for (const line of lines) {
		if (!patterns.some((p) => p.test(line))) continue;
		const direct = /\busb (\d+-[\d.]+): (.*)$/.exec(line);
		// `usb usb1-port2: ...` is port 2 of the root hub of bus 1; `usb 1-2-port3: ...` is port 3 of a hub.
		const port = /\b(?:usb )?(usb\d+|\d+-[\d.]+)-port(\d+): (.*)$/.exec(line);
		if (port) {
			const [, hub, number, text] = port;
			found.push({ port: hub!.startsWith('usb') ? `${hub!.slice(3)}-${number}` : `${hub}.${number}`, text: text! });
		} else if (direct) found.push({ port: direct[1]!, text: direct[2]! });
	}
	return found;
}
