/** The files of a mirror that is a folder on this machine. Reads what it is asked for; whether to believe it is the business of `mirrorSource`. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_NAME, type MirrorReader, SIGNATURE_NAME } from '@linac/catalog';
import { LinacError, throwIfCancelled } from '@linac/core';

/** Whether a folder is a mirror, or was one: with a signature alone it is a mirror that lost its manifest. */
export async function isMirror(folder: string): Promise<boolean> {
	for (const name of [MANIFEST_NAME, SIGNATURE_NAME]) if ((await fileSize(join(folder, name))) !== undefined) return true;
	return false;
}

/** Throws `FILE_UNREADABLE` where the system does not let a file that is there be read. */
export function folderReader(folder: string): MirrorReader {
	return {
		name: folder,
		async size(path, signal) {
			throwIfCancelled(signal);
			return fileSize(join(folder, path));
		},
		async read(path, limit, signal) {
			throwIfCancelled(signal);
			const place = join(folder, path);
			const size = await fileSize(place);
			if (size === undefined) return undefined;
			try {
				const file = await open(place);
				try {
					// One more than expected, so that a file that has grown shows.
					const bytes = new Uint8Array(Math.min(size, limit) + 1);
					let at = 0;
					while (at < bytes.length) {
						const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
						if (bytesRead === 0) break;
						at += bytesRead;
					}
					return bytes.subarray(0, at);
				} finally {
					await file.close();
				}
			} catch (error) {
				throw unreadable(place, error);
			}
		},
	};
}

/** Undefined when there is nothing, or something that is no file. */
async function fileSize(path: string): Promise<number | undefined> {
	try {
		const info = await stat(path);
		return info.isFile() ? info.size : undefined;
	} catch (error) {
		const { code } = error as { code?: string };
		if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
		throw unreadable(path, error);
	}
}

function unreadable(path: string, cause: unknown): LinacError {
	return new LinacError('FILE_UNREADABLE', `${path} cannot be read (${(cause as { code?: string }).code ?? String(cause)}).`, {
		details: { path },
		cause,
		retry: 'operator',
	});
}
