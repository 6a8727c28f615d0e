/**
 * Programs that others wrote and Debian packages (srecord, OpenOCD, dfu-util, Info-ZIP, Python, OpenSSL, Chromium): peers for comparison. Where one is not
 * installed its tests are skipped, unless LINAC_PEERS=required (as in CI, which installs them): then its absence is a failure.
 */
import { spawnSync } from 'node:child_process';

const packageOf: Record<string, string> = {
	srec_cat: 'srecord',
	srec_info: 'srecord',
	openocd: 'openocd',
	'dfu-util': 'dfu-util',
	unzip: 'unzip',
	python3: 'python3',
	openssl: 'openssl',
	'/usr/bin/chromium': 'chromium',
};

/** Whether the program can be run. Throws when it has to be there and is not. */
export function hasTool(name: keyof typeof packageOf & string): boolean {
	const there = spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
	if (!there && process.env.LINAC_PEERS === 'required') {
		throw new Error(`${name} is not installed. Debian: apt-get install ${packageOf[name]}`);
	}
	return there;
}
