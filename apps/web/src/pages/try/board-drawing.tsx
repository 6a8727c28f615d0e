/** A drawing of a virtual board: cable, buttons, LED. What it shows stands beside it in words. */
import type { VirtualShown } from '../../engine/virtual-bench.js';

export function BoardDrawing({ device }: { device: VirtualShown }) {
	const { led } = device;
	const pins = Array.from({ length: 9 }, (_, i) => 42 + i * 15);
	return (
		<div class="try-drawing" aria-hidden="true">
			<svg viewBox="0 -10 110 205" role="presentation">
				<rect class="pcb" x="15" y="30" width="80" height="160" rx="7" />
				{pins.map((y) => (
					<g key={y} class="pin">
						<circle cx="21" cy={y + 16} r="2.6" />
						<circle cx="89" cy={y + 16} r="2.6" />
					</g>
				))}
				<rect class="metal" x="43" y="22" width="24" height="20" rx="2" />
				{device.cable ? (
					<g class="cable">
						<rect x="41" y="4" width="28" height="20" rx="3" />
						<path d="M55 4 V-10" />
					</g>
				) : (
					<g class="cable out">
						<rect x="76" y="-2" width="28" height="14" rx="3" />
					</g>
				)}
				<rect class="button-part" x="30" y="52" width="16" height="12" rx="2" />
				<circle class="cap" cx="38" cy="58" r="4" />
				<rect class="button-part" x="64" y="52" width="16" height="12" rx="2" />
				<circle class="cap" cx="72" cy="58" r="4" />
				<text x="38" y="74">
					MODE
				</text>
				<text x="72" y="74">
					RESET
				</text>
				<circle class={`led ${led.colour} ${led.pattern}`} cx="55" cy="88" r="5" />
				<rect class="metal" x="33" y="104" width="44" height="50" rx="3" />
				<text class="chip" x="55" y="132">
					{device.platform}
				</text>
			</svg>
		</div>
	);
}
