import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ExitCode, exitCodeFor } from './exit-codes.js';

test('the page on exit codes lists exactly the codes that there are', () => {
	const page = readFileSync(new URL('../../../docs/exit-codes.md', import.meta.url), 'utf8');
	const listed = [...page.matchAll(/^\| (\d+) \|/gm)].map((m) => Number(m[1]));
	expect(listed).toEqual(Object.values(ExitCode));
});

test('every kind of failure leads to the exit code that scripts rely on', () => {
	const expected: [code: string, exit: number][] = [
		['INTERNAL', 1],
		['USAGE', 2],
		['FILE_NOT_FOUND', 3],
		['ZIP_CORRUPT', 3],
		['PLAN_STALE', 4],
		['DEVICE_AMBIGUOUS', 5],
		['USBIP_UNREACHABLE', 5],
		['USB_DISCONNECTED', 6],
		['DFU_STATUS', 6],
		['UPDATE_NOT_APPLIED', 6],
		['VERIFY_FAILED', 7],
		['READ_BACK_DIFFERS', 7],
		['CONTENT_DIFFERS', 7],
		['RELEASE_NOT_AVAILABLE', 8],
		['SOURCE_UNREACHABLE', 8],
		['CANCELLED', 130],
	];
	for (const [code, exit] of expected) expect([code, exitCodeFor(code)]).toEqual([code, exit]);
	for (const code of ['USB_PERMISSION', 'USB_BUSY', 'NEEDS_DFU_BUTTON', 'DEVICE_NOT_BACK'])
		expect([code, exitCodeFor(code, 'operator')]).toEqual([code, 9]);
});

test('an error with a name is never told as a defect of linac', () => {
	expect(exitCodeFor('SOMETHING_NEW')).not.toBe(ExitCode.internal);
});
