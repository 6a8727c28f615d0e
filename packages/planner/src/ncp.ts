/**
 * Firmware of a network co-processor (NCP; the ESP32 of Argon and Tracker): may this file go to this device? One judgement for every way there is:
 * control requests (decisions.ts), and the serial port in listening mode, which no plan is made for. Pure. Rules: data/rules.json.
 */
import { inRange, type Platform, rulesOf, type SourcedModule } from '@linac/catalog';
import { assert } from '@linac/core';
import { ModuleFunction } from '@linac/firmware';
import { unsuitable } from './wanted.js';

export interface NcpJudgement {
	/** `write`: newer than what is there, or that is not known. `already-there`, `newer-there`: leave it alone. `refused`: never. */
	verdict: 'write' | 'already-there' | 'newer-there' | 'refused';
	code: string;
	/** For people, in whole sentences. */
	reason: string;
	/** The rule behind it (data/rules.json), where there is one. */
	rule?: string;
}

/**
 * `installed`: version of the NCP module as the device tells it (request 90, or 31), `undefined` where it does not. `system`: module number of
 * the running system part. Never older, whatever is allowed by name. The module must be an NCP's.
 */
export function judgeNcp(
	platform: Platform,
	source: SourcedModule,
	device: { installed?: number; system?: number },
	file = source.origin,
): NcpJudgement {
	const { prefix } = source.module;
	assert(prefix.function === ModuleFunction.ncp, `${file} is no NCP firmware`);
	const problem = unsuitable(platform, source, file);
	if (problem)
		return { verdict: 'refused', code: problem.code, reason: problem.message, ...(problem.rule ? { rule: problem.rule } : {}) };
	const there = compareNcp(platform, prefix.version, device.installed);
	if (there) return there;
	const blocked = notUpdated(platform, prefix, device.system);
	if (blocked) return { verdict: 'refused', code: 'NCP_NOT_UPDATED', reason: blocked.statement, rule: blocked.id };
	const reason =
		device.installed === undefined
			? 'The device did not tell which NCP firmware it has.'
			: `NCP firmware ${device.installed} is there; ${file} is ${prefix.version}.`;
	return { verdict: 'write', code: 'WRITTEN', reason };
}

/** What is to be said when the installed version is enough; `undefined` when it is older, or not known. */
export function compareNcp(platform: Platform, version: number, installed: number | undefined): NcpJudgement | undefined {
	const rule = rulesOf('never-downgrade', platform).find((r) => r.functions.includes(ModuleFunction.ncp));
	if (installed === undefined || !rule || installed < version) return undefined;
	if (installed === version) {
		const reason = `NCP firmware ${installed} is there already: the device tells this version.`;
		return { verdict: 'already-there', code: 'SAME_VERSION_THERE', reason };
	}
	const reason = `The NCP firmware on the device is ${installed}. ${rule.statement}`;
	return { verdict: 'newer-there', code: 'NEWER_STAYS', reason, rule: rule.id };
}

/** The rule by which a running system does nothing with a module that it accepts. */
export function notUpdated(
	platform: Platform,
	module: { function: number },
	system: number | undefined,
): { id: string; statement: string } | undefined {
	return rulesOf('not-updated', platform).find(
		(r) => r.functions.includes(module.function) && system !== undefined && inRange(r.system, system),
	);
}
