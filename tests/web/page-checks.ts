/** Looks at a page as people meet it: with a screen reader (axe-core), on a narrow screen, with the keyboard alone. Not for starting it: `site.ts`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { screenshot, showAs } from './site.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const everyRule = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

declare const axe: { run(context: object, options: object): Promise<AxeResults> };

/**
 * Accessibility violations that axe-core finds, one sentence each: rule, what it asks, and where. `what`: everything, or only whether text stands out
 * against its background.
 */
export async function axeViolations(page: Page, what: 'all' | 'contrast' = 'all'): Promise<string[]> {
	if (!(await page.evaluate(() => 'axe' in globalThis))) {
		// By the browser's debugger, which the content security policy does not concern; directly, because Playwright takes seconds over so much text.
		const debug = await page.context().newCDPSession(page);
		await debug.send('Runtime.evaluate', { expression: axeSource });
		await debug.detach();
	}
	const runOnly = what === 'contrast' ? ['color-contrast'] : everyRule;
	const results = await page.evaluate((runOnly) => axe.run(document, { runOnly, resultTypes: ['violations'] }), runOnly);
	return results.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.html} ${n.failureSummary ?? ''}`));
}

/** Elements that stick out to the side of the page, so that it would have to be scrolled. Things inside a `.scroll` may. */
export function stickingOut(page: Page): Promise<string[]> {
	return page.evaluate(() => {
		const width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= width) return [];
		const out = [...document.body.querySelectorAll('*')].filter((element) => {
			const box = element.getBoundingClientRect();
			return box.width > 0 && (box.right > width + 0.5 || box.left < -0.5) && !element.closest('.scroll');
		});
		const named = out.map(
			(e) => `${e.tagName.toLowerCase()}.${e.className} reaches ${Math.round(e.getBoundingClientRect().right)}`,
		);
		return named.length > 0 ? named : [`the page is ${document.documentElement.scrollWidth} wide in ${width}`];
	});
}

/** What the page of a test remembers of the way of the focus. */
interface FocusWay {
	/** Numbers of the controls that have had it. */
	reached: Set<number>;
	/** Controls that had it without showing it. */
	unseen: string[];
	stop(): void;
}
type Watched = typeof globalThis & { focusWay: FocusWay };

/** Controls that Tab does not reach from the top of the page, and those that show no sign of having the focus. One sentence each. */
export async function notReachedByKeyboard(page: Page): Promise<string[]> {
	const controls = await page.evaluate(watchFocus);
	let reached = new Set<number>();
	// Some controls (dates, numbers with spin buttons) take more than one stop. It is asked now and then how far that has come: asking takes time.
	for (let presses = 0; presses < controls.length * 2 + 10 && reached.size < controls.length; presses += 10) {
		for (let i = 0; i < 10; i++) await page.keyboard.press('Tab');
		reached = new Set(await page.evaluate(() => [...(globalThis as Watched).focusWay.reached]));
	}
	const unseen = await page.evaluate(() => {
		const { focusWay } = globalThis as Watched;
		focusWay.stop();
		return focusWay.unseen;
	});
	return [
		...new Set(unseen.map((html) => `has the focus and does not show it: ${html}`)),
		...controls.filter((_, i) => !reached.has(i)).map((html) => `not reached with Tab: ${html}`),
	];
}

/** Runs in the page: numbers the controls, and watches which of them get the focus. Returns their HTML, cut short. */
function watchFocus(): string[] {
	const selector = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
	const all = [...document.querySelectorAll<HTMLElement>(selector)].filter(
		(e) => e.checkVisibility({ visibilityProperty: true }) && !e.matches(':disabled, [inert] *, [tabindex="-1"]'),
	);
	// One of a group of radio buttons stands for the group: arrows go through it.
	const groups = new Map<string, number>();
	const stops: HTMLElement[] = [];
	for (const e of all) {
		const group = e instanceof HTMLInputElement && e.type === 'radio' ? e.name : undefined;
		if (group !== undefined && groups.has(group)) continue;
		if (group !== undefined) groups.set(group, stops.length);
		stops.push(e);
	}
	const numbers = new Map(stops.map((e, i) => [e, i]));
	const way: FocusWay = { reached: new Set(), unseen: [], stop: () => document.removeEventListener('focusin', onFocus) };
	function onFocus({ target }: FocusEvent): void {
		if (!(target instanceof HTMLElement)) return;
		const group = target instanceof HTMLInputElement && target.type === 'radio' ? groups.get(target.name) : undefined;
		const number = group ?? numbers.get(target);
		if (number !== undefined) way.reached.add(number);
		const { outlineStyle, outlineWidth } = getComputedStyle(target);
		if (outlineStyle === 'none' || Number.parseFloat(outlineWidth) === 0) way.unseen.push(target.outerHTML.slice(0, 120));
	}
	document.addEventListener('focusin', onFocus);
	(globalThis as Watched).focusWay = way;
	(document.activeElement as HTMLElement | null)?.blur();
	scrollTo(0, 0);
	return stops.map((e) => e.outerHTML.slice(0, 120));
}

/**
 * Fails the test unless what the page shows now can be read and used on every screen, in light and dark, and with the keyboard; keeps a picture of
 * each. Leaves the page as a laptop shows it, in light.
 */
export async function readableEverywhere(page: Page, name: string): Promise<void> {
	for (const size of ['phone', 'wall', 'laptop'] as const) {
		for (const scheme of ['dark', 'light'] as const) {
			await showAs(page, size, scheme);
			await screenshot(page, name);
			// Colours are all that differs between light and dark, and they are the same at every size; a wall shows what a laptop shows, with more room.
			if (size === 'wall' || (scheme === 'dark' && size !== 'laptop')) continue;
			const found = await axeViolations(page, scheme === 'dark' ? 'contrast' : 'all');
			expect(found, `accessibility of ${name}, ${size}, ${scheme}`).toEqual([]);
		}
		expect(await stickingOut(page), `layout of ${name}, ${size}`).toEqual([]);
	}
	expect(await notReachedByKeyboard(page), `keyboard in ${name}`).toEqual([]);
}
