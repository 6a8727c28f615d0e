/** A folder for somebody else's programmer, as one zip: images, scripts, and a page for the operator. */
import { useMemo } from 'preact/hooks';
import type { FieldProblem } from '../../engine/field-problems.js';
import type { ToolShown } from '../../engine/image-facts.js';
import type { ExportShown } from '../../engine/image-methods.js';
import { download } from '../../parts/download.js';
import { Field, fieldProps } from '../../parts/field.js';
import { sizeText } from '../../parts/numbers.js';
import { Failure } from '../../parts/problems.js';
import { ScrollArea } from '../../parts/scroll-area.js';
import { useEngine } from '../../parts/use-engine.js';
import { board, release, tool, useRequest, wrongAt } from './choices.js';
import { ImageForm } from './image-form.js';
import { UnitFields } from './unit-fields.js';
import { WhatIsWrong } from './what-is-wrong.js';

/** Milliseconds without a change before it is made. */
const WAIT = 250;

export function ExportSection() {
	const tools = board.value?.tools ?? [];
	const chosen = tools.find((t) => t.tool === tool.value) ?? tools[0];
	// dfu-util writes them through alternate setting 1, which every board has.
	const settings = chosen?.wholeImage === false || release.value?.settings === true;
	const request = useRequest(settings);
	const wanted = useMemo(() => (request && chosen ? { ...request, tool: chosen.tool } : undefined), [request, chosen?.tool]);
	const { value, error, busy } = useEngine('image.export', wanted, WAIT);
	const problems = value?.problems ?? [];
	return (
		<div class="hex-columns">
			<ImageForm problems={problems} partial={chosen?.wholeImage === false} only={(p) => p.tools.length > 0}>
				<ToolField tools={tools} chosen={chosen?.tool ?? ''} problems={problems} />
				<UnitFields possible={settings} single={chosen?.wholeImage === false} problems={problems} />
			</ImageForm>
			<section class="hex-result" aria-label="The folder" aria-busy={busy}>
				{error !== undefined && <Failure error={error} title="The folder could not be made" />}
				{!value && busy && <p class="quiet">Making the folder ...</p>}
				{!value && !busy && error === undefined && (
					<p class="quiet">Choose a board and the program that boards are programmed with.</p>
				)}
				{value?.made && <Folder made={value.made} busy={busy} />}
				<WhatIsWrong problems={problems} what="folder" />
			</section>
		</div>
	);
}

interface ToolFieldProps {
	tools: readonly ToolShown[];
	chosen: string;
	problems: readonly FieldProblem[];
}

function ToolField({ tools, chosen, problems }: ToolFieldProps) {
	const wrong = wrongAt(problems, 'tool');
	return (
		<Field id="hex-tool" label="The boards are programmed with" wrong={wrong}>
			<select
				{...fieldProps('hex-tool', { wrong })}
				value={chosen}
				onChange={(event) => {
					tool.value = event.currentTarget.value as typeof tool.value;
				}}
			>
				{tools.map((t) => (
					<option key={t.tool} value={t.tool}>
						{t.name} ({t.wholeImage ? 'SWD' : 'USB'})
					</option>
				))}
			</select>
		</Field>
	);
}

function Folder({ made: { folder, zip, files }, busy }: { made: ExportShown; busy: boolean }) {
	return (
		<>
			<h2>{folder}</h2>
			<p>
				Hand over the whole folder. README.txt in it is for the operator; <code>sh program.sh</code> or <code>program.cmd</code>{' '}
				does the work. linac itself is not needed there.
			</p>
			<p class="row">
				<button type="button" class="primary" disabled={busy} onClick={() => download(`${folder}.zip`, zip, 'application/zip')}>
					Download {folder}.zip ({sizeText(zip.length)})
				</button>
				{busy && <span class="quiet">Making it anew ...</span>}
			</p>
			<ScrollArea label="Files in the folder">
				<table>
					<thead>
						<tr>
							<th scope="col">File</th>
							<th scope="col">Size</th>
							<th scope="col">SHA-256</th>
						</tr>
					</thead>
					<tbody>
						{files.map((f) => (
							<tr key={f.path}>
								<td>{f.path}</td>
								<td>{sizeText(f.size)}</td>
								<td>
									<code title={f.sha256}>{f.sha256.slice(0, 12)}…</code>
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</ScrollArea>
		</>
	);
}
