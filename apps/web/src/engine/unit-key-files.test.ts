/** Cells of a list of units, and the files that were given for them. */
import { expect, test } from 'vitest';
import { matchKeyFiles } from './unit-key-files.js';

const given = (...paths: string[]) => paths.map((path) => ({ path }));
const match = (paths: string[], files: string[]) => {
	const { found, ambiguous } = matchKeyFiles(paths, given(...files));
	return { found: Object.fromEntries([...found].map(([path, f]) => [path, f.path])), ambiguous };
};

test('a folder that was dropped stands above the path in the list', () => {
	expect(match(['keys/one.pem'], ['line-3/keys/one.pem', 'line-3/old/one.pem'])).toEqual({
		found: { 'keys/one.pem': 'line-3/keys/one.pem' },
		ambiguous: [],
	});
});

test('files that were chosen one by one are found by their names', () => {
	expect(match(['keys/one.pem', 'C:\\keys\\two.pem', './three.pem'], ['one.pem', 'two.pem', 'three.pem']).found).toEqual({
		'keys/one.pem': 'one.pem',
		'C:\\keys\\two.pem': 'two.pem',
		'./three.pem': 'three.pem',
	});
});

test('two files of the same name are not guessed between', () => {
	expect(match(['keys/one.pem'], ['a/one.pem', 'b/one.pem'])).toEqual({ found: {}, ambiguous: ['keys/one.pem'] });
});

test('a file that nobody gave is missing', () => {
	expect(match(['keys/one.pem'], ['none.pem'])).toEqual({ found: {}, ambiguous: [] });
});
