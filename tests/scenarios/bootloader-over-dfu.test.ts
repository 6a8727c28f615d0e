import { platformByName, releasesFor } from '@linac/catalog';
import type { BootloaderWay } from '@linac/planner';
import { standInApplication, standInRelease } from '@linac/virtual';
import { describe, expect, it } from 'vitest';
import { application, type Bench, bench, goal, goalFile, realRelease, run } from './programming-setup.js';

const experimental = { allow: ['downgrade', 'experimental'] as const };

async function flash(b: Bench, platform: string, target: string, release: ReturnType<typeof realRelease>, app: Uint8Array, way: BootloaderWay) {
	return run(b, {
		goal: goal(target, [goalFile(platform, app)], { allow: [...experimental.allow], bootloaderWay: way }),
		release,
	});
}

const real = [
	{ platform: 'boron', from: '2.2.0', to: '4.0.1', app: application('boron', { needs: 4005, index: 2, size: 256 * 1024 }) },
	{ platform: 'argon', from: '2.2.0', to: '4.0.1', app: application('argon', { needs: 4005, index: 2, size: 60_000 }) },
	{ platform: 'photon', from: '1.5.2', to: '2.2.0', app: application('photon', { needs: 2202, index: 1, size: 60_000 }) },
] as const;

describe('a bootloader over nothing but DFU', () => {
	for (const { platform, from, to, app } of real) {
		for (const way of ['ota-slot', 'module-slot'] as const) {
			if (way === 'module-slot' && platform === 'photon') continue;
			it(`is installed by ${way} on a ${platform} from ${from} to ${to}`, async () => {
				const b = bench(platform, { release: realRelease(platform, from) });
				const { verdict } = await flash(b, platform, to, realRelease(platform, to), app, way);
				if (!verdict.ok) throw new Error(JSON.stringify(verdict.problems, undefined, 1));
				console.log(platform, way, verdict.value.steps.map((s) => `${s.title}: ${s.result} ${s.reason ?? ''}`).join('\n'));
				expect(verdict.value.error).toBeUndefined();
				expect(verdict.value.outcome).toBe('verified');
				expect(verdict.value.evidence.every((r) => r.ok)).toBe(true);
				expect(b.device.mode).toBe('normal');
			});
		}
	}
});
