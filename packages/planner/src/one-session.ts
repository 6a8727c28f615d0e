/**
 * Whether a bootloader is left in flash in the session that writes everything else, for the Device OS that comes with it to install. By control requests the
 * device is connected to once more. Nothing may be less safe by it, so it is only done where power may fail at any moment of it. Pure; facts: `inOneSession` in data/rules.json.
 */
import { inScope, rules } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { bootloaderUpdateWay } from './bootloader-way.js';
import type { Decision } from './decisions.js';
import { find } from './model.js';
import { afterAction } from './transitions.js';
import type { Draft, Work } from './work.js';

/** `dfu`: what that session does. `control`: what is left for a running system. */
export function inOneSession(work: Work, dfu: readonly Draft[], control: readonly Decision[]): boolean {
	const { model } = work;
	if (work.way !== undefined || dfu.length === 0 || !inScope(rules().overDfu.inOneSession, model.platform)) return false;
	const bootloaders = control.filter((d) => d.wanted.written.function === ModuleFunction.bootloader);
	const [only] = bootloaders;
	// Each is installed by a start of its own. Of one that is replaced by another of the same number, the number proves nothing: it is read back in DFU.
	if (!only || bootloaders.length > 1 || only.need !== 'write' || only.from === only.wanted.written.version) return false;
	const facts = bootFacts(model.platform);
	const after = dfu.reduce((m, d) => afterAction(m, d.action, d.wanted?.written), model);
	// Where the system part moves, the bootloader goes first (rule bootloader-first-6.2).
	const stays = facts.olderBootloaders !== undefined && find(after, facts.startModule)?.start === facts.olderBootloaders.startAt;
	return stays && !bootloaderUpdateWay(after).inPlace;
}
