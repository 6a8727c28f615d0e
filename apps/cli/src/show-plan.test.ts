import type { FileVerdict, Plan } from '@linac/planner';
import type { Report } from '@linac/programmer';
import { expect, test } from 'vitest';
import { Output } from './output.js';
import { showFiles, showPlan } from './show-plan.js';
import { showReport } from './show-report.js';

function shown(show: (output: Output) => void): string {
	let text = '';
	const stream = {
		write: (more: string) => {
			text += more;
		},
	};
	show(new Output({ stdout: stream, stderr: stream, json: false, env: {} }));
	return text;
}

const file = (verdict: FileVerdict['verdict'], code: string): FileVerdict => ({
	name: 'a.bin',
	verdict,
	code,
	reason: 'Why.',
	steps: [],
});
const plan: Plan = {
	format: 'linac-plan/1',
	platform: 'photon',
	from: { osVersion: '2.3.1', modules: [] },
	to: { modules: [{ slot: 'system-part1', function: 4, index: 1, version: 1512 }] },
	steps: [],
	files: [],
	notes: [],
	empty: true,
	estimateMs: 0,
	id: '',
};

test('a file that is compared first is not said to be written, before it is known to differ', () => {
	expect(shown((o) => showFiles(o, [file('write', 'PROVED')]))).toContain('will be compared');
	expect(shown((o) => showFiles(o, [file('already-there', 'COMPARED')]))).toContain('will be compared');
	expect(shown((o) => showFiles(o, [file('write', 'WRITTEN')]))).toContain('will be written');
	expect(shown((o) => showFiles(o, [file('already-there', 'COMPARED')], true))).toContain('already there');
});

test('files that change Device OS are shown with the release that they make of it', () => {
	expect(shown((o) => showPlan(o, plan, { explain: false }))).toContain('Device OS now: 2.3.1; afterwards: 1.5.2');
	const application = { ...plan, to: { modules: [{ slot: 'user-part', function: 5, index: 1, version: 6 }] } };
	expect(shown((o) => showPlan(o, application, { explain: false }))).not.toContain('afterwards');
});

test('after Ctrl-C nobody tried to read the device, after a failure somebody did', () => {
	const report: Report = {
		format: 'linac-report/1',
		outcome: 'cancelled',
		planId: '',
		platform: 'photon',
		before: { platform: 'photon', mode: 'normal', depth: 'reported', via: 'usb' },
		evidence: [],
		files: [],
		steps: [],
		ms: 0,
		bytesWritten: 0,
		bytesRead: 0,
	};
	expect(shown((o) => showReport(o, report))).toContain('What is on it now was not read.');
	expect(shown((o) => showReport(o, { ...report, outcome: 'failed' }))).toContain('What is on it now could not be read.');
});
