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
	UNKNOWN_PLATFORM: ExitCode.usage,
	PLATFORM_UNKNOWN: ExitCode.usage,
	UNKNOWN_RELEASE: ExitCode.releaseUnavailable,
	APPLICATION_NOT_AVAILABLE: ExitCode.releaseUnavailable,
	APPLICATION_NOT_AT_SOURCE: ExitCode.releaseUnavailable,
	NOT_CONFIRMED: ExitCode.notConfirmed,
	DEVICE_NOT_FOUND: ExitCode.device,
	DEVICE_AMBIGUOUS: ExitCode.device,
	USBIP_UNREACHABLE: ExitCode.device,
	USBIP_PROTOCOL: ExitCode.device,
	CONTENT_DIFFERS: ExitCode.mismatch,
	EVIDENCE_MISSING: ExitCode.mismatch,
	NO_FILES: ExitCode.inputRefused,
	BACKUP_NOT_READABLE: ExitCode.jobFailed,
	BACKUP_OTHER_DEVICE: ExitCode.planRefused,
	BACKUP_OTHER_PLATFORM: ExitCode.planRefused,
	BACKUP_LACKS_PART: ExitCode.planRefused,
	MIRROR_BUSY: ExitCode.jobFailed,
	// The operator has to act, but only to plug the cable in again: for a script it is a job that failed.
	USB_DISCONNECTED: ExitCode.jobFailed,
};

/** Codes of one family that lead to the same exit code, by their first word. The first match counts. */
const families: [prefix: RegExp, code: ExitCode][] = [
	[/^(RELEASE|SOURCE|DOWNLOAD|CACHE|NPM|HTTP|RATE|ANSWER|TARBALL)_/, ExitCode.releaseUnavailable],
	[/^(VERIFY|READ_BACK)_/, ExitCode.mismatch],
	[/^(PLAN|RULE)_/, ExitCode.planRefused],
	[/^(MODULE|FILE|FOLDER|MIRROR|KEY|HEX|ZIP|BUNDLE|INPUT|FIRMWARE|IMAGE|ASSET|STATE|BACKUP)_/, ExitCode.inputRefused],
];

/**
 * Exit code for an error with this code. Errors with a name that no rule knows are operators' (by their retry class) or a job's: only what
 * is `INTERNAL`, or was never meant to be thrown, is our own fault.
 */
export function exitCodeFor(code: string, retry: RetryClass = 'never', fallback: ExitCode = ExitCode.jobFailed): ExitCode {
	const known = exact[code];
	if (known !== undefined) return known;
	for (const [prefix, exit] of families) if (prefix.test(code)) return exit;
	if (retry === 'operator') return ExitCode.operator;
	return fallback;
}
