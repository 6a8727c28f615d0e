/** `linac serial identify`, `inspect` and `mac`: what a device in listening mode says about itself over its serial port. */
import { platformById } from '@linac/catalog';
import { overSerial, type SerialDevice } from '@linac/programmer';
import { hasItsNeeds, isSound } from '@linac/serial';
import { type Connection, connect } from '../../connect.js';
import type { Context } from '../../context.js';
import { deviceColumns } from '../../device-columns.js';
import { ExitCode } from '../../exit-codes.js';
import { platformNamed, slotName } from '../../facts.js';
import { CommandFailure } from '../../failure.js';
import type { Output } from '../../output.js';
import { chooseSerial, type SerialOptions } from '../../serial-port.js';

export async function identify(context: Context, options: SerialOptions & { secret?: boolean }): Promise<ExitCode> {
	return ask(context, options, async (connection, chosen) => {
		const { told, version } = await overSerial(way(context, connection), chosen.port, async (listening) => ({
			version: await listening.version(),
			told: await listening.identity(),
		}));
		const { deviceSecret, ...plain } = told;
		const facts = {
			port: chosen.port.path,
			platform: chosen.device?.platform.name ?? null,
			deviceId: plain.deviceId,
			osVersion: version,
			serialNumber: plain.serialNumber ?? null,
			imei: plain.imei ?? null,
			iccid: plain.iccid ?? null,
			radioVersion: plain.radioVersion ?? null,
			...(options.secret ? { deviceSecret: deviceSecret ?? null } : {}),
		};
		context.output.document(facts);
		facts.platform = chosen.device ? connection.displayName(chosen.device) : null;
		printFacts(context.output, facts);
	});
}

const labels: Record<string, string> = {
	port: 'Serial port',
	platform: 'Device',
	deviceId: 'Device id',
	osVersion: 'Device OS',
	serialNumber: 'Serial number',
	imei: 'Modem (IMEI)',
	iccid: 'SIM (ICCID)',
	radioVersion: 'Modem firmware',
	deviceSecret: 'Device secret',
	mac: 'MAC address',
};

function printFacts(output: Output, facts: Record<string, string | null>): void {
	const known = Object.entries(facts).flatMap(([key, value]) => (value === null ? [] : [[labels[key] ?? key, value] as const]));
	const width = Math.max(...known.map(([label]) => label.length));
	for (const [label, value] of known) output.print(`${label.padEnd(width)}  ${value}`);
}

export async function mac(context: Context, options: SerialOptions): Promise<ExitCode> {
	return ask(context, options, async (connection, chosen) => {
		const device = chosen.device;
		if (device && !platformNamed(device.platform.name).components.wifi) {
			throw noMac(`A ${connection.displayName(device)} has no Wi-Fi, and so no MAC address.`);
		}
		const address = await overSerial(way(context, connection), chosen.port, (listening) => listening.mac());
		if (address === undefined) throw noMac('The device has no MAC address to tell.');
		const facts = { port: chosen.port.path, deviceId: chosen.port.deviceId ?? null, mac: address };
		context.output.document(facts);
		context.output.print(address);
	});
}

function noMac(message: string): CommandFailure {
	return new CommandFailure(ExitCode.device, 'NO_MAC_ADDRESS', message, {
		hint: 'Argon, Photon, P1, P2 and other devices with Wi-Fi have one.',
	});
}

export async function inspect(context: Context, options: SerialOptions): Promise<ExitCode> {
	const { output } = context;
	return ask(context, options, async (connection, chosen) => {
		const { version, info } = await overSerial(way(context, connection), chosen.port, async (listening) => ({
			version: await listening.version(),
			info: await listening.modules(),
		}));
		const platform = platformById(info.platformId);
		const name = (m: { function: number; index: number }) => (platform ? slotName(platform, m) : `${m.function}/${m.index}`);
		output.document({
			port: chosen.port.path,
			platform: platform?.name ?? null,
			platformId: info.platformId,
			deviceId: chosen.port.deviceId ?? null,
			location: chosen.port.location ?? null,
			mode: 'listening',
			osVersion: version,
			modules: info.modules.map((m) => ({ ...m, name: name(m), valid: isSound(m), dependenciesMet: hasItsNeeds(m) })),
		});
		output.table(deviceColumns, [
			[
				platform?.displayName ?? `platform ${info.platformId}`,
				chosen.port.deviceId ?? 'not told',
				chosen.port.location ?? chosen.port.path,
				'listening',
				version,
				info.modules
					.filter((m) => m.store === 'main')
					.map((m) => `${name(m)} ${m.version}${isSound(m) ? (hasItsNeeds(m) ? '' : ' (lacks something)') : ' (damaged)'}`)
					.join(', '),
			],
		]);
	});
}

function way(context: Context, { serial, environment }: Connection) {
	return { serial, clock: environment.clock, signal: context.signal };
}

async function ask(
	context: Context,
	options: SerialOptions,
	run: (connection: Connection, chosen: SerialDevice) => Promise<void>,
): Promise<ExitCode> {
	const connection = await connect(context, options);
	try {
		await run(connection, await chooseSerial(connection, options));
		return ExitCode.ok;
	} finally {
		await connection.close();
	}
}
