/**
 * Chromium's own window in which a person chooses the device that a page has asked for. The DevTools of pages do not reach it (their domain
 * `DeviceAccess` knows Bluetooth only), those of Chromium's own interface do, in a headless one too. Which device stands in which row they do not tell:
 * the page's filters have to leave one.
 */
import { fileURLToPath } from 'node:url';
import type { Guest, GuestProcess } from './guest.js';

const port = 9223;

/** Switches that Chromium has to be started with, so that its interface can be seen and its buttons be pressed. */
export const chooserSwitches = {
	switches: [`--enable-ui-devtools=${port}`],
	features: ['ui-debug-tools-enable-synthetic-events'],
};

/** A view of Chromium's interface. `attributes` holds names and values in turn. */
interface View {
	nodeId: number;
	attributes?: string[];
	children?: View[];
}

interface Reply {
	result?: { root?: View; matchedCSSRules?: { rule: { style: { cssProperties: { name: string; value: string }[] } } }[] };
	error?: { message: string };
}

export class DeviceChooser {
	readonly #process: GuestProcess;
	readonly #waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
	#rest = '';
	#number = 0;

	private constructor(guest: Guest) {
		const bridge = fileURLToPath(new URL('guest/lines-to-websocket.py', import.meta.url));
		this.#process = guest.start(['python3', bridge, String(port)], {
			timeoutMs: 7_200_000,
			onOutput: (text, stream) => {
				if (stream === 'stdout') this.#receive(text);
			},
		});
		const end = (error: Error) => {
			for (const { reject } of this.#waiting.values()) reject(error);
			this.#waiting.clear();
		};
		this.#process.result.then(({ stderr }) => end(new Error(`Chromium's interface cannot be reached any more. ${stderr}`)), end);
	}

	/** `guest`: in which Chromium runs with the switches above, one at a time. */
	static async of(guest: Guest): Promise<DeviceChooser> {
		const chooser = new DeviceChooser(guest);
		await chooser.#send('DOM.enable');
		await chooser.#send('CSS.enable');
		return chooser;
	}

	/**
	 * Waits until Chromium shows its list with a device in it, marks the only row, and presses "Connect" until the list is gone: for a moment after it has
	 * come Chromium heeds no press. Throws when there is no device, or there are several, until the time is over.
	 */
	async choose(timeoutMs = 300_000): Promise<void> {
		let seen = 'no list of devices';
		let pressed = false;
		const until = Date.now() + timeoutMs;
		for (; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 500))) {
			const shown = await this.#shown();
			if (!shown && pressed) return;
			if (!shown) continue;
			const table = all(shown, 'TableView')[0];
			const button = all(shown, 'MdTextButton').at(-1);
			if (!table || !button) continue;
			const { RowCount, RowHeight } = await this.#properties(table);
			seen = `a list with ${RowCount} rows`;
			if (RowCount !== '1') continue;
			await this.#click(table, 20, Number(RowHeight) / 2);
			// A list without devices has a row, too, which says so and cannot be marked.
			if ((await this.#properties(button)).Enabled !== 'true') {
				seen = 'a list without devices';
				continue;
			}
			await this.#click(button, 10, 10);
			pressed = true;
		}
		throw new Error(`Chromium shows ${seen}.`);
	}

	/** Waits for the list, and closes it without a choice. */
	async cancel(timeoutMs = 300_000): Promise<void> {
		const until = Date.now() + timeoutMs;
		for (; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 500))) {
			const shown = await this.#shown();
			const button = shown && all(shown, 'MdTextButton')[0];
			if (!button) continue;
			await this.#click(button, 10, 10);
			return;
		}
		throw new Error('Chromium shows no list of devices.');
	}

	async close(): Promise<void> {
		this.#process.kill();
		await this.#process.result.catch(() => {});
	}

	async #shown(): Promise<View | undefined> {
		const { result } = await this.#send('DOM.getDocument');
		return result?.root && all(result.root, 'ChooserBubbleUiViewDelegate')[0];
	}

	/** As Chromium's interface tells them, e.g. `Enabled`: `true`. */
	async #properties(view: View): Promise<Record<string, string>> {
		const { result } = await this.#send('CSS.getMatchedStylesForNode', { nodeId: view.nodeId });
		const all = result?.matchedCSSRules?.flatMap(({ rule }) => rule.style.cssProperties) ?? [];
		return Object.fromEntries(all.map(({ name, value }) => [name, value]));
	}

	async #click(view: View, x: number, y: number): Promise<void> {
		for (const type of ['mousePressed', 'mouseReleased']) {
			const event = { type, x, y, button: 'left', wheelDirection: 'none' };
			const { error } = await this.#send('DOM.dispatchMouseEvent', { nodeId: view.nodeId, event });
			if (error) throw new Error(`Chromium's interface cannot be clicked: ${error.message}`);
		}
	}

	#send(method: string, params: object = {}): Promise<Reply> {
		const id = ++this.#number;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#process.write(`${JSON.stringify({ id, method, params })}\n`);
		});
	}

	#receive(text: string): void {
		const lines = (this.#rest + text).split('\n');
		this.#rest = lines.pop()!;
		for (const line of lines) {
			// What changes in the interface is told without a number, and not looked at.
			const reply = JSON.parse(line) as Reply & { id?: number };
			const waiting = reply.id === undefined ? undefined : this.#waiting.get(reply.id);
			this.#waiting.delete(reply.id ?? 0);
			waiting?.resolve(reply);
		}
	}
}

/** The view and all in it that bear this name, outer ones first. */
function all(view: View, name: string): View[] {
	return [...(view.attributes?.includes(name) ? [view] : []), ...(view.children ?? []).flatMap((child) => all(child, name))];
}
