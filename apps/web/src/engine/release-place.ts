/** What the page's sources of Device OS have in common. */
import type {
	FurtherQuery,
	Platform,
	ReleaseQuery,
	ReleaseSet,
	ReleaseSummary,
	SourcedModule,
	SourceProgress,
} from '@linac/catalog';
import type { Verdict } from '@linac/core';

export type OnProgress = (progress: SourceProgress) => void;

/** Somewhere that Device OS comes from. Each throws, or refuses with the reason, when it has not what is asked for; then the next is asked. */
export interface ReleasePlace {
	/** For messages. */
	readonly name: string;
	list(signal?: AbortSignal): Promise<ReleaseSummary[]>;
	open(query: ReleaseQuery, signal?: AbortSignal, onProgress?: OnProgress): Promise<Verdict<ReleaseSet>>;
	/** The default application (Tinker): one that `fits`, else any; undefined when there is none. */
	application(
		platform: Platform,
		fits: (application: SourcedModule) => boolean,
		signal?: AbortSignal,
	): Promise<SourcedModule | undefined>;
	/** Undefined when there is none of that kind. */
	further(query: FurtherQuery, signal?: AbortSignal): Promise<{ bytes: Uint8Array; origin: string } | undefined>;
}
