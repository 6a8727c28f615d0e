/**
 * What a negative result of a control request means (device-os v4.0.1: services/inc/system_error.h; -1801: v6.2.0), and whether
 * trying again could help.
 */
import { LinacError, type RetryClass } from '@linac/core';

const names = new Map<number, [name: string, retry: RetryClass]>([
	[-100, ['unknown error', 'step']],
	[-110, ['busy', 'step']],
	[-120, ['not supported', 'never']],
	[-130, ['not allowed', 'never']],
	[-140, ['cancelled', 'step']],
	[-150, ['aborted', 'step']],
	[-160, ['timeout', 'step']],
	[-170, ['not found', 'never']],
	[-190, ['too large', 'never']],
	[-191, ['not enough data', 'never']],
	[-200, ['limit exceeded', 'never']],
	[-210, ['invalid state', 'step']],
	[-219, ['flash error', 'step']],
	[-220, ['input/output error', 'step']],
	[-260, ['out of memory', 'step']],
	[-270, ['invalid argument', 'never']],
	[-280, ['bad data', 'never']],
	[-290, ['out of range', 'never']],
	[-300, ['deprecated', 'never']],
	[-1300, ['module not found', 'never']],
	[-1310, ['unsupported module', 'never']],
	[-1320, ['module validation failed', 'never']],
	[-1330, ['module integrity check failed', 'step']],
	[-1331, ['resumed update failed', 'step']],
	[-1340, ['module dependency check failed', 'never']],
	[-1350, ['invalid module address', 'never']],
	[-1351, ['invalid module size', 'never']],
	[-1360, ['module is for another platform', 'never']],
	[-1370, ['invalid module format', 'never']],
	[-1380, ['firmware updates are disabled', 'never']],
	[-1390, ['firmware update error', 'step']],
	[-1801, ['the device is protected', 'never']],
]);

/** The error for a result below 0. "Not supported" has a code of its own: callers try something else then. */
export function controlResultError(request: number, result: number): LinacError {
	const [name, retry] = names.get(result) ?? [`error ${result}`, 'never' as const];
	const code = result === -120 ? 'CONTROL_NOT_SUPPORTED' : 'CONTROL_RESULT';
	return new LinacError(code, `The device refused control request ${request}: ${name} (${result}).`, {
		retry,
		details: { request, result, name },
	});
}
