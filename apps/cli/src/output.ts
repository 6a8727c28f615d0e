/**
 * Where a command's words go. Results go to stdout; progress, questions and complaints to stderr. With `--json`, stdout carries
 * exactly one JSON document and nothing else. Colour only on a terminal, and never with NO_COLOR. Not for layout: see table.ts.
 */
import { assert } from '@linac/core';
import pc from 'picocolors';
import { type Column, renderTable, wrapText } from './table.js';

export interface TextStream {
	write(text: string): unknown;
	isTTY?: boolean;
	columns?: number;
}

export interface OutputOptions {
	stdout: TextStream;
	stderr: TextStream;
	json: boolean;
	env: Record<string, string | undefined>;
}

/** Width where none is known: a pipe, a file. Wide enough that tables do not wrap without need. */
const defaultWidth = 120;

export class Output {
	readonly json: boolean;
	/** Colours for stdout and for stderr: one may be a terminal while the other is not. */
	readonly colors: ReturnType<typeof pc.createColors>;
	readonly errorColors: ReturnType<typeof pc.createColors>;
	/** stderr is a terminal: bars may be drawn and redrawn there. */
	readonly live: boolean;
	readonly #stdout: TextStream;
	readonly #stderr: TextStream;
	#documents = 0;
	#clearLive: (() => void) | undefined;

	constructor(options: OutputOptions) {
		this.#stdout = options.stdout;
		this.#stderr = options.stderr;
		this.json = options.json;
		// https://no-color.org: present and not empty, whatever the value. A terminal that calls itself `dumb` cannot do it.
		const allowed = !options.env.NO_COLOR && options.env.TERM !== 'dumb';
		this.colors = pc.createColors(allowed && options.stdout.isTTY === true);
		this.errorColors = pc.createColors(allowed && options.stderr.isTTY === true);
		this.live = options.stderr.isTTY === true && options.env.TERM !== 'dumb';
	}

	get width(): number {
		return Math.max(40, this.#stdout.columns ?? defaultWidth);
	}

	get errorWidth(): number {
		return Math.max(40, this.#stderr.columns ?? defaultWidth);
	}

	/** A line of the result, for people. Says nothing with `--json`. */
	print(text = ''): void {
		if (this.json) return;
		this.#clearLive?.();
		this.#stdout.write(`${text}\n`);
	}

	/** A paragraph of the result, broken to the width of the terminal; continuation lines begin with `indent`. */
	paragraph(text: string, indent = ''): void {
		for (const line of wrapText(text, this.width - indent.length)) this.print(indent + line);
	}

	table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ''): void {
		for (const line of renderTable(columns, rows, { width: this.width, indent, title: (t) => this.colors.bold(t) }))
			this.print(line);
	}

	/** A line about what is happening, on stderr. */
	note(text: string): void {
		this.#clearLive?.();
		this.#stderr.write(`${text}\n`);
	}

	/** Text as it is, on stderr: bars and questions. */
	raw(text: string): void {
		this.#stderr.write(text);
	}

	/** Text of the result as it comes, without anything added. Says nothing with `--json`. */
	write(text: string): void {
		if (this.json) return;
		this.#clearLive?.();
		this.#stdout.write(text);
	}

	/** With `--json`, of a command that runs until it is ended: one JSON object a line, as each thing happens. */
	line(value: unknown): void {
		if (this.json) this.#stdout.write(`${JSON.stringify(value)}\n`);
	}

	/** The one JSON document of this command. */
	document(value: unknown): void {
		if (!this.json) return;
		assert(this.#documents++ === 0, 'a command printed two JSON documents');
		this.#stdout.write(`${JSON.stringify(value, null, 2)}\n`);
	}

	get documentWritten(): boolean {
		return this.#documents > 0;
	}

	/** Something that redraws a line must be able to take it away before another line is printed. */
	onBeforeLine(clear: (() => void) | undefined): void {
		this.#clearLive = clear;
	}
}
