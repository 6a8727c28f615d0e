/**
 * Writes one procedure as a POSIX shell script and as a Windows command script: each step is announced, the first error ends it, and says
 * what to do. What the steps are is decided by whoever writes for a programmer; here are only the two languages.
 */
import { assert } from '@linac/core';
import type { ExportedFile, Script } from './types.js';

/** A file that is checked before anything is done. */
export interface CheckedFile {
	path: string;
	sha256: string;
}

/** `program.sh` and `program.cmd`. */
export function scripts(script: Script, checked: readonly CheckedFile[]): ExportedFile[] {
	return [
		{ path: 'program.sh', bytes: ascii(shell(script, checked)), executable: true },
		{ path: 'program.cmd', bytes: ascii(command(script, checked).replaceAll('\n', '\r\n')) },
	];
}

/** Text that every terminal and editor of a production line shows alike. */
export function ascii(text: string): Uint8Array {
	assert(
		/^[\t\r\n\x20-\x7e]*$/.test(text),
		`text of an export has a character beyond ASCII: ${text.match(/[^\t\r\n\x20-\x7e]/)?.[0]}`,
	);
	return new TextEncoder().encode(text);
}

/** A word in single quotes for sh. */
export function quoteSh(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Text behind `echo` in cmd, where some characters mean something. */
function echoText(text: string): string {
	return text.replaceAll('%', '%%').replace(/[&<>|^()]/g, '^$&');
}

const count = (script: Script) => script.steps.length + 1;
const damaged = 'Copy the whole folder again from where it was made. Nothing was written to the device.';

function shell(script: Script, checked: readonly CheckedFile[]): string {
	const total = count(script);
	const lines = [
		'#!/bin/sh',
		`# ${script.title}`,
		'# Run it from anywhere: sh program.sh. What it needs and does is in README.txt.',
		'set -eu',
	];
	lines.push('cd "$(dirname "$0")"', '');
	for (const v of script.variables) lines.push(`# ${v.meaning}`, `${v.name}="\${${v.name}:-${v.value}}"`);
	lines.push(
		'',
		'STEP=0',
		'step() {',
		'\tSTEP=$1',
		`\techo`,
		`\techo "[$1/${total}] $2"`,
		'}',
		'fail() {',
		'\t{',
		'\t\techo',
		`\t\techo "STOPPED at step $STEP of ${total}: $1"`,
		'\t\techo "What to do: $2"',
		'\t} >&2',
		'\texit 1',
		'}',
		'check_file() {',
		'\tif command -v sha256sum >/dev/null 2>&1; then',
		'\t\tSUM=$(sha256sum "$1" | cut -c 1-64)',
		'\telif command -v shasum >/dev/null 2>&1; then',
		'\t\tSUM=$(shasum -a 256 "$1" | cut -c 1-64)',
		'\telse',
		'\t\treturn 0',
		'\tfi',
		'\t[ "$SUM" = "$2" ]',
		'}',
		...script.sh,
		'',
		`step 1 ${quoteSh('Check the files of this folder')}`,
	);
	for (const file of checked) {
		lines.push(
			`check_file ${quoteSh(file.path)} ${file.sha256} || fail ${quoteSh(`${file.path} is missing or damaged.`)} ${quoteSh(damaged)}`,
		);
	}
	lines.push(
		`command -v "$${script.program}" >/dev/null 2>&1 || fail "There is no program $${script.program}." ${quoteSh(script.install)}`,
	);
	for (const [i, step] of script.steps.entries()) {
		const { ends, begins, pass } = passEdges(script, i);
		if (ends) lines.push('fi');
		if (begins) lines.push('', `if [ "$PASS" -le ${pass} ]; then`);
		lines.push(
			'',
			`step ${i + 2} ${quoteSh(step.title)}`,
			`${step.sh} || fail ${quoteSh(`"${step.title}" did not succeed.`)} ${quoteSh(step.failed)}`,
		);
	}
	if (script.steps.at(-1)?.pass !== undefined) lines.push('fi');
	lines.push('', 'echo', ...script.done.map((text) => `echo ${quoteSh(text)}`), '');
	return lines.join('\n');
}

function command(script: Script, checked: readonly CheckedFile[]): string {
	const total = count(script);
	const lines = [
		'@echo off',
		`rem ${script.title}`,
		'rem What it needs and does is in README.txt.',
		'setlocal',
		'cd /d "%~dp0"',
		'',
	];
	for (const v of script.variables) {
		const value = v.cmdValue ?? v.value;
		lines.push(`rem ${v.meaning}`);
		lines.push(value === '' ? `if not defined ${v.name} set "${v.name}="` : `if not defined ${v.name} set "${v.name}=${value}"`);
	}
	lines.push(...announce(1, total, 'Check the files of this folder', damaged));
	for (const file of checked) {
		lines.push(`call :check_file "${file.path.replaceAll('/', '\\')}" ${file.sha256}`, 'if errorlevel 1 goto failed');
	}
	lines.push(`set "TODO=${setText(script.install)}"`, `where "%${script.program}%" >nul 2>nul`, 'if errorlevel 1 goto failed');
	for (const [i, step] of script.steps.entries()) {
		const { ends, begins, pass } = passEdges(script, i);
		if (ends) lines.push(`:behind${ends}`);
		if (begins) lines.push(`if %PASS% gtr ${pass} goto behind${pass}`);
		lines.push(...announce(i + 2, total, step.title, step.failed), ...step.cmd, 'if errorlevel 1 goto failed');
	}
	const last = script.steps.at(-1)?.pass;
	if (last !== undefined) lines.push(`:behind${last}`);
	lines.push(
		'',
		'echo.',
		...script.done.map((text) => `echo ${echoText(text)}`),
		'exit /b 0',
		'',
		':failed',
		'echo.',
		`echo STOPPED at step %STEP% of ${total}: "%TITLE%" did not succeed.`,
		'echo What to do: "%TODO%"',
		'exit /b 1',
		'',
		':check_file',
		'if not exist "%~1" exit /b 1',
		'certutil -hashfile "%~1" SHA256 | findstr /i /c:"%~2" >nul',
		'if errorlevel 1 exit /b 1',
		'exit /b 0',
		...script.cmd.flatMap((line) => (line.startsWith(':') ? ['', line] : [line])),
		'',
	);
	return lines.join('\n');
}

/** Where a part begins and the one before it ends. */
function passEdges(script: Script, at: number): { ends?: number; begins: boolean; pass?: number } {
	const pass = script.steps[at]?.pass;
	const before = script.steps[at - 1]?.pass;
	const begins = pass !== undefined && pass !== before;
	return {
		begins,
		...(pass === undefined ? {} : { pass }),
		...(begins && before !== undefined ? { ends: before } : {}),
	};
}

function announce(number: number, total: number, title: string, todo: string): string[] {
	return [
		'',
		`set "STEP=${number}"`,
		`set "TITLE=${setText(title)}"`,
		`set "TODO=${setText(todo)}"`,
		'echo.',
		`echo [${number}/${total}] ${echoText(title)}`,
	];
}

/** Text inside of `set "NAME=..."`: no quotation marks, so that it may be shown between them. */
function setText(text: string): string {
	return text.replaceAll('"', "'").replaceAll('%', '%%');
}
