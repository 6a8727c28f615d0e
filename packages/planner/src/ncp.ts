/**
 * Firmware of a network co-processor (NCP; the ESP32 of Argon and Tracker): the rules that are its own. It is never made older, and some Device OS takes
 * it without a word and does nothing. Pure. What becomes of a file is decided in decisions.ts. Rules: data/rules.json.
 */
import { inRange, type Platform, rulesOf } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';

interface EnoughThere {
	/** `newer-there`: it stays, whatever is allowed by name. */
	verdict: 'already-there' | 'newer-there';
	code: string;
	/** For people, in whole sentences. */
	reason: string;
}

/** What is to be said when the installed version is enough; `undefined` when it is older. */
export function compareNcp(platform: Platform, version: number, installed: number): EnoughThere | undefined {
	const rule = rulesOf('never-downgrade', platform).find((r) => r.functions.includes(ModuleFunction.ncp));
	if (!rule || installed < version) return undefined;
	if (installed === version) {
		const reason = `NCP firmware ${installed} is there already: the device tells this version.`;
		return { verdict: 'already-there', code: 'SAME_VERSION_THERE', reason };
	}
	const reason = `The NCP firmware on the device is ${installed}. ${rule.statement}`;
	return { verdict: 'newer-there', code: 'NEWER_STAYS', reason };
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
