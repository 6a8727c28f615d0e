/** The procedure for dfu-util: what `dfuPasses` has put in order, as calls of the program, with the waiting for DFU mode between them. */
import { inRange, inScope, type Platform, rules, rulesOf, swdFacts } from '@linac/catalog';
import { bad, good, type Verdict } from '@linac/core';
import { dfuPasses } from './dfu-passes.js';
import type { DfuPass, DfuWrite, ExportDraft, ExportedFile, ExportOptions, Script, ScriptStep } from './types.js';

/** Seconds that a device gets to put a bootloader in its place before it may be brought into DFU mode again. */
const APPLY_SECONDS = 20;

export function dfuUtilDraft(platform: Platform, options: ExportOptions): Verdict<ExportDraft> {
	const made = dfuPasses(platform, options);
	if (!made.ok) return bad(...made.problems);
	const { passes, notes } = made.value;
	const files = new Map<string, ExportedFile>();
	for (const { path, bytes } of passes.flatMap((p) => p.writes)) files.set(path, { path, bytes });
	const id = usbId(platform);
	const { dfu } = swdFacts().modes;
	const inPlace = rules().bootloaderUpdate.filter((f) => inScope(f, platform) && f.way === 'in-place');
	const applied = passes.flatMap((p) => p.applies ?? []);
	const draft: ExportDraft = {
		files: [...files.values()],
		script: script(platform, options, passes),
		commands: passes.flatMap((pass, i) => [
			...(passes.length > 1 ? [`# Pass ${i + 1} of ${passes.length}: the board in DFU mode`] : []),
			...pass.writes.map((w) => `dfu-util -d ${id} ${argumentsOf(w).join(' ')}`),
			...(pass.applies ? [`# It starts and puts ${pass.applies.slot} in its place: wait ${APPLY_SECONDS} s, power on`] : []),
		]),
		need: [
			'dfu-util 0.9 or newer (Debian, Ubuntu: apt install dfu-util; macOS: brew install dfu-util). On Linux the user needs the right to use the device (a udev rule for vendor 2b04).',
			`One ${platform.displayName} on USB, in DFU mode (blinking yellow). ${dfu!.how} The script waits for it.`,
			...(passes.length > 1 ? [`The board goes into DFU mode ${passes.length} times: the script says when.`] : []),
		],
		goodRun: [
			'for each file: "File downloaded successfully"; at the end: "DONE". Warnings about a DFU suffix are normal.',
			'The board starts by itself. While it puts a bootloader in its place it restarts once more; then it blinks or breathes as usual.',
		],
		trouble: [
			['"No DFU capable USB device available"', 'The board is not in DFU mode, or this user may not use it.'],
			[
				'"More than one DFU capable USB device found"',
				'Connect one board only, or name one: SERIAL=<device id> sh program.sh (dfu-util -l shows it).',
			],
			[
				'"Error during download get_status" after the last file of a pass',
				'The board has restarted already: this is no failure, and the script knows it.',
			],
			[
				'Stopped in the middle, or the cable was pulled',
				passes.length > 1
					? 'Bring the board into DFU mode with the buttons and run the script again, from the pass that was not finished: PASS=2 sh program.sh.'
					: 'Bring the board into DFU mode with the buttons and run the script again.',
			],
			...(applied.length > 0 ? troubleOfBootloader(platform, passes, options) : []),
			[
				'The board stays in DFU mode and every file is refused',
				'Device protection is on: it has to be turned off by its owner first.',
			],
		],
		notes,
		passes,
	};
	for (const fact of applied.length > 0 ? inPlace : []) draft.need.push(`Power that does not fail. ${fact.statement}`);
	return good(draft);
}

function troubleOfBootloader(platform: Platform, passes: DfuPass[], options: ExportOptions): [string, string][] {
	const out: [string, string][] = [];
	const first = passes[0]!;
	if (first.applies && first.writes.length === 2)
		out.push([
			`No working Device OS on the board (${first.applies.slot} is not taken in the first pass)`,
			'It takes one to put the bootloader in its place. Use SWD, or install the release that was on the board first.',
		]);
	for (const rule of rulesOf('stepping-stone', platform).filter(
		(r) => r.onlyIf === 'no-order' && inRange(r.target, options.release.moduleVersion) && r.installed.before === undefined,
	))
		out.push(['After the first pass it blinks yellow again by itself', rule.statement]);
	return out;
}

const usbId = (platform: Platform) => `${hex4(platform.usb.vendorId)}:${hex4(platform.usb.dfuProductId)}`;
const hex4 = (value: number) => value.toString(16).padStart(4, '0');
const hex8 = (value: number) => `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;

/** What dfu-util is told for one file: `-a 2 -s 0x80289000 -D modules/bootloader.bin`. */
export function argumentsOf(write: DfuWrite, separator = '/'): string[] {
	const place = `${hex8(write.address)}${write.leave ? ':leave' : ''}`;
	return ['-a', String(write.alternate), '-s', place, '-D', write.path.replaceAll('/', separator)];
}

const placeArguments = (place: NonNullable<DfuPass['applies']>, separator = '/') =>
	`${place.alternate} ${hex8(place.address)}:${place.length} ${place.path.replaceAll('/', separator)}`;

/** What to do after a failure in a pass: what the passes before it have done stands. */
function againFrom(pass: number): string {
	const from =
		pass === 0
			? ''
			: ` with PASS=${pass + 1} (PASS=${pass + 1} sh program.sh; in Windows: set PASS=${pass + 1}, then program.cmd)`;
	return `Bring the board into DFU mode with its buttons (hold MODE, tap RESET, let go when it blinks yellow) and run this script again${from}.`;
}

function script(platform: Platform, options: ExportOptions, passes: DfuPass[]): Script {
	const id = usbId(platform);
	const several = passes.length > 1;
	const steps: ScriptStep[] = [];
	for (const [i, pass] of passes.entries()) {
		const of = several ? ` (pass ${i + 1} of ${passes.length})` : '';
		const again = againFrom(i);
		const add = (step: ScriptStep) => steps.push(several ? { ...step, pass: i + 1 } : step);
		add({
			title: `Wait for a ${platform.displayName} in DFU mode${of}: hold MODE, tap RESET, let go when it blinks yellow`,
			sh: 'wait_dfu',
			cmd: ['call :wait_dfu'],
			failed: `Check the cable and the mode. dfu-util -l shows what is connected; on Linux run it as root once to see whether rights are missing. ${again}`,
		});
		for (const write of pass.writes) {
			const call = write.leave ? 'leave' : 'dfu';
			add({
				title: write.leave ? `${write.title}, and start the board` : write.title,
				sh: `${call} ${argumentsOf(write).join(' ')}`,
				cmd: [`call :${call} ${argumentsOf(write, '\\').join(' ')}`],
				failed: again,
			});
		}
		if (!pass.applies) continue;
		add({
			title: `Give Device OS ${APPLY_SECONDS} seconds to put ${pass.applies.slot} in its place: do not touch the board`,
			sh: 'sleep "$APPLY"',
			cmd: ['call :pause %APPLY%'],
			failed: again,
		});
		if (i + 1 === passes.length) continue;
		add({
			title: 'Wait for the board in DFU mode again: hold MODE, tap RESET, let go when it blinks yellow',
			sh: 'wait_dfu',
			cmd: ['call :wait_dfu'],
			failed: again,
		});
		add({
			title: `Read ${pass.applies.slot} back: it has to be in its place`,
			sh: `in_place ${placeArguments(pass.applies)}`,
			cmd: [`call :in_place ${placeArguments(pass.applies, '\\')}`],
			failed: `Device OS has not put it in its place. Press RESET, give the board ${APPLY_SECONDS} seconds with its power on. ${again}`,
		});
	}
	return {
		title: `Device OS ${options.release.version} for the ${platform.displayName} with dfu-util`,
		program: 'DFU_UTIL',
		install: 'Install dfu-util, or name it: DFU_UTIL=/path/to/dfu-util.',
		variables: [
			{ name: 'DFU_UTIL', value: 'dfu-util', meaning: 'The program.' },
			{ name: 'SERIAL', value: '', meaning: 'Device id of the board, where several are connected.' },
			{ name: 'WAIT', value: '120', meaning: 'Seconds to wait for a board in DFU mode.' },
			...(several
				? [
						{
							name: 'PASS',
							value: '1',
							meaning: `Pass to begin with, 1 to ${passes.length}: after a failure, the one that was not finished.`,
						},
					]
				: []),
			{ name: 'APPLY', value: String(APPLY_SECONDS), meaning: 'Seconds that Device OS gets to put a bootloader in its place.' },
		],
		sh: [
			'dfu() {',
			'\tif [ -n "$SERIAL" ]; then set -- -S "$SERIAL" "$@"; fi',
			`\t"$DFU_UTIL" -d ${id} "$@"`,
			'}',
			'# The board may be gone before dfu-util has asked it how it went: then what was said before counts.',
			'leave() {',
			'\tSTATUS=0',
			'\tOUTPUT=$(dfu "$@" 2>&1) || STATUS=$?',
			'\tprintf \'%s\\n\' "$OUTPUT"',
			'\tcase $OUTPUT in *"File downloaded successfully"*) return 0 ;; esac',
			'\treturn "$STATUS"',
			'}',
			'present() {',
			`\tLIST=$("$DFU_UTIL" -d ${id} -l 2>/dev/null) || return 1`,
			'\tcase $LIST in',
			`\t*"[${id}]"*"serial=\\"$SERIAL"*) return 0 ;;`,
			'\tesac',
			'\treturn 1',
			'}',
			'wait_dfu() {',
			'\tSECONDS_LEFT=$WAIT',
			'\tuntil present; do',
			'\t\tif [ "$SECONDS_LEFT" -le 0 ]; then return 1; fi',
			'\t\tsleep 1',
			'\t\tSECONDS_LEFT=$((SECONDS_LEFT - 1))',
			'\tdone',
			'}',
			...(passes.length > 1
				? [
						'in_place() { # alternate setting, address, file',
						'\trm -f readback.tmp',
						'\tdfu -a "$1" -s "$2" -U readback.tmp || return 1',
						'\tSTATUS=0',
						'\tcmp -s readback.tmp "$3" || STATUS=1',
						'\trm -f readback.tmp',
						'\treturn "$STATUS"',
						'}',
					]
				: []),
		],
		cmd: [
			':dfu',
			'set "SELECT="',
			'if defined SERIAL set "SELECT=-S %SERIAL%"',
			`"%DFU_UTIL%" -d ${id} %SELECT% %*`,
			'if not "%ERRORLEVEL%"=="0" exit /b 1',
			'exit /b 0',
			':leave',
			'call :dfu %* > "%TEMP%\\linac-leave.txt" 2>&1',
			'set "STATUS=%ERRORLEVEL%"',
			'type "%TEMP%\\linac-leave.txt"',
			'findstr /c:"File downloaded successfully" "%TEMP%\\linac-leave.txt" >nul',
			'if not errorlevel 1 exit /b 0',
			'exit /b %STATUS%',
			':wait_dfu',
			'set /a LEFT=%WAIT%',
			':wait_more',
			`"%DFU_UTIL%" -d ${id} -l 2>nul | findstr /c:"[${id}]" >nul`,
			'if not errorlevel 1 exit /b 0',
			'if %LEFT% leq 0 exit /b 1',
			'call :pause 1',
			'set /a LEFT-=1',
			'goto wait_more',
			...(passes.length > 1
				? [
						':in_place',
						'if exist readback.tmp del readback.tmp',
						'call :dfu -a %~1 -s %~2 -U readback.tmp',
						'if errorlevel 1 exit /b 1',
						'fc /b readback.tmp "%~3" >nul',
						'if errorlevel 1 exit /b 1',
						'del readback.tmp',
						'exit /b 0',
					]
				: []),
			':pause',
			'ping -n %~1 127.0.0.1 >nul',
			'ping -n 2 127.0.0.1 >nul',
			'exit /b 0',
		],
		steps,
		done: [`DONE: Device OS ${options.release.version} is on the board. It has started by itself.`],
	};
}
