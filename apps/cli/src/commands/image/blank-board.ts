/** What a blank board does with an image, as JSON, the same in every command that says it. In words: `@linac/image`. */
import type { ImageVerdict } from '@linac/image';

export function verdictJson({ boots, ok, reasons, missing }: ImageVerdict): Record<string, unknown> {
	return { ok, boots, reasons, missing };
}
