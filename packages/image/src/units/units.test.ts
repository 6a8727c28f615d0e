import { createHash, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDct } from '../dct/read-dct.js';
import { type CheckOptions, checkUnits, unitImages } from './check-units.js';
import { parseCsv } from './csv.js';
import { parseUnits, type Units, unitsNeed } from './parse-units.js';
import { unitsManifest } from './units-manifest.js';

const encode = (text: string) => new TextEncoder().encode(text);
const file = 'units.csv';
const claim = (n: number) => `CLAIM${String(n).padStart(58, '0')}`;

function units(text: string): Units {
	const verdict = parseUnits(encode(text), { file });
	if (!verdict.ok) throw new Error(verdict.problems.map((p) => p.message).join('\n'));
	return verdict.value;
}

function problems(text: string | Uint8Array) {
	const verdict = parseUnits(typeof text === 'string' ? encode(text) : text, { file });
	expect(verdict.ok).toBe(false);
	return verdict.problems.map((p) => `${p.code} ${p.message}`);
}

const ecPem = () =>
	encode(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ format: 'pem', type: 'sec1' }).toString());

test('rows are read from files of every usual make: quotes, CRLF, byte order mark, empty cells and lines', () => {
	const text = `\uFEFFunit,Claim-Code,"antenna"\r\nA-1,${claim(1)},external\r\n\r\n"B_2","",""\r\n`;
	const { columns, rows } = units(text);
	expect(columns).toEqual(['claim-code', 'antenna']);
	expect(rows.map((r) => [r.name, r.line, Object.keys(r.cells)])).toEqual([
		['A-1', 2, ['claim-code', 'antenna']],
		['B_2', 4, []],
	]);
	expect(units('unit\nlast').rows.map((r) => r.name)).toEqual(['last']);
});

test('any table comes back cell by cell as it was written', () => {
	const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' ', '😀') });
	fc.assert(
		fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), fc.boolean(), (table, crlf) => {
			const text = table.map((row) => row.map((c) => `"${c.replaceAll('"', '""')}"`).join(',')).join(crlf ? '\r\n' : '\n');
			const verdict = parseCsv(encode(text), file);
			expect(verdict.ok && verdict.value.map((row) => row.map((c) => c.text))).toEqual(table);
		}),
	);
});

describe('what is wrong with a list of units is said with file, line and column', () => {
	const cases: [what: string, text: string | Uint8Array, ...parts: string[]][] = [
		['nothing', '', 'UNITS_EMPTY'],
		['a header alone', 'unit,antenna\n', 'UNITS_EMPTY'],
		['no column unit', 'antenna\nauto', 'UNITS_HEADER', 'units.csv, line 1, column 1'],
		['an unknown column', 'unit,serial\na,1', 'UNITS_HEADER', 'column 2', "'serial'"],
		['a column twice', 'unit,antenna,antenna\na,,', 'UNITS_HEADER', 'column 3', 'twice'],
		['a cell too few', 'unit,antenna\na', 'UNITS_ROW', 'line 2', '1 cells'],
		['an open quote', 'unit\n"a', 'CSV_SYNTAX', 'line 2, column 1', 'never closed'],
		['text behind a quote', 'unit\n"a"b', 'CSV_SYNTAX', 'line 2, column 1'],
		['a quote in the middle', 'unit,antenna\na,b"c"', 'CSV_SYNTAX', 'line 2, column 2'],
		['Latin-1', Uint8Array.of(...encode('unit\na\n'), 0xe9, 0x0a), 'CSV_ENCODING', 'line 3'],
		['no name', 'unit,antenna\n,auto', 'UNIT_NAME', 'line 2, column 1', 'no name'],
		['a path for a name', 'unit\n../x', 'UNIT_NAME', "'../x'"],
		['a device of Windows', 'unit\ncom1', 'UNIT_NAME', 'Windows'],
		['a device of Windows with an extension', 'unit\nNUL.a', 'UNIT_NAME', 'Windows'],
		['a dot at the end', 'unit\na.', 'UNIT_NAME', 'dot'],
		['the same name twice', 'unit\nDevice\ndevice', 'UNIT_NAME', 'line 3', 'line 2 already'],
	];
	test.each(cases)('%s', (_what, text, ...parts) => {
		const found = problems(text);
		expect(found).toHaveLength(1);
		for (const part of parts) expect(found[0]).toContain(part);
	});

	test('every wrong row is told at once', () => {
		expect(problems('unit\nok\na b\ncon\nok\n')).toHaveLength(3);
	});
});

test('any bytes are read or refused, and never take long', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
			const verdict = parseUnits(bytes, { file });
			expect(verdict.ok || verdict.problems.length > 0).toBe(true);
		}),
		{ numRuns: 500 },
	);
});

describe('all rows are checked before anything is made', () => {
	const check = (text: string, options?: CheckOptions, files = new Map<string, Uint8Array>(), platform = 'photon') =>
		checkUnits(platform, 2202, units(text), files, options);

	test('each wrong cell of each row is named', () => {
		const verdict = check(`unit,claim-code,antenna\na,short,auto\nb,${claim(1)},left\nc,,\n`);
		expect(verdict.problems.map((p) => [p.code, p.file, /^units.csv, line \d+, column \d+/.exec(p.message)?.[0]])).toEqual([
			['DCT_FIELD_VALUE', file, 'units.csv, line 2, column 2'],
			['DCT_FIELD_VALUE', file, 'units.csv, line 3, column 3'],
		]);
	});

	test('a file that could not be read is named with its cell', () => {
		const list = units('unit,device-private-key\na,keys/a.pem\nb,keys/b.pem\nc,keys/a.pem');
		expect(unitsNeed(list)).toEqual(['keys/a.pem', 'keys/b.pem']);
		const verdict = checkUnits('electron', 2202, list, new Map([['keys/b.pem', ecPem()]]));
		expect(verdict.problems.map((p) => p.code)).toEqual(['UNIT_FILE_MISSING', 'UNIT_FILE_MISSING']);
		expect(verdict.problems[0]?.message).toContain("line 2, column 2: device-private-key 'keys/a.pem'");
	});

	test('a private key or a claim code that two units share is refused, unless it is allowed', () => {
		const key = ecPem();
		const files = new Map([
			['a.pem', key],
			['copy.pem', key],
		]);
		const text = `unit,device-private-key,claim-code\na,a.pem,${claim(1)}\nb,copy.pem,${claim(1)}\n`;
		const verdict = check(text, {}, files, 'electron');
		expect(verdict.problems.map((p) => [p.code, p.severity])).toEqual([
			['UNIT_CLAIM_CODE_REPEATED', 'error'],
			['UNIT_KEY_REPEATED', 'error'],
		]);
		expect(verdict.problems[1]?.message).toContain('unit b has the same private key as unit a in line 2');
		const allowed = check(text, { allowRepeats: true }, files, 'electron');
		expect(allowed.ok && allowed.problems.map((p) => p.severity)).toEqual(['warning', 'warning']);
		const shared = { defaults: { 'device-private-key': { file: 'all.pem', bytes: key } } };
		expect(check('unit\na\nb', shared, files, 'electron').problems.map((p) => p.code)).toEqual(['UNIT_KEY_REPEATED']);
	});

	test('a board whose DCT is a file is refused once for each field, not for each row', () => {
		const verdict = check(`unit,claim-code\na,${claim(1)}\nb,${claim(2)}\n`, {}, undefined, 'boron');
		expect(verdict.problems.map((p) => [p.code, p.field])).toEqual([['DCT_NOT_IN_INTERNAL_FLASH', 'claim-code']]);
		const dfu = check(`unit,claim-code\na,${claim(1)}\nb,\n`, { into: 'dfu' }, undefined, 'boron');
		expect(dfu.ok && dfu.value.map((u) => u.writes.map((w) => w.offset))).toEqual([[1762], []]);
	});
});

test('each unit gets its own table, the defaults where its cells are empty, in the order of the list', () => {
	const list = units(`unit,antenna,claim-code\nz,external,${claim(1)}\na,,${claim(2)}\n`);
	const checked = checkUnits('photon', 2202, list, new Map(), { defaults: { antenna: 'auto' } });
	if (!checked.ok) throw new Error('refused');
	const images = [...unitImages('photon', 2202, checked.value)];
	expect(images.map((i) => i.name)).toEqual(['z', 'a']);
	const seen = images.map(({ pieces }) => {
		const verdict = readDct('photon', Uint8Array.of(...pieces.flatMap((p) => [...p.bytes])));
		if (!verdict.ok) throw new Error('refused');
		const { settings, fields } = verdict.value;
		return [fields.find((f) => f.name === 'antenna')?.value, new TextDecoder().decode(settings.subarray(1762, 1825))];
	});
	expect(seen).toEqual([
		['external', claim(1)],
		['auto', claim(2)],
	]);
});

test('1,000 units with a key each are checked and made in far less than 5 ms each', () => {
	const keys = Array.from({ length: 20 }, ecPem);
	const files = new Map(keys.map((bytes, i) => [`k${i}.pem`, bytes]));
	const rows = Array.from({ length: 1000 }, (_, i) => `unit-${i},k${i % 20}.pem,${claim(i)}`);
	const from = performance.now();
	const list = units(`unit,device-private-key,claim-code\n${rows.join('\n')}\n`);
	const checked = checkUnits('electron', 2202, list, files, { allowRepeats: true });
	if (!checked.ok) throw new Error('refused');
	let bytes = 0;
	for (const { pieces } of unitImages('electron', 2202, checked.value)) for (const piece of pieces) bytes += piece.bytes.length;
	const each = (performance.now() - from) / 1000;
	expect(bytes).toBe(1000 * 0x8000);
	expect(each).toBeLessThan(5);
});

test('the manifest is JSON that holds names, sizes and hashes, and is the same every time', () => {
	const files = ['a', 'b'].map((unit) => ({
		unit,
		file: `${unit}.hex`,
		size: 3,
		sha256: createHash('sha256').update(unit).digest('hex'),
	}));
	const text = unitsManifest({ platform: 'photon', version: '2.2.0' }, files);
	expect(JSON.parse(text)).toEqual({ format: 'linac-units/1', platform: 'photon', version: '2.2.0', files });
	expect(unitsManifest({ platform: 'photon', version: '2.2.0' }, files)).toBe(text);
	expect(JSON.parse(unitsManifest({ platform: 'photon', version: '2.2.0' }, []))).toMatchObject({ files: [] });
});
