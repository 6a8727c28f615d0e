/**
 * `linac backup restore`: settings, then the application, of a backup back onto a device. Everything is judged and shown before the first write;
 * what is there now is kept in a new backup. What is put back and what never: the table of the DCT in data/dct.json, docs/backup.md.
 */
import { type Platform, slotOf } from '@linac/catalog';
import { equalBytes, good, type LinacError, type Problem, problem, toHex, type Verdict } from '@linac/core';
import { parseModule } from '@linac/firmware';
import { nodeDigests } from '@linac/host';
import { type Goal, plan } from '@linac/planner';
import {
	type Backup,
	type BackupContents,
	type BackupPart,
	type DctChange,
	type DctReport,
	program,
	type Report,
	type RestorableGroup,
	restorableGroups,
	restoreChanges,
	runDctJob,
} from '@linac/programmer';
import { backupHook, openBackup } from '../backup-keeper.js';
import { agreed } from '../confirm.js';
import { connect } from '../connect.js';
import type { BackupOptions, Context, DeviceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { CommandFailure, refused, tellJobFailure, usage } from '../failure.js';
import { formatBytes } from '../format.js';
import { deviceFor, planRefused, selectorOf } from '../job.js';
import { JobProgress } from '../progress.js';
import { dctOutcome, showDctReport, showFields } from '../show-dct-report.js';
import { deviceName } from '../show-plan.js';
import { showReport } from '../show-report.js';

export interface RestoreOptions extends DeviceOptions, BackupOptions {
	only?: string[];
	toAnotherDevice?: boolean;
	withDeviceKeys?: boolean;
	dryRun?: boolean;
	yes?: boolean;
}

const choices = ['dct', 'application', ...restorableGroups] as const;

interface Chosen {
	groups: Set<RestorableGroup>;
	application: boolean;
	/** Named, and not just everything: what is missing then is an error. */
	named: boolean;
}

function chosenOf(only: readonly string[] | undefined): Chosen {
	const names = (only ?? []).flatMap((n) => n.split(','));
	for (const name of names) {
		if (!(choices as readonly string[]).includes(name))
			throw usage(`There is no part "${name}".`, `--only takes: ${choices.join(', ')}.`);
	}
	const all = names.length === 0 || names.includes('dct');
	return {
		groups: new Set(restorableGroups.filter((g) => all || names.includes(g))),
		application: names.length === 0 || names.includes('application'),
		named: names.length > 0,
	};
}

export async function restoreBackup(context: Context, options: RestoreOptions, [name]: string[]): Promise<ExitCode> {
	const { output } = context;
	if (options.withDeviceKeys && !options.toAnotherDevice) throw usage('--with-device-keys goes with --to-another-device.');
	const chosen = chosenOf(options.only);
	const backup = await openBackup(context, name!);
	const platform = platformNamed(backup.platform);
	const application = chosen.application ? applicationOf(backup, name!, chosen.named) : undefined;
	const hook = await backupHook(context, options);
	const connection = await connect(context, options);
	const progress = new JobProgress(output);
	try {
		const found = await deviceFor(context, connection, options.device);
		const foreign = checkDevice(backup, platform, found.platform.name, found.deviceId, options, name!);
		const changes = restoreChanges(backup, platform, chosen.groups, foreign && !options.withDeviceKeys);
		if (changes.length === 0 && !application) throw lacks(name!, 'what was asked for', platform);
		const selector = selectorOf(found);
		const goal: Goal | undefined = application && { files: [application], applicationOnly: true, allow: [] };
		let replaces = false;
		let failure: unknown;
		if (found.mode === 'normal') output.note('Restarting the device into DFU mode, to look at what is there ...');
		const job = await runDctJob({
			...connection.environment,
			selector,
			stayInDfu: () => replaces && !options.dryRun,
			dryRun: options.dryRun ?? false,
			...(hook ? { backup: hook } : {}),
			want: (contents): Verdict<DctChange[]> => {
				replaces = application !== undefined && !hasApplication(contents, application.module!.module.bytes);
				// Judged before the first setting is written: a refusal must not come in the middle.
				if (goal && replaces) {
					const made = plan(contents.device, goal, { platform, digests: nodeDigests });
					if (!made.ok && !made.problems.every((p) => p.code === 'NOTHING_TO_WRITE')) throw planRefused(made.problems);
				}
				return good(changes);
			},
			confirm: async (fields) => {
				output.print(output.colors.bold(`Back from ${name}, made ${backup.made}:`));
				showFields(output, fields);
				if (application) output.print(`  ${applicationText(application.module!.module.bytes, replaces)}`);
				if (!replaces && fields.every((f) => f.result === 'there')) return true;
				const who = deviceName({ platform: platform.name, deviceId: found.deviceId }, platform.displayName);
				return agreed(context, `Write to ${who}?`, options.yes, (why) => {
					failure = why;
				});
			},
			onEvent: (event) => progress.event(event),
		}).catch((error: unknown) => {
			throw failure ?? error;
		});
		if (!job.ok) throw refused(ExitCode.planRefused, job.problems, 'Nothing was written.');
		const settings = job.value;
		if (options.dryRun) {
			showFields(output, settings.fields);
			if (application) output.print(`  ${applicationText(application.module!.module.bytes, replaces)}`);
		}
		if (options.dryRun || settings.error || !goal || !replaces) return finish(context, settings, undefined);
		const verdict = await program({
			...connection.environment,
			selector,
			goal,
			...(hook && settings.backup === undefined ? { backup: hook } : {}),
			onEvent: (event) => progress.event(event),
		}).catch((error: unknown) => {
			// The settings are back, whatever became of the application.
			showDctReport(output, settings);
			throw error;
		});
		progress.finish();
		if (!verdict.ok) throw planRefused(verdict.problems);
		return finish(context, settings, verdict.value);
	} finally {
		progress.finish();
		await connection.close();
	}
}

function finish(context: Context, settings: DctReport, application: Report | undefined): ExitCode {
	const { output } = context;
	const report = settings.error ?? application?.error;
	const wrote = settings.outcome === 'verified' || application?.outcome === 'verified';
	const outcome = report ? 'failed' : settings.outcome === 'planned' ? 'planned' : wrote ? 'verified' : 'already';
	output.document({
		format: 'linac-restore-report/1',
		outcome,
		settings,
		...(application ? { application } : {}),
		...(report ? { error: report } : {}),
	});
	showDctReport(output, settings);
	if (application) showReport(output, application);
	if (settings.error) return dctOutcome(context, settings);
	return application?.error ? tellJobFailure(output, application) : ExitCode.ok;
}

/** `true`: the backup is of another device, and that was allowed. */
function checkDevice(
	backup: Backup,
	platform: Platform,
	found: string,
	deviceId: string | undefined,
	options: RestoreOptions,
	name: string,
): boolean {
	if (found !== platform.name) {
		const other = platformNamed(found).displayName;
		const message = `${name} is of a ${platform.displayName}, but this device is a ${other}. Nothing was written.`;
		throw new CommandFailure(ExitCode.planRefused, 'BACKUP_OTHER_PLATFORM', message);
	}
	if (backup.deviceId !== undefined && backup.deviceId === deviceId) return false;
	if (options.toAnotherDevice) return true;
	const message = `${name} is of the device ${backup.deviceId ?? 'without an id'}, but this one is ${deviceId ?? 'without an id'}. Nothing was written.`;
	throw new CommandFailure(ExitCode.planRefused, 'BACKUP_OTHER_DEVICE', message, {
		hint: 'If you mean it: --to-another-device. Keys, claim code and numbers of the other device are left out then.',
	});
}

/** The application that the device ran: where both slots of an nRF52840 are filled, the smaller one hides the other. */
function applicationOf(backup: Backup, name: string, named: boolean): Goal['files'][number] | undefined {
	const whole = backup.parts.filter((p): p is BackupPart => p.kind === 'application' && p.module?.whole === true);
	const part = whole.sort((a, b) => a.module!.index - b.module!.index)[0];
	if (!part) {
		if (named) throw lacks(name, 'a whole application', platformNamed(backup.platform));
		return undefined;
	}
	const parsed = parseModule(part.bytes, { file: name, digests: nodeDigests });
	if (!parsed.ok) throw refused(ExitCode.inputRefused, parsed.problems, 'Nothing was written.');
	const slot = slotOf(backup.platform, parsed.value.prefix);
	if (!parsed.value.sound || !slot) {
		const found: Problem = problem('BACKUP_FIELD', `The application in ${name} is not sound.`, { file: name, field: 'parts' });
		throw refused(ExitCode.inputRefused, [found], 'Nothing was written.');
	}
	const sha256 = toHex(nodeDigests.sha256(part.bytes));
	return {
		name: 'application of the backup',
		module: { slot: slot.name, origin: name, module: parsed.value, sha256 },
		problems: [],
	};
}

function hasApplication(contents: BackupContents, bytes: Uint8Array): boolean {
	return contents.parts.some((p) => p.kind === 'application' && equalBytes(p.bytes, bytes));
}

function applicationText(bytes: Uint8Array, replaces: boolean): string {
	return replaces ? `The application (${formatBytes(bytes.length)}) is written.` : 'The application is there already.';
}

function lacks(name: string, what: string, platform: Platform): LinacError {
	return new CommandFailure(
		ExitCode.planRefused,
		'BACKUP_LACKS_PART',
		`${name} does not hold ${what} for a ${platform.displayName}.`,
		{
			hint: '"linac backup inspect FILE" shows what is in it. Nothing was written.',
		},
	);
}
