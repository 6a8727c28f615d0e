/**
 * The procedure for OpenOCD: a Tcl file that writes and verifies, and the call of it. STM32F2: only sectors that the image fills, write protection off
 * and of the bootloader on again. nRF52840: whole chip erased where the image brings the UICR. RTL872x: OpenOCD has no driver for its flash; Particle's
 * script rtl872x.tcl (with a loader that is not ours to hand out) writes file by file. docs: Using SWD/JTAG.
 */
import { type Platform, regionOf, swdMcuFacts } from '@linac/catalog';
import { address, bad, good, type Verdict } from '@linac/core';
import { ascii } from './script.js';
import { type SwdImage, swdImage } from './swd-image.js';
import type { ExportDraft, ExportedFile, ExportOptions, Script } from './types.js';

const PAGE = 4096;
const TCL = 'program.tcl';

export function openocdDraft(platform: Platform, options: ExportOptions): Verdict<ExportDraft> {
	const made = swdImage(platform, options);
	if (!made.ok) return bad(...made.problems);
	const image = made.value;
	const target = swdMcuFacts(platform)?.openocdTarget;
	const how = target === undefined ? rtl872x(image) : { files: [image.hex], lines: direct(platform, image) };
	const files: ExportedFile[] = [...how.files, { path: TCL, bytes: ascii(tcl(platform, options, how.lines)) }];
	const loses = swdMcuFacts(platform)?.chipErase === 'loses-settings';
	const targetFile = target ?? '"$RTL872X_TCL"';
	return good({
		files,
		script: script(platform, options, target),
		commands: [`openocd -f interface/cmsis-dap.cfg -c "transport select swd" -f ${targetFile} -f ${TCL}`],
		need: [
			'OpenOCD 0.11 or newer (Debian, Ubuntu: apt install openocd; macOS: brew install openocd; Windows: the one of Particle Workbench).',
			target === undefined
				? 'A Particle Debugger or another CMSIS-DAP probe, and the file rtl872x.tcl from the folder scripts of github.com/particle-iot/device-os: it holds the flash loader, which is not in this folder. Put it here, or name it: RTL872X_TCL=/path/to/rtl872x.tcl.'
				: `A Particle Debugger (INTERFACE=cmsis-dap, the default), a J-Link (INTERFACE=jlink)${loses ? ', or an ST-LINK/V2 (INTERFACE=stlink)' : ''}.`,
		],
		goodRun:
			target === undefined
				? [
						'for each file: "O.K. Verify time" and "** Programming Finished **"; at the end: "DONE". The board restarts by itself.',
					]
				: ['"wrote ... bytes from file", "verified ... bytes", and at the end: "DONE". The board restarts by itself.'],
		trouble: [
			[
				'"Error: unable to find a matching CMSIS-DAP device" or "open failed"',
				'The probe is not connected, another program uses it, or this user may not use it (a udev rule on Linux).',
			],
			[
				'"Error connecting DP: cannot read IDR" or "init mode failed"',
				'The board has no power, SWDIO and SWCLK are swapped, or it is not in the mode that is named above.',
			],
			...troubleOf(image, target),
			[
				'Stopped in the middle',
				'Run the script again: it begins from the start, and nothing that was on the board before is needed.',
			],
		],
		notes: image.notes,
	});
}

function troubleOf(image: SwdImage, target: string | undefined): [string, string][] {
	if (target === undefined)
		return [['"Flash Verify FAILED!"', 'Run it again. The board needs power from USB or a supply, not from the probe.']];
	if (image.chipErase)
		return [
			[
				'"AP lock engaged" or "Could not find MEM-AP"',
				'The chip is closed to SWD. "openocd -f interface/cmsis-dap.cfg -c \'transport select swd\' -f target/nrf52.cfg -c init -c nrf52_recover -c shutdown" erases it and opens it (a Particle Debugger or other CMSIS-DAP probe, or J-Link); then run the script again.',
			],
		];
	return [
		[
			'"Device Security Bit Set" or reading protection',
			'Opening such a chip erases it with its keys. Ask the owner of the boards first.',
		],
		[
			'The chip is not found although it is wired',
			'Connect its RESET to the probe, and run it with RESET=1: the board is then held in reset while the probe connects.',
		],
	];
}

/** Chips whose flash OpenOCD knows. */
function direct(platform: Platform, image: SwdImage): string[] {
	const { path } = image.hex;
	if (image.chipErase) return ['nrf5 mass_erase', `echo [flash write_image ${path}]`, `echo [verify_image ${path}]`];
	const sectors = sectorIndexes(platform);
	const bootloader = regionOf(platform, 'bootloader');
	const protect = swdMcuFacts(platform)?.chipErase === 'loses-settings' && bootloader !== undefined;
	const locked = bootloader ? sectors(bootloader.start, bootloader.end) : undefined;
	const last = platform.flash.find((f) => f.storage === 'internal')!.sectors.reduce((sum, s) => sum + s.count, 0) - 1;
	return [
		...(protect ? [`flash protect 0 0 ${last} off`] : []),
		`echo [flash write_image erase ${path}]`,
		`echo [verify_image ${path}]`,
		// Device OS itself keeps only the bootloader protected (v2.2.0: core_hal_stm32f2xx.c, HAL_Bootloader_Lock).
		...(protect && locked ? [`flash protect 0 ${locked.first} ${locked.last} on`] : []),
	];
}

/** Numbers of the erase sectors that a range touches. */
function sectorIndexes(platform: Platform): (start: number, end: number) => { first: number; last: number } {
	const geometry = platform.flash.find((f) => f.storage === 'internal')!;
	const starts: number[] = [];
	let at = geometry.base;
	for (const { count, size } of geometry.sectors) for (let i = 0; i < count; i++, at += size) starts.push(at);
	const indexOf = (value: number) => starts.filter((s) => s <= value).length - 1;
	return (start, end) => ({ first: indexOf(start), last: indexOf(end - 1) });
}

/** One file a part, from the beginning of its page: rtl872x.tcl erases by pages. What is in front of an application in its page is not used. */
function rtl872x(image: SwdImage): { files: ExportedFile[]; lines: string[] } {
	const files: ExportedFile[] = [];
	const lines: string[] = [];
	for (const part of image.composed.parts) {
		const lead = part.start % PAGE;
		const bytes = new Uint8Array(lead + part.bytes.length).fill(0xff);
		bytes.set(part.bytes, lead);
		const path = `${part.name}.bin`;
		files.push({ path, bytes });
		lines.push(`rtl872x_flash_write_bin_ext ${path} ${address(part.start - lead)} 1 1`);
	}
	return { files, lines: [...lines, 'rtl872x_wdg_reset'] };
}

function tcl(platform: Platform, options: ExportOptions, lines: string[]): string {
	const own = swdMcuFacts(platform)?.openocdTarget === undefined;
	return [
		`# Device OS ${options.release.version} for the ${platform.displayName}, for OpenOCD. program.sh and program.cmd run it.`,
		'proc linac_program {} {',
		'\tinit',
		'\treset halt',
		...lines.map((line) => `\t${line}`),
		...(own ? [] : ['\treset run']),
		'}',
		'if {[catch linac_program why]} {',
		'\techo "STOPPED: $why"',
		'\tshutdown error',
		'} else {',
		'\techo "All parts are written and verified."',
		'\tshutdown',
		'}',
		'',
	].join('\n');
}

function script(platform: Platform, options: ExportOptions, target: string | undefined): Script {
	const file = target ?? '"$RTL872X_TCL"';
	const fileCmd = target ?? '"%RTL872X_TCL%"';
	const loses = swdMcuFacts(platform)?.chipErase === 'loses-settings';
	const failed = 'Look at the last lines that OpenOCD printed; README.txt says what they mean. Then run this script again.';
	return {
		title: `Device OS ${options.release.version} for the ${platform.displayName} with OpenOCD`,
		program: 'OPENOCD',
		install: 'Install OpenOCD, or name it: OPENOCD=/path/to/openocd.',
		variables: [
			{ name: 'OPENOCD', value: 'openocd', meaning: 'The program.' },
			{
				name: 'INTERFACE',
				value: 'cmsis-dap',
				meaning: loses
					? 'The probe: cmsis-dap (Particle Debugger), jlink, or stlink (ST-LINK/V2).'
					: target === undefined
						? 'The probe: cmsis-dap (Particle Debugger).'
						: 'The probe: cmsis-dap (Particle Debugger) or jlink.',
			},
			{ name: 'SPEED', value: '1000', meaning: 'Speed of SWD in kHz.' },
			{ name: 'SERIAL', value: '', meaning: 'Serial number of the probe, where several are connected.' },
			...(loses ? [{ name: 'RESET', value: '', meaning: '1: RESET is wired, connect while it is held.' }] : []),
			...(target === undefined
				? [{ name: 'RTL872X_TCL', value: 'rtl872x.tcl', meaning: "Particle's script for the RTL872x." }]
				: []),
		],
		sh: [
			'openocd_run() {',
			'\tset -- -f "interface/$INTERFACE.cfg"',
			'\tif [ "$INTERFACE" != stlink ]; then set -- "$@" -c "transport select swd"; fi',
			`\tset -- "$@" -f ${file} -c "adapter speed $SPEED"`,
			'\tif [ -n "$SERIAL" ]; then set -- "$@" -c "adapter serial $SERIAL"; fi',
			...(loses
				? ['\tif [ -n "$RESET" ]; then set -- "$@" -c "reset_config srst_only srst_nogate connect_assert_srst"; fi']
				: []),
			`\t"$OPENOCD" "$@" -f ${TCL}`,
			'}',
		],
		cmd: [
			':openocd_run',
			'set "MORE="',
			'if not "%INTERFACE%"=="stlink" set MORE=-c "transport select swd"',
			'set "WHICH="',
			'if defined SERIAL set WHICH=-c "adapter serial %SERIAL%"',
			...(loses ? ['set "HOLD="', 'if defined RESET set HOLD=-c "reset_config srst_only srst_nogate connect_assert_srst"'] : []),
			`"%OPENOCD%" -f interface/%INTERFACE%.cfg %MORE% -f ${fileCmd} -c "adapter speed %SPEED%" %WHICH%${loses ? ' %HOLD%' : ''} -f ${TCL}`,
			'if not "%ERRORLEVEL%"=="0" exit /b 1',
			'exit /b 0',
		],
		steps: [
			...(target === undefined
				? [
						{
							title: "See that Particle's script for the RTL872x is there",
							sh: '[ -f "$RTL872X_TCL" ]',
							cmd: ['dir /b "%RTL872X_TCL%" >nul 2>nul'],
							failed:
								'Download scripts/rtl872x.tcl from github.com/particle-iot/device-os into this folder, or name it in RTL872X_TCL.',
						},
					]
				: []),
			{ title: 'Write everything and verify it', sh: 'openocd_run', cmd: ['call :openocd_run'], failed },
		],
		done: [`DONE: Device OS ${options.release.version} is on the board, and was verified. It has been restarted.`],
	};
}
