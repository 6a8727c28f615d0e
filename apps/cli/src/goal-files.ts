/**
 * Files of the command line as the planner wants them. A file that was named must be firmware; in a folder that was named, other files are left
 * out, and the plan says so in their verdict.
 */
import { nodeDigests } from '@linac/host';
import { type GoalFile, goalFilesOf } from '@linac/planner';
import { type ReadOptions, readInputs } from './inputs.js';

export async function readGoalFiles(names: readonly string[], cwd: string, options: ReadOptions = {}): Promise<GoalFile[]> {
	const files: GoalFile[] = [];
	for (const { name, bytes, fromFolder, problems } of await readInputs(names, cwd, options)) {
		if (bytes === undefined) files.push({ name, problems });
		else files.push(...goalFilesOf(name, bytes, { digests: nodeDigests, fromFolder }));
	}
	return files;
}
