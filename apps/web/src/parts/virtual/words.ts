/** Words for the states of virtual boards. */
import type { VirtualShown } from '../../engine/virtual-bench.js';

const modes: Record<VirtualShown['mode'], string> = {
	off: 'off',
	normal: 'runs',
	listening: 'listening mode',
	safe: 'safe mode',
	dfu: 'DFU mode',
	dead: 'does not start',
};

export function modeWords({ mode, cable, led }: Pick<VirtualShown, 'mode' | 'cable' | 'led'>): string {
	if (!cable) return 'cable out';
	if (mode === 'off') return 'starting';
	return led.pattern === 'sos' ? 'crashes again and again' : modes[mode];
}

const faults: Record<string, (n: number) => string> = {
	unplug: (n) => `The cable comes out at USB transfer ${n} from now.`,
	stall: (n) => `USB transfer ${n} from now is refused (STALL).`,
	'dfu-error': (n) => `DFU reports an error at USB transfer ${n} from now.`,
	'power-loss': (n) => `The power fails in flash write ${n} from now.`,
	'unplug-at-restart': (n) =>
		n === 1 ? 'The cable comes out at the next restart.' : `The cable comes out at restart ${n} from now.`,
	'unplug-after-step': (n) =>
		n === 1 ? 'The cable comes out after the next step of a job.' : `The cable comes out after ${n} more steps of a job.`,
};

export function faultWords({ fault, in: n }: { fault: string; in: number }): string {
	return faults[fault]?.(n) ?? fault;
}

export const activityWords: Record<VirtualShown['activity'], string> = {
	writes: 'Its flash is being written.',
	talks: 'A host is talking to it.',
	still: 'Nobody talks to it.',
};
