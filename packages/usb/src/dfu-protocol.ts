/**
 * Numbers and names of DFU 1.1 (USB-IF, section 6.1.2 and appendix A) and of the DfuSe commands (ST AN3156), with Particle's own.
 * The conversation itself is in `dfu.ts`; docs/formats/dfu.md tells what Particle's bootloaders do with it.
 */
import { LinacError } from '@linac/core';

export const DfuRequest = { detach: 0, download: 1, upload: 2, getStatus: 3, clearStatus: 4, getState: 5, abort: 6 } as const;

export const DfuState = {
	appIdle: 0,
	appDetach: 1,
	idle: 2,
	downloadSync: 3,
	downloadBusy: 4,
	downloadIdle: 5,
	manifestSync: 6,
	manifest: 7,
	manifestWaitReset: 8,
	uploadIdle: 9,
	error: 10,
} as const;

const stateNames = [
	'appIDLE',
	'appDETACH',
	'dfuIDLE',
	'dfuDNLOAD-SYNC',
	'dfuDNBUSY',
	'dfuDNLOAD-IDLE',
	'dfuMANIFEST-SYNC',
	'dfuMANIFEST',
	'dfuMANIFEST-WAIT-RESET',
	'dfuUPLOAD-IDLE',
	'dfuERROR',
];

const statusNames = [
	'OK',
	'errTARGET',
	'errFILE',
	'errWRITE',
	'errERASE',
	'errCHECK_ERASED',
	'errPROG',
	'errVERIFY',
	'errADDRESS',
	'errNOTDONE',
	'errFIRMWARE',
	'errVENDOR',
	'errUSBR',
	'errPOR',
	'errUNKNOWN',
	'errSTALLEDPKT',
];

/** First byte of a download with block number 0. 0xFA and 0xFB are Particle's: bootloaders of Device OS >= 6.1.1. */
export const DfuseCommand = { setAddress: 0x21, erase: 0x41, enterSafeMode: 0xfa } as const;

export interface DfuStatus {
	status: number;
	state: number;
	/** Milliseconds until the next GETSTATUS may be sent. */
	pollMs: number;
	/** Index of a string that says more, or 0. */
	string: number;
}

export const stateName = (state: number): string => stateNames[state] ?? `state ${state}`;
export const statusName = (status: number): string => statusNames[status] ?? `status ${status}`;

/** Reads the 6 bytes of DFU_GETSTATUS (DFU 1.1 section 6.1.2). Throws `PROTOCOL_ERROR` when it is something else. */
export function parseDfuStatus(bytes: Uint8Array): DfuStatus {
	if (bytes.length !== 6) {
		throw new LinacError('PROTOCOL_ERROR', `The device answered GETSTATUS with ${bytes.length} bytes; 6 were expected.`, {
			retry: 'reconnect',
			details: { bytes: bytes.length },
		});
	}
	return { status: bytes[0]!, pollMs: bytes[1]! | (bytes[2]! << 8) | (bytes[3]! << 16), state: bytes[4]!, string: bytes[5]! };
}

/** The error that a device reported by DFU itself. `said` is its own text, where it has one. */
export function dfuStatusError(during: string, status: DfuStatus, said?: string): LinacError {
	const text = `The bootloader reported ${statusName(status.status)} in ${stateName(status.state)} ${during}`;
	const isProtected = said !== undefined && /protected/i.test(said);
	return new LinacError('DFU_STATUS', `${text}${said ? `: "${said}"` : ''}.`, {
		retry: isProtected ? 'never' : 'step',
		details: {
			status: status.status,
			statusName: statusName(status.status),
			state: status.state,
			stateName: stateName(status.state),
			...(said === undefined ? {} : { text: said }),
		},
		hint: isProtected ? 'The device is protected: put it into service mode first.' : undefined,
	});
}
