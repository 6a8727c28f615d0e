/**
 * `linac doctor`: the computer first, then each device. What is wrong is decided elsewhere (`checkHost` in @linac/host, `diagnose` in
 * @linac/planner); here it is gathered, printed, and given the command that helps. Writes nothing to a device.
 */
import { platforms } from '@linac/catalog';
import { systemClock } from '@linac/core';
import {
	backupsFolder,
	cacheFolder,
	checkHost,
	type HostFinding,
	hostWatcher,
	installUdevRule,
	judgeWatch,
	observeHost,
	type SeenUsbDevice,
	watcherOf,
	watchUsb,
} from '@linac/host';
import { listDevices, UDEV_RULE_PATH, type UsbIds, udevRule, usbIdsByVendor } from '@linac/usb';
import { chooseDevice } from '../choose-device.js';
import { confirm } from '../confirm.js';
import { type Connection, connect } from '../connect.js';
import type { Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { usage } from '../failure.js';
import { parseHostPort } from '../host-port.js';
import { usbIds } from '../usb-ids.js';
import { type DeviceHealth, deviceExit, examine } from './doctor/device-health.js';
import { type Line, showLines } from './doctor/show-findings.js';

export interface DoctorOptions extends DeviceOptions {
	deep?: boolean;
	watch?: boolean;
	wait?: string;
	installUdevRule?: boolean;
	printUdevRule?: boolean;
	yes?: boolean;
}

/** As package.json of the application has it ("engines"). */
const oldestNode = '20.19.0';

export async function doctor(context: Context, options: DoctorOptions): Promise<ExitCode> {
	const ids = usbIdsByVendor(platforms);
	if (options.printUdevRule) return printRule(context, ids);
	if (options.installUdevRule) return installRule(context, ids, options);
	if (options.watch) return watch(context, ids, options);
	return examineAll(context, ids, options);
}

async function examineAll(context: Context, ids: readonly UsbIds[], options: DoctorOptions): Promise<ExitCode> {
	const { output } = context;
	const text = options.usbip ?? context.env.LINAC_USBIP ?? '';
	const usbIp = text === '' ? undefined : parseHostPort(text, options.usbip === undefined ? 'LINAC_USBIP' : '--usbip');
	const seen = await observeHost({
		ids,
		oldestNode,
		folders: [
			{ what: 'downloads', path: cacheFolder(context.env) },
			{ what: 'backups', path: backupsFolder(context.env) },
		],
		...(usbIp === undefined ? {} : { usbIp }),
	});
	const host = checkHost(seen, ids);
	output.print(output.colors.bold('This computer'));
	showLines(output, host.map(lineOf));
	// Where the way to the devices does not work, asking for them says the same once more, worse.
	const blocked = host.some((f) => f.severity === 'error' && withoutDevices.has(f.code));
	const devices = blocked ? [] : await examineDevices(context, options);
	const exitCode = exitOf(host, devices, blocked);
	output.document({
		format: 'linac-doctor/1',
		outcome: exitCode === ExitCode.ok ? 'healthy' : 'problems',
		exitCode,
		system: seen.usb?.system ?? 'usbip',
		host,
		devices: devices.map(({ title: _title, lines: _lines, ...health }) => health),
	});
	conclude(context, host, devices, blocked, exitCode);
	return exitCode;
}

/** Findings with which no device can be reached at all. */
const withoutDevices: ReadonlySet<string> = new Set([
	'USB_KERNEL_MISSING',
	'USB_NODES_MISSING',
	'USB_LIBRARY_MISSING',
	'USB_LIBRARY_FAILED',
	'USBIP_UNREACHABLE',
	'NODE_TOO_OLD',
]);

async function examineDevices(context: Context, options: DoctorOptions): Promise<DeviceHealth[]> {
	const { output } = context;
	const connection = await connect(context, options);
	try {
		let found = await listDevices(connection.host, usbIds(), context.signal);
		if (options.device !== undefined) found = [chooseDevice(found, connection.choose(options.device))];
		const all: DeviceHealth[] = [];
		for (const device of found) {
			const health = await examine(context, connection, device, { deep: options.deep ?? false });
			output.print();
			output.print(output.colors.bold(health.title));
			showLines(output, health.lines);
			all.push(health);
		}
		return all;
	} finally {
		await connection.close();
	}
}

function lineOf(f: HostFinding): Line {
	return { severity: f.severity, text: f.message, ...(f.hint === undefined ? {} : { hint: f.hint }) };
}

const isWrong = (severity: string) => severity === 'error' || severity === 'warning';

function exitOf(host: readonly HostFinding[], devices: readonly DeviceHealth[], blocked: boolean): ExitCode {
	if (host.some((f) => f.code === 'USBIP_UNREACHABLE')) return ExitCode.device;
	if (host.some((f) => isWrong(f.severity))) return ExitCode.operator;
	if (!blocked && devices.length === 0) return ExitCode.device;
	return devices.map(deviceExit).find((code) => code !== ExitCode.ok) ?? ExitCode.ok;
}

function conclude(
	context: Context,
	host: readonly HostFinding[],
	devices: readonly DeviceHealth[],
	blocked: boolean,
	exitCode: ExitCode,
): void {
	const { output } = context;
	const c = output.colors;
	output.print();
	if (!blocked && devices.length === 0) {
		output.paragraph('No Particle device is connected, as far as the computer can see.');
		output.paragraph(
			'If one is: see that it has power, and that the cable carries data. "linac doctor --watch" says what the computer sees while you ' +
				'plug it in. A device whose firmware does not run can be brought into DFU mode by hand: hold MODE (SETUP on older devices), tap ' +
				'RESET, and let go when the LED blinks yellow.',
		);
		return;
	}
	const wrong = host.filter((f) => isWrong(f.severity)).length + devices.reduce((n, d) => n + d.wrong, 0);
	output.print(
		exitCode === ExitCode.ok
			? c.green(c.bold('Nothing is wrong.'))
			: c.red(c.bold(wrong === 1 ? 'One thing is wrong.' : `${wrong} things are wrong.`)),
	);
	const shallow = devices.some((d) => d.snapshot !== undefined && d.snapshot.depth !== 'read');
	if (exitCode === ExitCode.ok && shallow)
		output.paragraph('A running device tells what it checks itself. "linac doctor --deep" reads everything back.');
}

function printRule(context: Context, ids: readonly UsbIds[]): ExitCode {
	const text = udevRule(ids);
	context.output.document({ path: UDEV_RULE_PATH, rule: text });
	context.output.print(text.trimEnd());
	return ExitCode.ok;
}

async function installRule(context: Context, ids: readonly UsbIds[], options: DoctorOptions): Promise<ExitCode> {
	const { output } = context;
	if (process.platform !== 'linux')
		throw usage('udev rules are a matter of Linux: no other system has them.', '"linac doctor" says what this one needs.');
	const text = udevRule(ids);
	output.note(`${UDEV_RULE_PATH}:\n${text.trimEnd()}\n`);
	await confirm(context, `Write this file?`, options.yes);
	const done = await installUdevRule({ path: UDEV_RULE_PATH, text });
	output.document({ command: 'doctor --install-udev-rule', ...done });
	output.print(done.written ? `${done.path} is written.` : `${done.path} was there already, the same.`);
	if (done.reloadProblem !== undefined) {
		output.paragraph(`udev could not be told to read it (${done.reloadProblem}). It does at its next start.`);
		return ExitCode.operator;
	}
	output.print('udev has read it. A device that is connected still has its old rights if it is in use: plug it in again then.');
	return ExitCode.ok;
}

async function watch(context: Context, ids: readonly UsbIds[], options: DoctorOptions): Promise<ExitCode> {
	const { output, signal } = context;
	const seconds = Number(options.wait ?? 60);
	if (!(seconds > 0 && seconds <= 3600)) throw usage(`--wait takes a number of seconds from 1 to 3600, not "${options.wait}".`);
	const text = options.usbip ?? context.env.LINAC_USBIP ?? '';
	const connection: Connection | undefined = text === '' ? undefined : await connect(context, options);
	const watcher = connection === undefined ? hostWatcher() : watcherOf(connection.host);
	const here = await watcher.devices();
	const ours = here.filter((d) => ids.some((i) => i.vendorId === d.vendorId && i.productIds.includes(d.productId)));
	if (ours.length > 0)
		output.note(`Here already: ${ours.map(shortName).join(', ')}. Unplug it first if it is the one that you mean.`);
	output.note(`Plug the device in now. I watch for up to ${seconds} s (Ctrl-C ends it).`);
	try {
		const seen = await watchUsb(watcher, {
			ids,
			clock: systemClock,
			signal,
			timeoutMs: seconds * 1000,
			before: here,
			onChange: (what, device) => output.note(`  ${what}: ${shortName(device)}`),
		});
		const finding = judgeWatch(seen, ids);
		const exitCode = finding.severity === 'ok' ? ExitCode.ok : ExitCode.device;
		output.document({ format: 'linac-watch/1', exitCode, finding, ...seen });
		showLines(output, [lineOf(finding)]);
		if (exitCode === ExitCode.ok) output.print('\n"linac doctor" looks at what is on it.');
		return exitCode;
	} finally {
		watcher.close?.();
		await connection?.close();
	}
}

function shortName(d: SeenUsbDevice): string {
	const hex = (n: number) => n.toString(16).padStart(4, '0');
	return `${d.product ?? (d.hub ? 'a hub' : 'a device')} (${hex(d.vendorId)}:${hex(d.productId)})${d.port === undefined ? '' : ` at ${d.port}`}`;
}
