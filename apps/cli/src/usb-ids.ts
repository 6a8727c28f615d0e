/** The table by which Particle devices are recognised on the bus. In a file of its own: commands without a device need not load USB. */
import { platforms } from '@linac/catalog';
import { usbIdsOf } from '@linac/programmer';
import type { UsbPlatformIds } from '@linac/usb';

let ids: UsbPlatformIds[] | undefined;

export function usbIds(): UsbPlatformIds[] {
	ids ??= platforms.map(usbIdsOf);
	return ids;
}
