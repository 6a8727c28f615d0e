/** `linac releases`: the Device OS versions of the catalogue by platform, line and channel, and which of them need no network. */
import { releases as all, compareVersions, isLatestInLine, type Platform, type ReleaseEntry } from '@linac/catalog';
import type { Context, SourceOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { platformNamed } from '../facts.js';
import { usage } from '../failure.js';
import { openSources } from '../sources.js';

export interface ReleasesOptions extends SourceOptions {
	platform?: string;
	line?: string;
	channel?: string;
	all?: boolean;
}

const channels = ['release', 'rc', 'beta', 'alpha', 'special'];
const lineWords: Record<string, string> = { lts: 'LTS', preview: 'preview', legacy: 'older' };

export async function releases(context: Context, options: ReleasesOptions): Promise<ExitCode> {
	const { output } = context;
	const platform = options.platform === undefined ? undefined : platformNamed(options.platform);
	const chosen = choose(platform, options);
	const sources = await openSources(context, options);
	const here = new Map<string, string[]>();
	for (const summary of await sources.offline(context.signal)) {
		here.set(summary.version, [...(here.get(summary.version) ?? []), summary.platform]);
	}
	const offline = (release: ReleaseEntry) =>
		release.platforms.filter(
			(name) => (platform === undefined || platform.name === name) && here.get(release.version)?.includes(name),
		);
	output.document(
		chosen.map((release) => ({
			version: release.version,
			moduleVersion: release.moduleVersion,
			line: release.line,
			lineName: release.lineName,
			channel: release.channel,
			latestInLine: isLatestInLine(release, platform),
			platforms: release.platforms,
			offline: offline(release),
		})),
	);
	if (chosen.length === 0) {
		output.print('No release fits.');
		return ExitCode.ok;
	}
	output.print(output.colors.bold(platform ? `Device OS for the ${platform.displayName}` : 'Device OS'));
	output.print();
	output.table(
		[
			{ title: 'Version' },
			{ title: 'Line' },
			{ title: 'Kind' },
			{ title: 'Channel' },
			{ title: 'Number', align: 'right' },
			{ title: '' },
			platform ? { title: 'Without network' } : { title: 'Platforms (* needs no network)', wrap: true },
		],
		chosen.map((release) => [
			release.version,
			release.lineName,
			lineWords[release.line] ?? release.line,
			release.channel,
			String(release.moduleVersion),
			isLatestInLine(release, platform) ? output.colors.green('latest') : '',
			platform ? (offline(release).length > 0 ? 'yes' : '') : platformsText(release, offline(release)),
		]),
		'  ',
	);
	output.print();
	if (!options.all && options.line === undefined && options.channel === undefined) {
		output.print('  The latest of each line. Every version: --all.');
	}
	output.paragraph(
		'Take the latest of an LTS (long-term support) line unless you need something newer. "Number" is the version that the modules ' +
			'themselves carry.',
		'  ',
	);
	return ExitCode.ok;
}

function choose(platform: Platform | undefined, options: ReleasesOptions): ReleaseEntry[] {
	if (options.channel !== undefined && !channels.includes(options.channel)) {
		throw usage(`There is no channel "${options.channel}".`, `Channels: ${channels.join(', ')}.`);
	}
	const line = options.line?.trim().toLowerCase();
	const fits = (r: ReleaseEntry) =>
		line === undefined ||
		r.line === line ||
		r.lineName === line ||
		(/^\d+(\.\d+)?(\.x)?$/.test(line) && r.version.startsWith(`${line.replace(/\.x$/, '')}.`));
	if (line !== undefined && !all.some(fits)) {
		throw usage(
			`There is no line "${options.line}".`,
			`Lines: ${[...new Set(all.map((r) => r.lineName))].join(', ')}; or lts, preview, legacy.`,
		);
	}
	const everything = options.all || options.channel !== undefined || line !== undefined;
	return all
		.filter((r) => fits(r) && (platform === undefined || r.platforms.includes(platform.name)))
		.filter((r) => options.channel === undefined || r.channel === options.channel)
		.filter((r) => everything || isLatestInLine(r, platform))
		.sort((a, b) => compareVersions(b.version, a.version));
}

function platformsText(release: ReleaseEntry, offline: readonly string[]): string {
	return release.platforms.map((name) => (offline.includes(name) ? `${name}*` : name)).join(', ');
}
