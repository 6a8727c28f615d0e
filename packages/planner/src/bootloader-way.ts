/** How a bootloader that is given to the running system gets to its place: copied over the old one, or by something that survives a power cut. */
import { inScope, rules } from '@linac/catalog';
import { ModuleFunction } from '@linac/firmware';
import { bootFacts } from './boot.js';
import { type DeviceModel, find } from './model.js';

/** Whether the running system would copy a bootloader over the old one, or leave that to something that survives a power cut. */
export function bootloaderUpdateWay(model: DeviceModel): { inPlace: boolean; rule: string | undefined; why: string } {
	const facts = rules().bootloaderUpdate.find((r) => inScope(r, model.platform));
	if (!facts) return { inPlace: true, rule: undefined, why: 'It is not known how this platform replaces its bootloader.' };
	const bootloader = find(model, { function: ModuleFunction.bootloader, index: 0 });
	const system = find(model, bootFacts(model.platform).startModule);
	const survives =
		facts.unless !== undefined &&
		(bootloader?.version ?? 0) >= facts.unless.bootloaderFrom &&
		(system?.version ?? 0) >= facts.unless.systemFrom;
	return { inPlace: facts.way === 'in-place' && !survives, rule: facts.id, why: facts.statement };
}
