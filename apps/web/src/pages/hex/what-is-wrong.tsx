/** What is told beside a result: problems that no field of the form shows, and which fields have errors, each a step away. */
import type { FieldProblem, ImageField } from '../../engine/field-problems.js';
import { countText } from '../../parts/numbers.js';
import { Problems } from '../../parts/problems.js';

/** Fields that show their errors themselves: label, and id of the control. The names of unit fields begin their sentences. */
const fields: Partial<Record<ImageField, [label: string, id: string]>> = {
	release: ['Device OS', 'hex-release'],
	application: ['Application', 'hex-application-file'],
	base: ['Restore image', 'hex-base'],
	mbr: ["Nordic's MBR", 'hex-mbr'],
	nfcPins: ['NFC pins', 'hex-nfc'],
	layout: ['Layout', 'hex-layout'],
	tool: ['Program', 'hex-tool'],
	assets: ['Assets', 'hex-assets'],
	'device-private-key': ['Private key', 'hex-device-private-key'],
	'server-public-key': ['Public key', 'hex-server-public-key'],
	'server-address': ['Address of the server', 'hex-server-address'],
	'claim-code': ['Claim code', 'hex-claim-code'],
	antenna: ['Antenna', 'hex-antenna'],
	'setup-done': ['Setup is done', 'hex-setup-done'],
};

/** Of a list with a thousand wrong rows, that many are enough to begin with. */
const MOST = 50;

export interface WhatIsWrongProps {
	problems: readonly FieldProblem[];
	/** What there is none of because of the errors: `image`. */
	what: string;
}

export function WhatIsWrong({ problems, what }: WhatIsWrongProps) {
	const atFields = problems.filter((p) => p.severity === 'error' && fields[p.at] !== undefined);
	const others = problems.filter((p) => !atFields.includes(p));
	const named = [...new Set(atFields.map((p) => p.at))];
	return (
		<>
			{named.length > 0 && (
				<p>
					There is no {what} yet. What is wrong stands beside {named.length === 1 ? 'its field' : 'the fields'}:{' '}
					{named.map((at) => (
						<FieldLink key={at} at={at} />
					))}
				</p>
			)}
			<Problems problems={others.slice(0, MOST)} />
			{others.length > MOST && <p>And {countText(others.length - MOST, 'more problem')}.</p>}
		</>
	);
}

function FieldLink({ at }: { at: ImageField }) {
	const [label, id] = fields[at] ?? [at, at];
	return (
		<button type="button" class="hex-field-link" onClick={() => document.getElementById(id)?.focus()}>
			{label}
		</button>
	);
}
