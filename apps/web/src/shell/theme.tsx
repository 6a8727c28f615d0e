/** Light, dark, or as the system has it. Kept in the browser. */
import { signal } from '@preact/signals';

type Theme = 'system' | 'light' | 'dark';
const KEY = 'linac-theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

function stored(): Theme {
	try {
		return themes.find((t) => t === localStorage.getItem(KEY)) ?? 'system';
	} catch {
		// Storage may be forbidden; the choice then lasts as long as the page.
		return 'system';
	}
}

const theme = signal<Theme>(stored());
show(theme.value);

function show(value: Theme): void {
	if (value === 'system') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = value;
}

function choose(value: Theme): void {
	theme.value = value;
	show(value);
	try {
		localStorage.setItem(KEY, value);
	} catch {
		// As above.
	}
}

export function ThemeChoice() {
	return (
		<label class="theme">
			<span>Colours</span>
			<select value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
				{themes.map((t) => (
					<option key={t} value={t}>
						{t === 'system' ? 'As the system' : t === 'light' ? 'Light' : 'Dark'}
					</option>
				))}
			</select>
		</label>
	);
}
