/** What `linac hex` can be told. Declared for people in register/hex.ts. */
import type { ImageOptions } from '../image/compose-options.js';
import type { UnitOptions } from '../image/unit-options.js';

export interface HexOptions extends ImageOptions, UnitOptions {
	base?: string;
	units?: string;
	layout?: string;
	out?: string;
	force?: boolean;
}
