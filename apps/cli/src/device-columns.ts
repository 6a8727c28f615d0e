/** The columns of every table of devices: the same whether USB or a serial port told. */
import type { Column } from './table.js';

export const deviceColumns: readonly Column[] = [
	{ title: 'Device' },
	{ title: 'Device id' },
	{ title: 'USB port' },
	{ title: 'Mode' },
	{ title: 'Device OS' },
	{ title: 'On it', wrap: true },
];
