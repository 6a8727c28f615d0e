/** The status LED of a virtual board: its light, and the same in words. */
import type { Led } from '@linac/virtual';

export function LedLight({ led }: { led: Led }) {
	return <span class={`led ${led.colour} ${led.pattern}`} aria-hidden="true" />;
}

/** `LED blinks yellow`. */
export function LedWords({ led }: { led: Led }) {
	return (
		<span class="led-words">
			<LedLight led={led} /> LED {led.words}
		</span>
	);
}
