/** What comes of the choices: the file to download, its memory map, what a blank board does with it, and what is wrong or worth knowing. */
import { useEffect, useRef } from 'preact/hooks';
import type { HexShown, Outcome } from '../../engine/image-methods.js';
import { announce } from '../../parts/announcer.js';
import { download } from '../../parts/download.js';
import { MemoryMapView } from '../../parts/memory-map.js';
import { sizeText } from '../../parts/numbers.js';
import { Failure } from '../../parts/problems.js';
import type { EngineAnswer } from '../../parts/use-engine.js';
import { WhatIsWrong } from './what-is-wrong.js';

export interface HexResultProps {
	answer: EngineAnswer<Outcome<HexShown>>;
	/** What to do before there can be a result. */
	before?: string;
}

export function HexResult({
	answer,
	before = 'Choose a board: the image is made at once, here in the browser.',
}: HexResultProps) {
	const { value, error, busy } = answer;
	useOutcomeAnnounced(answer);
	const made = value?.made;
	return (
		<section class="hex-result" aria-label="The image" aria-busy={busy}>
			{error !== undefined ? (
				<Failure error={error} title="The image could not be made" />
			) : made ? (
				<Made made={made} busy={busy} />
			) : busy ? (
				<p class="quiet">Making the image ...</p>
			) : !value ? (
				<p class="quiet">{before}</p>
			) : null}
			<WhatIsWrong problems={value?.problems ?? []} what="image" />
			{made && <MemoryMapView map={made.map} />}
		</section>
	);
}

function Made({ made, busy }: { made: HexShown; busy: boolean }) {
	const { file, bytes, sha256, title, blankBoard, replaced, svg } = made;
	return (
		<>
			<h2>{title}</h2>
			<p>
				<span class={`tag ${blankBoard.ok ? 'good' : 'caution'}`}>{blankBoard.ok ? '✓ Checked' : '! Mind'}</span>{' '}
				{blankBoard.headline} {blankBoard.reasons.join(' ')}
			</p>
			{replaced.length > 0 && <p>Replaced: {replaced.join(', ')}.</p>}
			<p class="row">
				<button type="button" class="primary" disabled={busy} onClick={() => download(file, bytes, 'text/plain')}>
					Download {file} ({sizeText(bytes.length)})
				</button>
				<button type="button" disabled={busy} onClick={() => download(file.replace(/\.hex$/, '.svg'), svg, 'image/svg+xml')}>
					Save the map as a drawing
				</button>
				{busy && <span class="quiet">Making it anew ...</span>}
			</p>
			<p class="hex-sum">
				SHA-256 <code>{sha256}</code>
			</p>
		</>
	);
}

/** Says when there is an image, and when there is none any more; not every time that it is made anew. */
function useOutcomeAnnounced({ value, busy }: HexResultProps['answer']): void {
	const said = useRef('');
	useEffect(() => {
		if (busy || !value) return;
		const errors = value.problems.filter((p) => p.severity === 'error');
		const sentence = value.made ? `${value.made.file} is ready.` : `There is no image: ${errors[0]?.message ?? ''}`;
		if (sentence !== said.current) announce(sentence);
		said.current = sentence;
	}, [value, busy]);
}
