/** The page "Inspector": what a file is, whether it is sound, what it needs, on what it would run; and what differs between two. */
import { FileDrop } from '../../parts/file-drop.js';
import { Comparison } from './comparison.js';
import { FileCard } from './file-card.js';
import { addFiles, openFiles, removeAllFiles } from './inspected-files.js';
import './inspect.css';

export default function InspectPage() {
	const files = openFiles.value;
	return (
		<section>
			<h1>Inspector</h1>
			<p>
				What is this file, is it sound, what does it need, and on what would it run? Modules, Intel HEX files, plain memory dumps,
				zip archives and asset bundles. With two files you also see what differs.
			</p>
			<FileDrop
				id="inspect-files"
				label="Drop files here, or choose them"
				help="Up to 64 MB each. Nothing is uploaded: your files are read in this page and never leave your computer."
				folderLabel="Or all files of a folder"
				multiple
				onFiles={addFiles}
			/>
			{files.length > 1 && (
				<div class="row end inspect-all">
					<button type="button" onClick={removeAllFiles}>
						Remove all
					</button>
				</div>
			)}
			{files.length > 1 && <Comparison files={files} />}
			{files.map((file) => (
				<FileCard key={file.id} file={file} />
			))}
		</section>
	);
}
