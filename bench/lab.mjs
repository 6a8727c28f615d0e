// `npm run bench:lab`: linac against particle-cli on the same virtual Boron with the datasheet's times, on the same real kernel, in turns. Prints both
// and the ratio; exit code 1 when linac is not at least twice as fast. Not part of `npm run bench`: it takes minutes, and a guest. docs/usb-lab.md.
//   npm run bench:lab [-- LAPS]      laps of each tool, default 3
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const laps = Number(process.argv[2] ?? 3);
const leastRatio = 2;

// The lab is TypeScript and works on the sources; linac itself runs from its build.
const { module: lab } = await runnerImport(join(root, 'tests/usb-lab/race.ts'), {
	configFile: false,
	root,
	resolve: { conditions: ['source'] },
	ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
});

const all = await lab.race(laps, (lap) => {
	console.error(`bench:lab: ${lap.tool}: ${lap.seconds.toFixed(1)} s, ${lap.transfers} transfers`);
});

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rows = Object.fromEntries(
	['linac', 'particle-cli'].map((tool) => {
		const mine = all.filter((lap) => lap.tool === tool);
		const of = (key) => median(mine.map((lap) => lap[key]));
		return [
			tool,
			{
				seconds: of('seconds'),
				transfers: of('transfers'),
				flash: of('flashSeconds'),
				wire: of('wireSeconds'),
				last: mine.at(-1),
			},
		];
	}),
);

console.log('A virtual Boron from Device OS 2.2.0 to 4.0.1, with an application; flash as fast as in the datasheet.');
console.log(`Medians of ${laps} laps each, in turns.\n`);
const line = (...cells) =>
	console.log(
		cells
			.map((c, i) => (i === 0 ? String(c).padEnd(34) : String(c).padStart(13)))
			.join('')
			.trimEnd(),
	);
line('', ...Object.keys(rows), 'ratio');
const compare = (name, key, digits) => {
	const [a, b] = Object.values(rows).map((r) => r[key]);
	line(name, a.toFixed(digits), b.toFixed(digits), (b / a).toFixed(2));
};
compare('seconds, start to end', 'seconds', 1);
compare('USB transfers', 'transfers', 0);
compare('seconds of flash in the device', 'flash', 1);
compare('seconds on the wire', 'wire', 1);
console.log();
for (const [tool, { last }] of Object.entries(rows)) console.log(`${tool} wrote: ${last.wrote.join(', ')}`);
console.log(
	'linac has read back and compared all of it, the bootloader as the copy that Device OS installed it from, and the SoftDevice, which is the same in both. particle-cli leaves the SoftDevice out and compares nothing.',
);

const ratio = rows['particle-cli'].seconds / rows.linac.seconds;
const verified = all.every((lap) => lap.tool !== 'linac' || /^Verified:/m.test(lap.output));
const same = rows.linac.last.wrote.join() === rows['particle-cli'].last.wrote.join();
if (!verified) console.log('MISSED: linac did not verify what it wrote.');
if (!same) console.log('MISSED: the two did not do the same work.');
console.log(`particle-cli / linac: ${ratio.toFixed(2)}, limit >= ${leastRatio}: ${ratio >= leastRatio ? 'ok' : 'MISSED'}`);
process.exit(verified && same && ratio >= leastRatio ? 0 : 1);
