/** How page and engine name a device to each other. Without imports: both ends use it. */

export interface DeviceRef {
	virtual: boolean;
	/** Device id, or a name of this page for a device that tells none (old firmware of generation 2). */
	name: string;
}

/** Under which page and engine keep what belongs to a device. */
export const keyOf = ({ virtual, name }: DeviceRef): string => `${virtual ? 'virtual' : 'usb'}:${name}`;

const NAMELESS = 'without-id-';

/** A name for one attachment of a device that tells no id: nothing connects it with what it is after a restart. */
export const namelessName = (number: number): string => `${NAMELESS}${number}`;

export const isNameless = ({ name }: Pick<DeviceRef, 'name'>): boolean => name.startsWith(NAMELESS);
