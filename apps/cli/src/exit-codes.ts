/**
 * What the exit code of a command means, and which code an error leads to. Documented in docs/exit-codes.md: scripts rely on
 * the numbers, so a number never changes its meaning. Not for texts: those are in failure.ts.
 */
import type { RetryClass } from '@linac/core';

export const ExitCode = {
	ok: 0,
	internal: 1,
	usage: 2,
	inputRefused: 3,
	planRefused: 4,
	device: 5,
	jobFailed: 6,
	mismatch: 7,
	releaseUnavailable: 8,
	operator: 9,
	notConfirmed: 10,
	cancelled: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const exact: Record<string, ExitCode> = {
	CANCELLED: ExitCode.cancelled,
	INTERNAL: ExitCode.internal,
	USAGE: ExitCode.usage,
	UNKNOWN_COMMAND: ExitCode.usage,
	UNKNOWN_PLATFORM: ExitCode.usage,
	UNKNOWN_RELEASE: ExitCode.releaseUnavailable,
	NOT_CONFIRMED: ExitCode.notConfirmed,
	DEVICE_NOT_FOUND: ExitCode.device,
	DEVICE_AMBIGUOUS: ExitCode.device,
	DEVICE_NOT_BACK: ExitCode.operator,
	USBIP_UNREACHABLE: ExitCode.device,
	USB_PERMISSION: ExitCode.operator,
	USB_BUSY: ExitCode.operator,
	USB_UNAVAILABLE: ExitCode.operator,
	VERIFY_MISMATCH: ExitCode.mismatch,
	RELEASE_NOT_FOUND: ExitCode.releaseUnavailable,
	RELEASE_NOT_AVAILABLE: ExitCode.releaseUnavailable,
	SOURCE_UNREACHABLE: ExitCode.releaseUnavailable,
	OFFLINE: ExitCode.releaseUnavailable,
	FILE_NOT_FOUND: ExitCode.inputRefused,
	FILE_UNREADABLE: ExitCode.inputRefused,
};

/** Codes of one family that lead to the same exit code, by their first word. The first match counts. */
const families: [prefix: RegExp, code: ExitCode][] = [
	[/^(RELEASE|SOURCE|DOWNLOAD|CACHE|NPM)_/, ExitCode.releaseUnavailable],
	[/^(USB|DFU|CONTROL|STEP|JOB)_/, ExitCode.jobFailed],
	[/^(VERIFY|READ_BACK)_/, ExitCode.mismatch],
	[/^(PLAN|RULE)_/, ExitCode.planRefused],
	[/^(MODULE|FILE|HEX|ZIP|BUNDLE|INPUT|FIRMWARE|IMAGE)_/, ExitCode.inputRefused],
];

/** Exit code for an error with this code. `fallback` is for codes that no rule knows. */
export function exitCodeFor(code: string, retry: RetryClass = 'never', fallback: ExitCode = ExitCode.internal): ExitCode {
	const known = exact[code];
	if (known !== undefined) return known;
	for (const [prefix, exit] of families) if (prefix.test(code)) return exit;
	if (retry === 'operator') return ExitCode.operator;
	return fallback;
}
