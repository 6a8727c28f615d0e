/**
 * Shows a running job: on a terminal one line that is redrawn, with a bar, the rate and the time left; elsewhere plain lines, one
 * when a step begins and one when it ends. Goes to stderr. Knows nothing of devices: it only reads events.
 */
import type { JobEvent } from '@linac/programmer';
import { formatBytes, formatDuration, shortenHashes } from './format.js';
import type { Output } from './output.js';
import { visibleWidth } from './table.js';

const working: Record<string, string> = { erase: 'erasing', write: 'writing', 'read-back': 'reading back', send: 'sending' };

/** A bar of `width` columns. `fraction` is 0 ... 1. */
export function bar(fraction: number, width: number): string {
	const full = Math.max(0, Math.min(width, Math.round(fraction * width)));
	return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** How far the whole job is, of which the bytes are a part. */
export interface JobPosition {
	/** 0 ... 1. */
	fraction: number;
	leftMs: number;
}

/** One line about bytes on their way: bar, percent, amount, rate, time left; and the whole job's, where there is room. */
export function progressLine(
	what: string,
	done: number,
	total: number,
	elapsedMs: number,
	width: number,
	job?: JobPosition,
): string {
	const fraction = total > 0 ? done / total : 1;
	const percent = `${String(Math.floor(fraction * 100)).padStart(3)} %`;
	const parts = [`${formatBytes(done)} of ${formatBytes(total)}`];
	// A rate from a few milliseconds would be noise.
	if (elapsedMs >= 200 && done > 0) {
		const rate = (done / elapsedMs) * 1000;
		parts.push(`${formatBytes(rate)}/s`);
		if (done < total) parts.push(`${formatDuration(((total - done) / rate) * 1000)} left`);
	}
	const text = ` ${percent}  ${what}, ${parts.join(', ')}`;
	const room = width - visibleWidth(text) - 6;
	if (room < 8) return `    ${text.trimStart()}`.slice(0, width);
	const whole = job === undefined ? '' : `; all: ${Math.floor(job.fraction * 100)} %, ${formatDuration(job.leftMs)} left`;
	const fits = room - visibleWidth(whole) >= 10 ? whole : '';
	return `    ${bar(fraction, Math.min(fits === '' ? 30 : 20, room - visibleWidth(fits)))}${text}${fits}`;
}

/** Redraws at most this often, in milliseconds of real time. */
const redrawMs = 80;

export class JobProgress {
	readonly #output: Output;
	readonly #now: () => number;
	#drawn = false;
	#lastDraw = Number.NEGATIVE_INFINITY;
	#phase: { key: string; since: number; base: number } | undefined;
	#skipped: string | undefined;

	/** `now` is real time in milliseconds. */
	constructor(output: Output, now: () => number = () => performance.now()) {
		this.#output = output;
		this.#now = now;
		output.onBeforeLine(() => this.#clear());
	}

	event(event: JobEvent): void {
		// With --json on a terminal the bar may still be drawn on stderr; in a pipe nothing is said there.
		if (this.#output.json && !this.#output.live) return;
		const c = this.#output.errorColors;
		switch (event.type) {
			case 'step-started':
				this.#phase = undefined;
				this.#output.note(`${c.dim(`[${event.index}/${event.count}]`)} ${event.title}`);
				break;
			case 'progress':
				this.#progress(event);
				break;
			case 'step-skipped':
				this.#skipped = event.step;
				this.#output.note(`      ${c.dim(`skipped: ${shortenHashes(event.reason)}`)}`);
				break;
			case 'step-finished':
				if (event.step === this.#skipped) break;
				this.#output.note(`      ${c.green('done')} in ${formatDuration(event.ms)}${evidenceText(event.evidence)}`);
				break;
			case 'retry':
				this.#output.note(`      ${c.yellow('again')} (try ${event.attempt} of ${event.of}): ${event.message} [${event.code}]`);
				break;
			case 'waiting':
				this.#output.note(`      waiting for ${event.for}${event.hint === undefined ? '' : `. ${event.hint}`}`);
				break;
			case 'note':
				this.#output.note(`      ${event.message}`);
				break;
			case 'backup-started':
				this.#output.note(`      ${c.dim('keeping what is on the device, before anything is written')}`);
				break;
			case 'backup-finished':
				this.#backup(event);
				break;
			case 'job-started':
			case 'job-finished':
				break;
		}
	}

	#backup(event: JobEvent & { type: 'backup-finished' }): void {
		for (const note of event.notes) this.#output.note(`      ${note}`);
		if (event.file !== undefined) this.#output.note(`      backup in ${formatDuration(event.ms)}: ${event.file}`);
		if (event.earlier !== undefined) {
			this.#output.note(`      The application on it is not whole. The backup from before, where it is: ${event.earlier}`);
		}
	}

	/** Takes the bar away. Call it before anything else is printed at the end. */
	finish(): void {
		this.#clear();
		this.#output.onBeforeLine(undefined);
	}

	#progress(event: JobEvent & { type: 'progress' }): void {
		if (!this.#output.live) return;
		const key = `${event.step} ${event.what}`;
		if (this.#phase?.key !== key) this.#phase = { key, since: event.time, base: event.done };
		const now = this.#now();
		if (now - this.#lastDraw < redrawMs && event.done < event.total) return;
		this.#lastDraw = now;
		const elapsed = event.time - this.#phase.since;
		const what = working[event.what] ?? event.what;
		const line = progressLine(what, event.done, event.total, elapsed, this.#output.errorWidth - 1, event);
		this.#output.raw(`\r\u001b[2K${line}`);
		this.#drawn = true;
	}

	#clear(): void {
		if (!this.#drawn) return;
		this.#output.raw('\r\u001b[2K');
		this.#drawn = false;
	}
}

function evidenceText(evidence: unknown): string {
	if (typeof evidence !== 'object' || evidence === null) return '';
	const { sha256, proof } = evidence as { sha256?: unknown; proof?: unknown };
	const how = proof === 'device-hash' ? 'told by the device' : 'read back';
	return typeof sha256 === 'string' ? `, ${how}: SHA-256 ${sha256.slice(0, 12)}... is right` : '';
}
