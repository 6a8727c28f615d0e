/** The true state of a device, by whatever way its mode allows. See snapshot-reported.ts and snapshot-dfu.ts for how. */
import type { DeviceSnapshot } from '@linac/planner';
import type { DiscoveredDevice } from '@linac/usb';
import { completeEnvironment, type Environment } from './environment.js';
import type { KnownModule } from './known-modules.js';
import { DeviceSession } from './session.js';
import { snapshotInDfu } from './snapshot-dfu.js';
import { snapshotReported } from './snapshot-reported.js';

export interface SnapshotOptions {
	/** `reported`: what the device says. `read`: brings a running device into DFU mode, reads its flash, and lets it run again. */
	depth?: 'reported' | 'read';
	/** Modules at hand, to give names to hashes. */
	known?: readonly KnownModule[];
}

/** Looks at a discovered device. In DFU mode it is always read. Throws `LinacError` of `@linac/usb` when it cannot be talked to. */
export async function takeSnapshot(
	found: DiscoveredDevice,
	environment: Environment,
	options: SnapshotOptions = {},
): Promise<DeviceSnapshot> {
	const session = new DeviceSession(completeEnvironment(environment, options.known), found);
	try {
		const reported = await snapshotOf(session);
		if (options.depth !== 'read' || reported.depth === 'read') return reported;
		await session.enterDfu();
		const read = await snapshotInDfu(session);
		await session.leaveDfu();
		return merge(reported, read);
	} finally {
		await session.close();
	}
}

/** What the running system said of itself, with the modules as they were read; what DFU cannot read (NCP) stays as reported. */
function merge(reported: DeviceSnapshot, read: DeviceSnapshot): DeviceSnapshot {
	const modules = [...(read.modules ?? [])];
	for (const m of reported.modules ?? []) {
		const same = modules.find((o) => o.function === m.function && o.index === m.index);
		if (!same) modules.push(m);
		else if (m.dependenciesMet !== undefined) same.dependenciesMet = m.dependenciesMet;
	}
	return { ...reported, depth: read.modules ? 'read' : 'reported', ...(read.modules || reported.modules ? { modules } : {}) };
}

export async function snapshotOf(session: DeviceSession): Promise<DeviceSnapshot> {
	return session.found.mode === 'dfu' ? snapshotInDfu(session) : snapshotReported(session);
}
