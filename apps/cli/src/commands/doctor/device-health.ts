/**
 * One device: can it be reached, what is on it, what is wrong with it, and which command helps. With `deep` it is restarted into DFU mode
 * and read back, and then returned to the mode that it was in. Nothing is written to it.
 */
import { type Platform, releaseByVersion } from '@linac/catalog';
import { asLinacError, LinacError, type RetryClass } from '@linac/core';
import { type DeviceSnapshot, diagnose, type Finding } from '@linac/planner';
import { takeSnapshot } from '@linac/programmer';
import { ControlDevice, type DiscoveredDevice, waitForDevice } from '@linac/usb';
import type { Connection } from '../../connect.js';
import type { Context } from '../../context.js';
import { ExitCode, exitCodeFor } from '../../exit-codes.js';
import { defaultRelease, platformNamed, slotName } from '../../facts.js';
import { deviceName } from '../../show-plan.js';
import { usbIds } from '../../usb-ids.js';
import type { Line } from './show-findings.js';

export interface DeviceHealth {
	title: string;
	platform: string;
	deviceId: string | null;
	location: string | null;
	/** Mode that it is in now. */
	mode: string;
	reachable: boolean;
	snapshot?: DeviceSnapshot;
	findings: Finding[];
	/** Commands that help, in the order in which to try them. */
	commands: string[];
	/** Number of findings that are not for information only. */
	wrong: number;
	error?: { code: string; message: string; hint?: string; retry: string };
	/** For people. */
	lines: Line[];
}

/** A device that was brought back from DFU mode, or told to restart: milliseconds of its clock. */
const backMs = 15_000;

const modeWords: Record<string, string> = {
	normal: 'running',
	listening: 'in listening mode',
	safe: 'in safe mode',
	dfu: 'in DFU mode',
};

export async function examine(
	context: Context,
	connection: Connection,
	device: DiscoveredDevice,
	options: { deep: boolean },
): Promise<DeviceHealth> {
	const platform = platformNamed(device.platform.name);
	const health: DeviceHealth = {
		title: deviceName({ platform: platform.name, deviceId: device.deviceId, location: device.location }, platform.displayName),
		platform: platform.name,
		deviceId: device.deviceId ?? null,
		location: device.location ?? null,
		mode: device.mode,
		reachable: false,
		findings: [],
		commands: [],
		wrong: 0,
		lines: [],
	};
	const add = (severity: Line['severity'], text: string, hint?: string) =>
		health.lines.push({ severity, text, ...(hint === undefined ? {} : { hint }) });
	try {
		if (options.deep && device.mode === 'normal')
			context.output.note('Restarting the device into DFU mode, to read its flash ...');
		const snapshot = options.deep ? await readDeep(connection, device, add) : await takeSnapshot(device, connection.environment);
		health.snapshot = snapshot;
		health.reachable = true;
		health.deviceId ??= snapshot.deviceId ?? null;
		health.mode = snapshot.mode;
		add(
			'ok',
			`It answers. It is ${modeWords[snapshot.mode]}${snapshot.osVersion === undefined ? '' : `, with Device OS ${snapshot.osVersion}`}.`,
		);
		if (snapshot.modules) add('ok', contents(platform, snapshot));
		judge(platform, snapshot, health, add);
	} catch (error) {
		const e = asLinacError(error);
		if (e.code === 'CANCELLED') throw e;
		health.error = { code: e.code, message: e.message, retry: e.retry, ...(e.hint === undefined ? {} : { hint: e.hint }) };
		health.wrong++;
		add('error', `It could not be asked: ${e.message}`, e.hint);
	}
	return health;
}

/** The exit code that one device leads to: 7 when something on it is wrong, and that of its error when it could not be asked. */
export function deviceExit({ error, findings }: DeviceHealth): ExitCode {
	if (error) return exitCodeFor(error.code, error.retry as RetryClass, ExitCode.device);
	return findings.some((f) => f.severity !== 'info') ? ExitCode.mismatch : ExitCode.ok;
}

function contents(platform: Platform, { modules = [], depth }: DeviceSnapshot): string {
	const list = modules.map((m) => `${slotName(platform, m)} ${m.version}${m.valid ? '' : ' (damaged)'}`).join(', ');
	return `${depth === 'read' ? 'Read back' : 'It reports'}: ${list === '' ? 'no module' : list}.`;
}

/** Which command puts a finding right, without the device. Findings that are not here have it in their hint. */
const commandOf: Readonly<Record<string, string>> = {
	SETUP_NOT_DONE: 'linac usb setup-done',
	IN_DFU_MODE: 'linac usb reset',
	APPLICATION_MISSING: 'linac flash FILE',
	APPLICATION_DAMAGED: 'linac restore --app FILE',
	APPLICATION_HIDDEN: 'linac restore --app FILE',
	APPLICATION_TOO_NEW: 'linac update',
	DEVICE_STATE_UNKNOWN: 'linac doctor --deep',
};

function judge(
	platform: Platform,
	snapshot: DeviceSnapshot,
	health: DeviceHealth,
	add: (severity: Line['severity'], text: string, hint?: string) => void,
): void {
	health.findings = diagnose(snapshot, platform);
	const which = health.deviceId === null ? '' : ` --device ${health.deviceId}`;
	for (const finding of health.findings) {
		add(finding.severity, finding.message, finding.hint);
		if (finding.severity === 'info') continue;
		health.wrong++;
		const command = commandOf[finding.code] ?? (finding.hint?.includes('linac restore') ? 'linac restore' : undefined);
		if (command !== undefined && !health.commands.includes(command + which)) health.commands.push(command + which);
	}
	if (health.commands.length > 0) add('info', `What helps: ${health.commands.map((c) => `"${c}"`).join(', or ')}.`);
	const newer = newerLongTermSupport(platform, snapshot);
	if (newer !== undefined && health.wrong === 0)
		add('info', `Device OS ${newer} is the latest with long-term support.`, `"linac update${which}" installs it.`);
}

/** The release that `linac update` would install, where it is newer than what the device has. */
function newerLongTermSupport(platform: Platform, { osVersion }: DeviceSnapshot): string | undefined {
	const has = osVersion === undefined ? undefined : releaseByVersion(osVersion)?.moduleVersion;
	if (has === undefined) return undefined;
	try {
		const latest = defaultRelease(platform);
		return latest.moduleVersion > has ? latest.version : undefined;
	} catch {
		// A platform without releases (Core).
		return undefined;
	}
}

/**
 * Reads everything back, and returns a running device to its mode. One that goes into DFU mode and does not start again by itself is looked
 * at where it then is, and that is said.
 */
async function readDeep(
	connection: Connection,
	device: DiscoveredDevice,
	add: (severity: Line['severity'], text: string, hint?: string) => void,
): Promise<DeviceSnapshot> {
	const { environment } = connection;
	try {
		const snapshot = await takeSnapshot(device, environment, { depth: 'read' });
		await returnToMode(connection, device, snapshot);
		return snapshot;
	} catch (error) {
		const e = asLinacError(error);
		if (e.code !== 'WRONG_MODE' && e.code !== 'DEVICE_NOT_BACK') throw e;
		const now = await again(connection, device);
		if (now.mode !== 'dfu') throw e;
		add(
			'error',
			'It was restarted to be read and has stayed in DFU mode: its bootloader finds nothing that it would start, or waits for somebody.',
			'What is wrong with it stands below.',
		);
		return takeSnapshot(now, environment);
	}
}

/** Listening and safe mode are no states that a restart leads to by itself, if somebody had asked for them. */
async function returnToMode(connection: Connection, device: DiscoveredDevice, before: DeviceSnapshot): Promise<void> {
	if (before.mode !== 'listening' && before.mode !== 'safe') return;
	const { clock, signal } = connection.environment;
	const now = await again(connection, device);
	const control = await ControlDevice.open(now, { clock, signal });
	try {
		if ((await control.mode()) === before.mode) return;
		if (before.mode === 'listening') await control.startListening();
		else await control.enterSafeMode();
	} finally {
		await control.close().catch(() => {});
	}
	if (before.mode === 'safe') await again(connection, device);
}

function again({ host, environment }: Connection, device: DiscoveredDevice): Promise<DiscoveredDevice> {
	if (device.deviceId === undefined && device.location === undefined)
		throw new LinacError(
			'DEVICE_NOT_FOUND',
			'The device tells neither an id nor where it is connected, so it cannot be found again.',
		);
	return waitForDevice(host, usbIds(), {
		deviceId: device.deviceId,
		location: device.location,
		timeoutMs: environment.limits?.modeChangeMs ?? backMs,
		clock: environment.clock,
		signal: environment.signal,
	});
}
