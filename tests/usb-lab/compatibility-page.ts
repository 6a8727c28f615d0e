/** The page docs/compatibility.md as Markdown: a table for each tool, platforms down, operations across. */
import { platformByName, platforms } from '@linac/catalog';
import type { Row } from './compatibility.js';

const head = `# Compatibility

Written by the USB lab (\`npm run test:lab\`, [usb-lab.md](usb-lab.md)) from what it has just seen; nothing here is filled in by hand. Each row is a virtual
device on a real Linux kernel in QEMU, each column an operation that an unmodified tool carried out there. What a cell claims was compared with the
device itself: its flash, its modules and its mode. *stand-in* marks devices whose modules are invented, because real ones cannot be had.

| | |
|---|---|
| ✓ | done, and what the device then held or did was right; behind it, what was moved or reached |
| [n] | the tool itself says that it cannot do this; its words stand below the table |
| **failed** | it should have worked |
| empty | not tried: the device or the tool has nothing of the kind |
`;

/** `rows` in any order give the same page. `missing`: test files of the lab that have not run to their end; the page names them. */
export function compatibilityPage(rows: readonly Row[], missing: readonly string[] = []): string {
	const parts = [head];
	if (missing.length > 0)
		parts.push(`**Not complete:** these parts of the lab have not run to their end: ${[...missing].sort().join(', ')}.\n`);
	const tools = [...new Set(rows.map((r) => `${r.tool}\0${r.toolVersion}`))].sort();
	for (const key of tools) {
		const [tool, version] = key.split('\0') as [string, string];
		parts.push(
			section(
				`${tool} ${version}`,
				rows.filter((r) => r.tool === tool && r.toolVersion === version),
			),
		);
	}
	return parts.join('\n');
}

function section(title: string, rows: readonly Row[]): string {
	const order = new Map(platforms.map((p, i) => [p.name, i]));
	// By name, so that the order in which test files ran does not show.
	const operations = [...new Set(rows.map((r) => r.operation))].sort();
	const devices = [...new Set(rows.map((r) => `${r.platform}\0${r.device}`))].sort((a, b) => {
		const [nameA, nameB] = [a, b].map((x) => x.split('\0')[0]!) as [string, string];
		return (order.get(nameA) ?? 0) - (order.get(nameB) ?? 0) || a.localeCompare(b);
	});
	const notes: string[] = [];
	const lines = [`| device | ${operations.join(' | ')} |`, `|---|${'---|'.repeat(operations.length)}`];
	for (const key of devices) {
		const [platform, device] = key.split('\0') as [string, string];
		const cells = operations.map((operation) =>
			cell(
				rows.find((r) => r.platform === platform && r.device === device && r.operation === operation),
				notes,
			),
		);
		lines.push(
			`| ${[platformByName(platform)?.displayName ?? platform, device].filter(Boolean).join(', ')} | ${cells.join(' | ')} |`,
		);
	}
	const count = (result: Row['result']) => rows.filter((r) => r.result === result).length;
	const others = (['not possible', 'failed'] as const)
		.filter((result) => count(result) > 0)
		.map((result) => `, ${count(result)} ${result}`);
	const foot = `${count('passed')} of ${rows.length} done${others.join('')}.`;
	return [
		`## ${title}`,
		'',
		...lines,
		'',
		foot,
		...(notes.length ? ['', ...notes.map((n, i) => `${i + 1}. ${n}`)] : []),
		'',
	].join('\n');
}

function cell(row: Row | undefined, notes: string[]): string {
	if (!row) return '';
	if (row.result === 'passed') return row.detail ? `✓ ${plain(row.detail)}` : '✓';
	if (row.result === 'failed') return `**failed** ${plain(row.detail ?? '').slice(0, 120)}`;
	const text = `\`${plain(row.detail ?? '')}\``;
	if (!notes.includes(text)) notes.push(text);
	return `[${notes.indexOf(text) + 1}]`;
}

function plain(text: string): string {
	return text
		.replaceAll(/\/tmp\/linac-usb-lab-\w+\//g, '')
		.replaceAll('|', '\\|')
		.replaceAll('`', "'")
		.replaceAll(/\s+/g, ' ')
		.trim();
}
