/**
 * Asks Windows which parts of Particle devices it knows and which driver each has: one PowerShell question to its device tree. Written
 * from Microsoft's documentation of Win32_PnPEntity (DeviceID, Name, Service, ConfigManagerErrorCode); linac has not been run on Windows.
 */
import { execFile } from 'node:child_process';
import type { UsbIds } from '@linac/usb';
import type { WindowsObservations, WindowsUsbNode } from './observations.js';

/** Until PowerShell has started and answered, ms: on a cold computer it takes some seconds. */
const ASK_MS = 30_000;

/** Runs a program and returns what it wrote to its standard output. */
export type RunProgram = (file: string, args: readonly string[], timeoutMs: number) => Promise<string>;

export const runProgram: RunProgram = (file, args, timeout) =>
	new Promise((resolve, reject) => {
		execFile(file, [...args], { timeout, windowsHide: true, maxBuffer: 16 * 1024 * 1024 }, (error, stdout) =>
			error ? reject(error) : resolve(stdout),
		);
	});

export async function observeWindows(ids: readonly UsbIds[], run: RunProgram = runProgram): Promise<WindowsObservations> {
	// In WQL a backslash is written twice, and `_` alone stands for any character.
	const filter = ids
		.map((i) => `DeviceID LIKE 'USB\\\\VID[_]${i.vendorId.toString(16).padStart(4, '0').toUpperCase()}%'`)
		.join(' OR ');
	const question =
		`[Console]::OutputEncoding=[Text.Encoding]::UTF8; @(Get-CimInstance Win32_PnPEntity -Filter "${filter}" | ` +
		'Select-Object DeviceID,Name,Service,ConfigManagerErrorCode) | ConvertTo-Json -Compress';
	try {
		const answer = await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', question], ASK_MS);
		return { system: 'windows', nodes: windowsNodes(answer) };
	} catch (error) {
		return { system: 'windows', nodesError: error instanceof Error ? error.message : String(error) };
	}
}

/** What `ConvertTo-Json` makes of the answer: nothing for none, an object for one, an array for several. Throws on anything else. */
export function windowsNodes(answer: string): WindowsUsbNode[] {
	if (answer.trim() === '') return [];
	const parsed: unknown = JSON.parse(answer.replace(/^\uFEFF/, ''));
	return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((one: unknown) => {
		const { DeviceID, Name, Service, ConfigManagerErrorCode } = one as Record<string, unknown>;
		if (typeof DeviceID !== 'string') return [];
		return [
			{
				instanceId: DeviceID,
				name: typeof Name === 'string' && Name !== '' ? Name : 'The Particle device',
				...(typeof Service === 'string' && Service !== '' ? { service: Service } : {}),
				problemCode: typeof ConfigManagerErrorCode === 'number' ? ConfigManagerErrorCode : 0,
			},
		];
	});
}
