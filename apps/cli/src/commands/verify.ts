/**
 * `linac verify`: is what should be on the device on it? Reads the modules back and compares them by SHA-256 with those of a release
 * or of files. Writes nothing; the device restarts into DFU mode and back, because only there its flash can be read.
 */
import { toHex } from '@linac/core';
import { contentSha256, ModuleFunction, type ParsedModule } from '@linac/firmware';
import type { DeviceSnapshot, InstalledModule } from '@linac/planner';
import { type EvidenceRow, takeSnapshot } from '@linac/programmer';
import { connect } from '../connect.js';
import type { Context, GoalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed, releaseNamed } from '../facts.js';
import { CommandFailure, tellFailure, usage } from '../failure.js';
import { deviceFor, filesFor } from '../job.js';
import { deviceName } from '../show-plan.js';
import { showEvidence } from '../show-report.js';
import { openSources } from '../sources.js';

interface Wanted {
	slot: string;
	module: ParsedModule;
	origin: string;
}

export async function verify(context: Context, options: GoalOptions, names: string[]): Promise<ExitCode> {
	const { output, signal } = context;
	const files = await filesFor(context, names, options);
	const connection = await connect(context, options);
	try {
		const found = await deviceFor(context, connection, options.device);
		const platform = platformNamed(found.platform.name);
		const { environment } = connection;
		const wanted: Wanted[] = files.flatMap((f) =>
			f.module ? [{ slot: f.module.slot, module: f.module.module, origin: f.name }] : [],
		);
		const foreign = wanted.find((w) => w.module.prefix.platformId !== platform.id && w.module.prefix.function !== 9);
		if (foreign) {
			throw new CommandFailure(
				ExitCode.inputRefused,
				'FILE_OTHER_PLATFORM',
				`${foreign.origin} is for platform ${foreign.module.prefix.platformId}; this device is a ${platform.displayName} (platform ${platform.id}).`,
			);
		}
		let target = options.target;
		if (target === undefined && files.length === 0) {
			target = (await takeSnapshot(found, environment)).osVersion;
			if (target === undefined)
				throw usage('It is not known which Device OS the device has.', 'Name a version with --target, or files.');
			output.note(`Comparing with Device OS ${target}, which the device says it has.`);
		}
		let version: string | undefined;
		if (target !== undefined) {
			version = releaseNamed(target, platform).version;
			const release = await (await openSources(context, options)).open({ platform: platform.name, version }, signal);
			for (const m of release.modules) {
				const given = wanted.some(
					(w) => w.module.prefix.function === m.module.prefix.function && w.module.prefix.index === m.module.prefix.index,
				);
				if (!given) wanted.push({ slot: m.slot, module: m.module, origin: m.origin });
			}
		}
		if (found.mode === 'normal') output.note('Restarting the device into DFU mode, to read its flash ...');
		// A device may have restarted since it was listed (takeSnapshot above leaves it as it was).
		const device = await takeSnapshot(await deviceFor(context, connection, found.deviceId ?? found.location), environment, {
			depth: 'read',
		});
		const evidence = wanted.map((w) => compare(w, device));
		const ok = evidence.every((row) => row.ok);
		output.document({
			format: 'linac-verification/1',
			outcome: ok ? 'verified' : 'mismatch',
			platform: platform.name,
			deviceId: device.deviceId ?? found.deviceId ?? null,
			target: version ?? null,
			device,
			evidence,
			...(ok ? {} : { error: { code: 'VERIFY_MISMATCH', message: differences(evidence), exitCode: ExitCode.mismatch } }),
		});
		const name = deviceName({ platform: platform.name, deviceId: device.deviceId ?? found.deviceId }, platform.displayName);
		const c = output.colors;
		const what = version === undefined ? 'what was named' : `Device OS ${version}`;
		output.print(
			ok
				? c.green(c.bold(`Verified: ${name} has ${what}.`))
				: c.red(c.bold(`Not as it should be: ${name} does not have ${what}.`)),
		);
		output.print();
		showEvidence(output, evidence, { before: false });
		output.print();
		output.print('  Nothing was written.');
		if (ok) return ExitCode.ok;
		tellFailure(
			output,
			{ code: 'VERIFY_MISMATCH', message: differences(evidence), hint: 'The same arguments with "linac flash" put it right.' },
			ExitCode.mismatch,
		);
		return ExitCode.mismatch;
	} finally {
		await connection.close();
	}
}

function compare({ slot, module }: Wanted, device: DeviceSnapshot): EvidenceRow {
	const { prefix } = module;
	const is: InstalledModule | undefined = device.modules?.find((m) => m.function === prefix.function && m.index === prefix.index);
	const row = {
		slot,
		function: prefix.function,
		index: prefix.index,
		...(is === undefined ? {} : { after: { version: is.version, valid: is.valid } }),
		expected: { version: prefix.version },
	};
	if (is === undefined) return { ...row, proof: 'none', ok: false };
	// A network processor is never taken back to an older module: a newer one is right (docs/planning.md).
	const same =
		is.valid && (prefix.function === ModuleFunction.ncp ? is.version >= prefix.version : is.version === prefix.version);
	if (is.contentSha256 === undefined) return { ...row, proof: 'reported-version', ok: same };
	return {
		...row,
		proof: 'read-back-sha256',
		sha256: is.contentSha256,
		ok: same && is.contentSha256 === toHex(contentSha256(module)),
	};
}

function differences(evidence: readonly EvidenceRow[]): string {
	const wrong = evidence.filter((row) => !row.ok);
	const parts = wrong.map((row) => {
		if (row.after === undefined) return `${row.slot} is not there`;
		if (!row.after.valid) return `${row.slot} is damaged`;
		if (row.after.version !== row.expected?.version)
			return `${row.slot} is ${row.after.version} instead of ${row.expected?.version}`;
		return `${row.slot} has other bytes than it should`;
	});
	return `The device differs: ${parts.join('; ')}.`;
}
