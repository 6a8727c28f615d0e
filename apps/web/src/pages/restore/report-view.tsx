/** How a job ended: modules before and after with the proof, what has been put right and what has not, and the files to keep. */
import type { EvidenceRow, RestoreReport } from '@linac/programmer';
import type { ComponentChildren } from 'preact';
import { callEngine } from '../../link/page-link.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { countText, sizeText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { ShortHash } from '../../parts/short-hash.js';
import { Findings } from './device-state-view.js';
import { Trouble } from './trouble.js';
import { duration, onThePage, proofs } from './words.js';

const heads = {
	verified: ['✓ Verified', 'good', 'The board is now what the plan says.'],
	already: ['✓ Nothing to do', 'good', 'Nothing was written: the board was what the plan says already.'],
	failed: ['✗ Failed', 'bad', 'The board is not what the plan says.'],
	cancelled: ['! Cancelled', 'caution', 'The board may be half done.'],
	refused: ['✗ No plan', 'bad', 'There is no safe way there. Nothing was written.'],
	planned: ['Planned', 'caution', 'Nothing was written.'],
} as const;

export interface EndedProps {
	report: RestoreReport;
	name: string;
	/** What went wrong stands elsewhere. */
	brief?: boolean;
	/** Further buttons. */
	children?: ComponentChildren;
}

export function EndedView({ report, name, brief = false, children }: EndedProps) {
	const [word, kind, sentence] = heads[report.outcome];
	const job = report.report;
	const still = new Set(report.remaining.map((f) => f.code));
	const right = report.outcome === 'verified' ? report.findings.filter((f) => !still.has(f.code)) : [];
	return (
		<div data-testid="outcome" data-outcome={report.outcome}>
			<p class="restore-outcome">
				<span class={`tag ${kind}`}>{word}</span> {sentence}
			</p>
			<Problems problems={report.problems.map((p) => ({ ...p, message: onThePage(p.message) }))} />
			{!brief && report.outcome === 'failed' && job?.error && <Trouble error={job.error} title="What went wrong" />}
			{job && job.after !== undefined && <Evidence rows={job.evidence} />}
			{right.length > 0 && (
				<>
					<h3>What was wrong, and has been put right</h3>
					<ul>
						{right.map((f) => (
							<li key={f.code}>{onThePage(f.message)}</li>
						))}
					</ul>
				</>
			)}
			{report.remaining.length > 0 && report.outcome !== 'refused' && (
				<>
					<h3>What is still so</h3>
					<Findings findings={report.remaining} />
				</>
			)}
			{report.failed.map((f) => (
				<p key={`${f.target} ${f.way}`} class="quiet">
					Tried in vain ({f.way}, Device OS {f.target}): {onThePage(f.message)} <code>{f.code}</code>
				</p>
			))}
			{job && (
				<p class="quiet">
					{countText(job.steps.filter((s) => s.result === 'done').length, 'step')} done; {sizeText(job.bytesWritten)} written,{' '}
					{sizeText(job.bytesRead)} read, in {duration(job.steps.reduce((sum, s) => sum + s.ms, 0))}.
				</p>
			)}
			<Files report={report} name={name}>
				{children}
			</Files>
		</div>
	);
}

function Evidence({ rows }: { rows: readonly EvidenceRow[] }) {
	const version = (v: { version: number; valid?: boolean } | undefined) =>
		v === undefined ? '-' : v.valid === false ? `${v.version} (damaged)` : String(v.version);
	const stored = (v: { valid?: boolean } | undefined) => (v === undefined ? '-' : v.valid ? 'stored' : 'another');
	return (
		<ScrollArea label="Modules before and after">
			<table class="restore-evidence" data-testid="evidence">
				<thead>
					<tr>
						<th scope="col">Module</th>
						<th scope="col">Before</th>
						<th scope="col">Now</th>
						<th scope="col">Expected</th>
						<th scope="col">Result</th>
						<th scope="col">How it was proved</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((row) => (
						<tr key={`${row.slot} ${row.asset ?? ''}`}>
							<th scope="row">{row.asset === undefined ? row.slot : `asset ${row.asset}`}</th>
							<td data-label="Before">{row.asset === undefined ? version(row.before) : stored(row.before)}</td>
							<td data-label="Now">{row.asset === undefined ? version(row.after) : stored(row.after)}</td>
							<td data-label="Expected">{row.asset === undefined ? version(row.expected) : 'stored'}</td>
							<td data-label="Result">{row.ok ? <span class="tag good">✓ ok</span> : <span class="tag bad">✗ wrong</span>}</td>
							<td data-label="How it was proved">
								{proofs[row.proof]} {row.sha256 && <ShortHash value={row.sha256} />} {row.note && `(${row.note})`}
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</ScrollArea>
	);
}

function Files({ report, name, children }: EndedProps) {
	const job = report.report;
	if (!job) return <div class="row end">{children}</div>;
	const stem = name.replace(/[^\w.-]+/g, '-').toLowerCase();
	const saveBackup = async (file: string) => {
		try {
			download(file, await callEngine('backups.read', { file }), 'application/json');
		} catch (error) {
			announce((error as Error).message);
		}
	};
	const { backup } = job;
	return (
		<>
			<div class="row end">
				<button
					type="button"
					onClick={() => download(`linac-report-${stem}.json`, `${JSON.stringify(job, null, '\t')}\n`, 'application/json')}
				>
					Save the report
				</button>
				{backup && (
					<button type="button" onClick={() => void saveBackup(backup.file)}>
						Save the backup
					</button>
				)}
				{backup?.earlier !== undefined && (
					<button type="button" onClick={() => void saveBackup(backup.earlier!)}>
						Save the backup from before the interruption
					</button>
				)}
				{children}
			</div>
			{backup?.missing?.map((m) => (
				<p key={m.code} class="quiet">
					The backup lacks something: {m.message}
				</p>
			))}
		</>
	);
}
