/**
 * The procedures for the programs of probe and chip makers: J-Link Commander, nrfjprog, STM32CubeProgrammer. They are not free to hand out, and
 * were not at hand: the commands are those of their manuals (data/swd.json, `tools`).
 */
import { type Platform, swdMcuFacts } from '@linac/catalog';
import { address, bad, good, type Verdict } from '@linac/core';
import { ascii } from './script.js';
import { segmentFiles, swdImage } from './swd-image.js';
import type { ExportDraft, ExportOptions, Script } from './types.js';

const again = 'Look at the last lines that the program printed; README.txt says what they mean. Then run this script again.';
const restart: [string, string] = [
	'Stopped in the middle',
	'Run the script again: it begins from the start, and nothing that was on the board before is needed.',
];
const noProbe: [string, string] = ['No probe is found', 'It is not connected, or another program uses it.'];

export function jlinkDraft(platform: Platform, options: ExportOptions): Verdict<ExportDraft> {
	const made = swdImage(platform, options);
	if (!made.ok) return bad(...made.problems);
	const { composed, hex, chipErase, notes } = made.value;
	const parts = segmentFiles(composed);
	const device = swdMcuFacts(platform)!.jlinkDevice!;
	const lines = [
		'r',
		'h',
		...(chipErase ? ['erase'] : []),
		`loadfile ${hex.path}`,
		...parts.map((p) => `verifybin ${p.file.path}, ${address(p.start)}`),
		'r',
		'g',
		'exit',
	];
	const call = (program: string) => `${program} -NoGui 1 -ExitOnError 1 -Device ${device} -If SWD -Speed`;
	const script: Script = {
		...titles(platform, options, 'J-Link Commander'),
		program: 'JLINK',
		install: "Install SEGGER's J-Link software, or name the program: JLINK=/path/to/JLinkExe.",
		variables: [
			{ name: 'JLINK', value: 'JLinkExe', cmdValue: 'JLink', meaning: 'The program.' },
			{ name: 'SPEED', value: '4000', meaning: 'Speed of SWD in kHz.' },
			{ name: 'SERIAL', value: '', meaning: 'Serial number of the J-Link, where several are connected.' },
		],
		sh: [
			'# The status of J-Link Commander does not tell all failures: what it printed counts too.',
			'jlink_run() {',
			'\tSTATUS=0',
			'\tif [ -n "$SERIAL" ]; then set -- -SelectEmuBySN "$SERIAL"; else set --; fi',
			`\t${call('"$JLINK" "$@"')} "$SPEED" -AutoConnect 1 -CommandFile program.jlink >jlink.log 2>&1 || STATUS=$?`,
			'\tcat jlink.log',
			'\tif [ "$STATUS" -ne 0 ]; then return 1; fi',
			`\t[ "$(grep -c -i 'Verify successful' jlink.log)" -eq ${parts.length} ]`,
			'}',
		],
		cmd: [
			':jlink_run',
			'set "SELECT="',
			'if defined SERIAL set "SELECT=-SelectEmuBySN %SERIAL%"',
			`${call('"%JLINK%" %SELECT%')} %SPEED% -AutoConnect 1 -CommandFile program.jlink > jlink.log 2>&1`,
			'set "STATUS=%ERRORLEVEL%"',
			'type jlink.log',
			'if not "%STATUS%"=="0" exit /b 1',
			`for /f %%n in ('findstr /i /c:"Verify successful" jlink.log ^| find /c /v ""') do if "%%n"=="${parts.length}" exit /b 0`,
			'exit /b 1',
		],
		steps: [{ title: 'Write everything and compare it', sh: 'jlink_run', cmd: ['call :jlink_run'], failed: again }],
		done: done(options),
	};
	return good({
		files: [hex, ...parts.map((p) => p.file), { path: 'program.jlink', bytes: ascii(`${lines.join('\n')}\n`) }],
		script,
		commands: [`${call('JLinkExe')} 4000 -AutoConnect 1 -CommandFile program.jlink`, ...lines.map((line) => `    ${line}`)],
		need: ["SEGGER's J-Link software (JLinkExe; in Windows JLink.exe), and a J-Link whose licence allows production."],
		goodRun: [
			`"O.K." behind the download, "Verify successful" ${parts.length} times, and at the end: "DONE". The board restarts by itself.`,
		],
		trouble: [
			noProbe,
			[
				'"Cannot connect to target"',
				'The board has no power, SWDIO and SWCLK are swapped, or it is not in the mode that is named above.',
			],
			...(chipErase
				? [
						[
							'The chip is secured',
							'Let J-Link Commander unlock it: "unlock nRF52". This erases the chip; nothing on it is needed.',
						] as [string, string],
					]
				: [
						[
							'Write protected sectors',
							'Let J-Link remove the protection of sectors when it asks. Never let it erase the whole chip.',
						] as [string, string],
					]),
			restart,
		],
		notes,
	});
}

export function nrfjprogDraft(platform: Platform, options: ExportOptions): Verdict<ExportDraft> {
	const made = swdImage(platform, options);
	if (!made.ok) return bad(...made.problems);
	const { hex, chipErase, notes } = made.value;
	const work = `--program ${hex.path} ${chipErase ? '--chiperase' : '--sectorerase'} --verify --reset`;
	const script: Script = {
		...titles(platform, options, 'nrfjprog'),
		program: 'NRFJPROG',
		install:
			"Install Nordic's nRF Command Line Tools and SEGGER's J-Link software, or name the program: NRFJPROG=/path/to/nrfjprog.",
		variables: [
			{ name: 'NRFJPROG', value: 'nrfjprog', meaning: 'The program.' },
			{ name: 'SERIAL', value: '', meaning: 'Serial number of the J-Link, where several are connected.' },
		],
		sh: ['nrfjprog_run() {', '\tif [ -n "$SERIAL" ]; then set -- --snr "$SERIAL" "$@"; fi', '\t"$NRFJPROG" -f NRF52 "$@"', '}'],
		cmd: [
			':nrfjprog_run',
			'set "SELECT="',
			'if defined SERIAL set "SELECT=--snr %SERIAL%"',
			'"%NRFJPROG%" -f NRF52 %SELECT% %*',
			'if not "%ERRORLEVEL%"=="0" exit /b 1',
			'exit /b 0',
		],
		steps: [
			{
				title: 'Erase, write everything, verify it and restart',
				sh: `nrfjprog_run ${work}`,
				cmd: [`call :nrfjprog_run ${work}`],
				failed: again,
			},
		],
		done: done(options),
	};
	return good({
		files: [hex],
		script,
		commands: [`nrfjprog -f NRF52 ${work}`],
		need: ["Nordic's nRF Command Line Tools and SEGGER's J-Link software, and a J-Link whose licence allows production."],
		goodRun: ['"Verified OK." and "Run.", and at the end: "DONE". It takes about ten seconds.'],
		trouble: [
			noProbe,
			[
				'"Access protection is enabled"',
				'The chip is closed to SWD: "nrfjprog -f NRF52 --recover" erases it and opens it; then run the script again. Nothing on the chip is needed.',
			],
			restart,
		],
		notes,
	});
}

export function cubeProgrammerDraft(platform: Platform, options: ExportOptions): Verdict<ExportDraft> {
	const made = swdImage(platform, options);
	if (!made.ok) return bad(...made.problems);
	const { hex, notes } = made.value;
	const work = `-w ${hex.path} -v -rst`;
	const script: Script = {
		...titles(platform, options, 'STM32CubeProgrammer'),
		program: 'CUBE',
		install: 'Install STM32CubeProgrammer, or name the program: CUBE=/path/to/STM32_Programmer_CLI.',
		variables: [
			{ name: 'CUBE', value: 'STM32_Programmer_CLI', meaning: 'The program.' },
			{ name: 'MODE', value: 'UR', meaning: 'UR: connect under reset, RESET has to be wired. NORMAL: the board is in DFU mode.' },
			{ name: 'SERIAL', value: '', meaning: 'Serial number of the probe, where several are connected.' },
		],
		sh: [
			'cube_run() {',
			'\tif [ -n "$SERIAL" ]; then set -- "sn=$SERIAL" "$@"; fi',
			'\t"$CUBE" -c port=SWD "mode=$MODE" "$@"',
			'}',
		],
		cmd: [
			':cube_run',
			'set "SELECT="',
			'if defined SERIAL set SELECT="sn=%SERIAL%"',
			'"%CUBE%" -c port=SWD mode=%MODE% %SELECT% %*',
			'if not "%ERRORLEVEL%"=="0" exit /b 1',
			'exit /b 0',
		],
		steps: [
			{
				title: 'Write everything, verify it and restart',
				sh: `cube_run ${work}`,
				cmd: [`call :cube_run ${work}`],
				failed: again,
			},
		],
		done: done(options),
	};
	return good({
		files: [hex],
		script,
		commands: [`STM32_Programmer_CLI -c port=SWD mode=UR ${work}`],
		need: [
			'STM32CubeProgrammer, and an ST-LINK/V2 or a J-Link. RESET of the board wired to the probe; without it: MODE=NORMAL and the board in DFU mode.',
		],
		goodRun: [
			'"File download complete" and "Download verified successfully", and at the end: "DONE". The board restarts by itself.',
		],
		trouble: [
			noProbe,
			['"No STM32 target found"', 'The board has no power, SWDIO and SWCLK are swapped, or RESET is not wired (see MODE).'],
			[
				'An error about write protection',
				'Particle boards protect the sector of the bootloader. Remove it in the option bytes: STM32_Programmer_CLI -c port=SWD mode=UR -ob nWRP0=1, then run the script again.',
			],
			['An error about read protection', 'Opening such a chip erases it with its keys. Ask the owner of the boards first.'],
			restart,
		],
		notes,
	});
}

function titles(platform: Platform, options: ExportOptions, tool: string): { title: string } {
	return { title: `Device OS ${options.release.version} for the ${platform.displayName} with ${tool}` };
}

function done(options: ExportOptions): string[] {
	return [`DONE: Device OS ${options.release.version} is on the board, and was verified. It has been restarted.`];
}
