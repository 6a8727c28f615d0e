/**
 * `linac verify`: is what should be on the device on it? Reads the modules back and compares them by SHA-256 with those of a release
 * or of files. Writes nothing; the device restarts into DFU mode and back, because only there its flash can be read.
 */
import type { Platform, ReleaseSet } from '@linac/catalog';
import { toHex } from '@linac/core';
import { assetOf, ModuleFunction, type ParsedModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import {
	type DeviceSnapshot,
	type Goal,
	type GoalFile,
	type InstalledModule,
	plan,
	type Standing,
	standings,
} from '@linac/planner';
import { assetRow, type EvidenceRow, knownModule, takeSnapshot } from '@linac/programmer';
import { connect } from '../connect.js';
import type { Context, GoalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed, releaseNamed } from '../facts.js';
import { CommandFailure, tellFailure, usage } from '../failure.js';
import { printable } from '../format.js';
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
			f.module && f.module.module.prefix.function !== ModuleFunction.asset
				? [{ slot: f.module.slot, module: f.module.module, origin: f.name }]
				: [],
		);
		const foreign = wanted.find((w) => w.module.prefix.platformId !== platform.id);
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
		let release: ReleaseSet | undefined;
		if (target !== undefined) {
			version = releaseNamed(target, platform).version;
			release = await (await openSources(context, options)).open({ platform: platform.name, version }, signal);
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
			known: wanted.map((w) => knownModule(w.module, nodeDigests)),
		});
		const goal: Goal = { files, applicationOnly: false, allow: [], ...(version === undefined ? {} : { target: version }) };
		const about = { platform, release, digests: nodeDigests };
		const standing = standings(device, goal, about);
		const own = new Set(files.map((f) => f.module?.module));
		const evidence = wanted
			.map((w) => ({ w, standing: standing.find((s) => isFor(s, w.module)) }))
			// What a release carries beside Device OS (Tinker) and what is never written is no part of the promise.
			.filter((e) => e.standing !== undefined || own.has(e.w.module))
			.map((e) => compare(e.w, device, e.standing))
			.concat(assetEvidence(files, device));
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
			{ code: 'VERIFY_MISMATCH', message: differences(evidence), hint: hintFor(evidence, standing, device, goal, about, names) },
			ExitCode.mismatch,
		);
		return ExitCode.mismatch;
	} finally {
		await connection.close();
	}
}

/** Assets of a bundle, by what the running device told of them before it was read in DFU mode. */
function assetEvidence(files: readonly GoalFile[], device: DeviceSnapshot): EvidenceRow[] {
	return files.flatMap((f) => {
		const asset = f.module && assetOf(f.module.module);
		return asset ? [assetRow({ name: asset.name, sha256: toHex(asset.hash) }, undefined, device)] : [];
	});
}

function isFor(standing: Standing, module: ParsedModule): boolean {
	return standing.function === module.prefix.function && standing.index === module.prefix.index;
}

function compare({ slot, module }: Wanted, device: DeviceSnapshot, standing: Standing | undefined): EvidenceRow {
	const { prefix } = module;
	const is: InstalledModule | undefined = device.modules?.find((m) => m.function === prefix.function && m.index === prefix.index);
	const row = {
		slot,
		function: prefix.function,
		index: prefix.index,
		...(is === undefined ? {} : { after: { version: is.version, valid: is.valid } }),
		expected: { version: prefix.version },
	};
	const kept = standing?.need === 'keep' ? (standing.stays ?? standing.reason) : undefined;
	if (is === undefined) return { ...row, proof: 'none', ok: kept !== undefined, ...(kept === undefined ? {} : { note: kept }) };
	const how =
		is.contentSha256 === undefined
			? ({ proof: 'reported-version' } as const)
			: ({ proof: 'read-back-sha256', sha256: is.contentSha256 } as const);
	// What a job leaves as it is for a reason is right, too: the judgement is the planner's.
	if (kept !== undefined && is.valid) return { ...row, ...how, ok: true, note: kept };
	const { contentSha256, payload } = knownModule(module, nodeDigests);
	const same = is.contentSha256 === undefined || is.contentSha256 === contentSha256 || is.contentSha256 === payload?.sha256;
	return { ...row, ...how, ok: is.valid && is.version === prefix.version && same };
}

/** The command that puts it right, only where there is one: what the planner would refuse is not recommended. */
function hintFor(
	evidence: readonly EvidenceRow[],
	standing: readonly Standing[],
	device: DeviceSnapshot,
	goal: Goal,
	about: { platform: Platform; release: ReleaseSet | undefined },
	names: readonly string[],
): string | undefined {
	const changes = (row: EvidenceRow) =>
		row.asset !== undefined ||
		standing.some((s) => s.function === row.function && s.index === row.index && s.need !== 'keep' && s.need !== 'there');
	if (!evidence.every((row) => row.ok || changes(row))) return undefined;
	const { platform, release } = about;
	const target = goal.target === undefined ? '' : ` --target ${goal.target}`;
	let refusal = '';
	for (const allow of [[], ['downgrade']] as Goal['allow'][]) {
		const command = ['linac flash', ...names].join(' ') + target + (allow.length > 0 ? ' --allow downgrade' : '');
		const options = { platform, ...(release ? { release } : {}), digests: nodeDigests };
		const made = plan(device, { ...goal, allow }, options);
		// Which release an application needs is found out, and opened, when it is programmed.
		if (made.ok || made.problems.every((p) => p.code === 'RELEASE_NEEDED')) {
			return `"${command}" with the same device and sources puts it right.`;
		}
		const downgrade = made.problems.some((p) => p.code === 'DOWNGRADE_NOT_ALLOWED');
		refusal = `"${command}" would refuse that: ${made.problems.map((p) => p.message).join(' ')}`;
		if (!downgrade) break;
	}
	return refusal;
}

function differences(evidence: readonly EvidenceRow[]): string {
	const wrong = evidence.filter((row) => !row.ok);
	const parts = wrong.map((row) => {
		if (row.asset !== undefined) return `the asset "${printable(row.asset)}" is ${row.after ? 'another one' : 'not stored'}`;
		if (row.after === undefined) return `${row.slot} is not there`;
		if (!row.after.valid) return `${row.slot} is damaged`;
		if (row.after.version !== row.expected?.version)
			return `${row.slot} is ${row.after.version} instead of ${row.expected?.version}`;
		return `${row.slot} has other bytes than it should`;
	});
	return `The device differs: ${parts.join('; ')}.`;
}
