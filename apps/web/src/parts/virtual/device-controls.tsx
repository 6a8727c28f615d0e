/** Cable and buttons of one virtual board. */
import type { VirtualShown } from '../../engine/virtual-bench.js';
import { command } from './bench-state.js';

/** `compact`: what is needed while something else is shown. */
export function DeviceControls({ device, compact = false }: { device: VirtualShown; compact?: boolean }) {
	const { cable, name } = device;
	const label = (what: string) => (compact ? `${what}: ${name}` : undefined);
	return (
		<div class="row virtual-controls">
			<button
				type="button"
				class={cable ? undefined : 'primary'}
				aria-label={label(cable ? 'Pull the cable' : 'Put the cable in')}
				onClick={() => void command(device, { do: cable ? 'unplug' : 'plug' }, cable ? 'the cable is out' : 'the cable is in')}
			>
				{cable ? 'Pull the cable' : 'Put the cable in'}
			</button>
			<button
				type="button"
				disabled={!cable}
				aria-label={label('RESET')}
				onClick={() => void command(device, { do: 'reset' }, 'RESET was pressed')}
			>
				RESET
			</button>
			<button
				type="button"
				disabled={!cable}
				aria-label={label('MODE + RESET, DFU mode')}
				onClick={() => void command(device, { do: 'dfu-buttons' }, 'MODE and RESET were pressed, for DFU mode')}
			>
				MODE + RESET{compact ? '' : ': DFU mode'}
			</button>
			{!compact && (
				<>
					<button
						type="button"
						disabled={!cable}
						onClick={() => void command(device, { do: 'safe-buttons' }, 'MODE and RESET were pressed, for safe mode')}
					>
						MODE + RESET, shorter: safe mode
					</button>
					<button
						type="button"
						disabled={!cable || (device.mode !== 'normal' && device.mode !== 'safe')}
						onClick={() => void command(device, { do: 'hold-mode' }, 'MODE was held for three seconds')}
					>
						Hold MODE for 3 s: listening mode
					</button>
				</>
			)}
		</div>
	);
}
