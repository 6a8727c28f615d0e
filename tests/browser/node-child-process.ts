/** In place of `node:child_process` when tests run in a browser. What would be fetched by a program has been fetched before they start. */

export function execFileSync(program: string): never {
	throw new Error(`Tests in a browser run no programs (${program}).`);
}
