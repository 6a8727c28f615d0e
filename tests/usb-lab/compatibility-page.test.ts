import { expect, test } from 'vitest';
import type { Row } from './compatibility.js';
import { compatibilityPage } from './compatibility-page.js';

const row = (more: Partial<Row>): Row => ({
	platform: 'boron',
	device: '4.0.1',
	tool: 'dfu-util',
	toolVersion: '0.11',
	operation: 'list',
	result: 'passed',
	...more,
});

test('a cell says what was done, what the tool refused in its own words, and what failed; what was not tried is empty', () => {
	const page = compatibilityPage([
		row({ detail: '3 alternates' }),
		row({ operation: 'mass erase', result: 'not possible', detail: 'Mass erase | `refused`' }),
		row({ platform: 'photon', device: '2.3.1', operation: 'mass erase', result: 'failed', detail: 'expected 1 to be 0' }),
	]);
	expect(page).toContain('| device | list | mass erase |');
	expect(page).toContain('| Boron, 4.0.1 | ✓ 3 alternates | [1] |');
	expect(page).toContain("1. `Mass erase \\| 'refused'`");
	expect(page).toContain('| Photon, 2.3.1 |  | **failed** expected 1 to be 0 |');
	expect(page).toContain('1 of 3 done, 1 not possible, 1 failed.');
});

test('the order in which test files ran does not show in the page', () => {
	const rows = [
		row({}),
		row({ operation: 'leave' }),
		row({ platform: 'photon', device: '2.3.1' }),
		row({ tool: 'particle-usb', toolVersion: '4.1.0', operation: 'modules' }),
		row({
			platform: 'argon',
			tool: 'particle-usb',
			toolVersion: '4.1.0',
			operation: 'list',
			result: 'not possible',
			detail: 'no',
		}),
	];
	expect(compatibilityPage([...rows].reverse())).toBe(compatibilityPage(rows));
});

test('a page of a lab that has not run completely says so', () => {
	expect(compatibilityPage([row({})])).not.toContain('Not complete');
	expect(compatibilityPage([row({})], ['linac.lab.ts', 'doctor.lab.ts'])).toContain(
		'run to their end: doctor.lab.ts, linac.lab.ts.',
	);
});
