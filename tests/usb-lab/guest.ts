/**
 * A throw-away Linux guest (QEMU without KVM, Debian's unchanged kernel) in which programs run unmodified, with USB/IP devices attached to its
 * kernel. Its root is this machine's file system, read-only, under a RAM overlay: what is installed here is there, and what is written there
 * vanishes, except in shared folders. One boot (8 s) serves any number of commands. docs/usb-lab.md.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { fileURLToPath } from 'node:url';
import { guestKernel } from './kernel.js';

/** A device of a USB/IP server on this machine. */
export interface UsbIpDevice {
	port: number;
	busid: string;
}

export interface Share {
	/** Folder of this machine, at the same path in the guest. */
	folder: string;
	readOnly?: boolean;
}

export interface GuestOptions {
	/** Attached before `bootGuest` resolves. */
	attach?: readonly UsbIpDevice[];
	shares?: readonly Share[];
	/** MiB; default 2048. Only what is used is taken from the machine. */
	memory?: number;
	/** Default 2. */
	cpus?: number;
	/** How the guest gets its root. Default: virtiofs where that works, which is much quicker, else 9p. */
	root?: '9p' | undefined;
}

export interface RunOptions {
	/** Default 120 s; then the command and all that it has started is killed, and the status is 137. */
	timeoutMs?: number;
	env?: Record<string, string>;
	/** Default /root. */
	cwd?: string;
	/** Default: none. */
	stdin?: string | Uint8Array;
	signal?: AbortSignal;
	/** Called with what comes out, as it comes. */
	onOutput?(text: string, stream: 'stdout' | 'stderr'): void;
}

/** A command that is running. */
export interface GuestProcess {
	/** Once the command has ended. */
	readonly result: Promise<RunResult>;
	/** Gives it input. */
	write(data: string | Uint8Array): void;
	/** Ends its input. */
	end(): void;
	/** Ends it, and what it has started. */
	kill(): void;
}

export interface RunResult {
	/** 127: it could not be started; 128 + n: ended by signal n. */
	status: number;
	stdout: string;
	stderr: string;
	/** stdout as it came. */
	bytes: Uint8Array;
	timedOut: boolean;
	/** From start to end, measured in the guest. */
	seconds: number;
}

/** What the guest's kernel has made of an attached device. */
export interface Enumerated {
	/** How often the device has been attached since the first time. */
	times: number;
	/** The kernel's name, e.g. `1-1`. */
	name: string;
	/** `2b04:c00d` */
	usbId: string;
	/** `/dev/ttyACM0`, where the device has a serial port. */
	serialPort: string | null;
}

export interface Guest {
	/** Kernel release, e.g. `6.1.0-49-amd64`. */
	readonly kernel: string;
	/** A writable folder that both sides see under this path. It vanishes with the guest. */
	readonly folder: string;
	/** Seconds from the call of `bootGuest` until commands could be run. */
	readonly bootSeconds: number;
	run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
	/** Starts a command with which the test wants to talk. Options as for `run`; its input stays open until `end()`. */
	start(argv: readonly string[], options?: Omit<RunOptions, 'stdin' | 'signal'>): GuestProcess;
	/** Attaches a device and resolves when the kernel has enumerated it. It stays attached through its restarts until `detach`. */
	attach(device: UsbIpDevice, options?: { timeoutMs?: number }): Promise<Enumerated>;
	detach(busid: string): Promise<void>;
	/** Resolves when an attached device is enumerated, as `usbId` if one is given, and attached for more than the `after`-th time. */
	enumerated(busid: string, options?: { usbId?: string; after?: number; timeoutMs?: number }): Promise<Enumerated>;
	close(): Promise<void>;
}

const bootMs = 180_000;
/** An idle machine enumerates a device in 0.7 s. Many at once on a busy one take minutes. */
const enumerationMs = 300_000;
const virtiofsd = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'];
const requiredTools = ['qemu-system-x86_64', 'busybox', 'cpio', 'xz', 'python3'];

/**
 * Why there can be no guest here, in words, or undefined where there can. Throws instead when LINAC_PEERS=required, as in CI: then nothing
 * may be skipped.
 */
export function noLabHere(): string | undefined {
	const missing =
		process.platform === 'linux' && process.arch === 'x64'
			? requiredTools.filter((name) => spawnSync(name, ['--help'], { stdio: 'ignore' }).error !== undefined)
			: ['a Linux on x86-64'];
	if (missing.length === 0) return undefined;
	const text = `There is no USB lab here: ${missing.join(', ')} missing. Run tests/usb-lab/install.sh.`;
	if (process.env.LINAC_PEERS === 'required') throw new Error(text);
	return text;
}

/** Starts a guest. Rejects with the guest's console when it does not come up within three minutes. */
export async function bootGuest(options: GuestOptions = {}): Promise<Guest> {
	const guest = await LabGuest.boot(options);
	try {
		await Promise.all((options.attach ?? []).map((device) => guest.attach(device)));
		return guest;
	} catch (error) {
		await guest.close();
		throw error;
	}
}

interface Pending {
	out: Buffer[];
	err: Buffer[];
	/** A character may be cut in two between two pieces. */
	decoders: Record<'stdout' | 'stderr', StringDecoder>;
	onOutput: RunOptions['onOutput'] | undefined;
	onStart: (() => void) | undefined;
	resolve(done: Record<string, unknown>): void;
	reject(error: Error): void;
}

class LabGuest implements Guest {
	readonly kernel: string;
	readonly folder: string;
	bootSeconds = 0;
	readonly #pending = new Map<number, Pending>();
	readonly #stopAtExit = () => this.#kill();
	#server: Server | undefined;
	#socket: Socket | undefined;
	#qemu: ChildProcess | undefined;
	#fileServer: ChildProcess | undefined;
	#ready: { resolve(): void; reject(error: Error): void } | undefined;
	#rest = '';
	#number = 0;
	#fileServerFailed = false;
	#ended: Error | undefined;

	private constructor(kernel: string) {
		this.kernel = kernel;
		this.folder = mkdtempSync(join(tmpdir(), 'linac-usb-lab-'));
	}

	static async boot(options: GuestOptions): Promise<LabGuest> {
		const files = guestKernel();
		const guest = new LabGuest(files.release);
		const began = performance.now();
		try {
			await guest.#start(files, options);
		} catch (error) {
			await guest.close();
			// In a container that may not change its root virtiofsd gives up once QEMU has come to it.
			if (guest.#fileServerFailed && options.root !== '9p') return LabGuest.boot({ ...options, root: '9p' });
			throw error;
		}
		guest.bootSeconds = (performance.now() - began) / 1000;
		return guest;
	}

	async #start(files: { kernel: string; initramfs: string }, options: GuestOptions): Promise<void> {
		const { shares = [], memory = 2048, cpus = 2 } = options;
		for (const name of ['start.sh', 'agent.py']) {
			copyFileSync(fileURLToPath(new URL(`guest/${name}`, import.meta.url)), join(this.folder, name));
		}
		await this.#listen();
		const rootOverVirtiofs = options.root !== '9p' && (await this.#serveRoot());
		const sharesText = shares.map((s, i) => `share${i} ${s.readOnly ? 'ro' : 'rw'} ${s.folder}`).join('\n');
		writeFileSync(
			join(this.folder, 'config'),
			`ROOTFS=${rootOverVirtiofs ? 'virtiofs' : '9p'}\nJOB='${this.folder}'\nSHARES='${sharesText}'\n`,
		);
		const ninePipe = (tag: string, folder: string, readOnly: boolean) => [
			...['-fsdev', `local,id=${tag},path=${folder},security_model=none,multidevs=remap${readOnly ? ',readonly=on' : ''}`],
			...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
		];
		const root = rootOverVirtiofs
			? [
					...['-object', `memory-backend-memfd,id=mem,size=${memory}M,share=on`, '-numa', 'node,memdev=mem'],
					...['-chardev', `socket,id=rootfs,path=${join(this.folder, 'root.sock')}`],
					...['-device', 'vhost-user-fs-pci,chardev=rootfs,tag=root,queue-size=1024'],
				]
			: ninePipe('root', '/', true);
		const args = [
			...['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'Nehalem', '-smp', String(cpus), '-m', String(memory)],
			...[
				'-M',
				'q35,usb=off,sata=off,smbus=off,hpet=off,graphics=off',
				'-nodefaults',
				'-no-user-config',
				'-display',
				'none',
				'-no-reboot',
			],
			...['-kernel', files.kernel, '-initrd', files.initramfs],
			'-append',
			'console=ttyS0 quiet panic=-1 nokaslr mitigations=off audit=0 selinux=0 apparmor=0 tsc=reliable random.trust_cpu=on rcupdate.rcu_expedited=1',
			...['-serial', `file:${join(this.folder, 'console.log')}`],
			...['-netdev', 'user,id=n0,ipv6=off', '-device', 'virtio-net-pci,netdev=n0,romfile=', '-device', 'virtio-rng-pci'],
			...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${join(this.folder, 'agent.sock')}`],
			...['-device', 'virtserialport,chardev=agent,name=linac.agent'],
			...ninePipe('job', this.folder, false),
			...root,
			...shares.flatMap((s, i) => ninePipe(`share${i}`, s.folder, s.readOnly ?? false)),
		];
		const ready = new Promise<void>((resolve, reject) => {
			this.#ready = { resolve, reject };
		});
		const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'pipe'] });
		this.#qemu = qemu;
		process.on('exit', this.#stopAtExit);
		let complaints = '';
		qemu.stderr.on('data', (text: Buffer) => {
			complaints += text.toString();
		});
		qemu.on('error', (error) => this.#end(`QEMU could not be started: ${error.message}`));
		qemu.on('exit', () => this.#end(`The guest has ended.\n${complaints}`));
		const late = setTimeout(() => this.#end(`The guest was not ready after ${bootMs / 1000} s.`), bootMs);
		try {
			await ready;
		} finally {
			clearTimeout(late);
		}
	}

	/** QEMU connects to this socket, whose other end is the agent. When this process dies, the agent sees the end of it and switches off. */
	async #listen(): Promise<void> {
		const server = createServer((socket) => {
			this.#socket = socket;
			socket.setEncoding('utf8');
			socket.on('data', (text: string) => this.#receive(text));
			socket.on('error', () => {});
			server.close();
		});
		this.#server = server;
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen(join(this.folder, 'agent.sock'), resolve);
		});
	}

	/** The root's server: far quicker than 9p for a program that opens hundreds of files. Ends by itself when QEMU does. */
	async #serveRoot(): Promise<boolean> {
		const program = virtiofsd.find((path) => existsSync(path));
		if (!program || process.getuid?.() !== 0) return false;
		const socket = join(this.folder, 'root.sock');
		// The one inside Debian 12's QEMU is the old one, in C, with options of its own.
		const args =
			program === virtiofsd[0]
				? [`--socket-path=${socket}`, '-o', 'source=/,cache=always,sandbox=chroot,no_posix_lock,log_level=err', '-f']
				: [`--socket-path=${socket}`, '--shared-dir=/', '--cache=always', '--sandbox=chroot', '--log-level=error'];
		const server = spawn(program, args, { stdio: 'ignore' });
		this.#fileServer = server;
		server.on('error', () => {});
		server.on('exit', () => {
			if (this.#ended || !existsSync(socket)) return;
			this.#fileServerFailed = true;
			this.#end('virtiofsd has ended.');
		});
		for (let i = 0; i < 100 && server.exitCode === null; i++) {
			if (existsSync(socket)) return true;
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		server.kill();
		return false;
	}

	#receive(text: string): void {
		const lines = (this.#rest + text).split('\n');
		this.#rest = lines.pop()!;
		for (const line of lines) {
			const message = JSON.parse(line) as {
				id?: number;
				ready?: number;
				started?: boolean;
				out?: string;
				err?: string;
				done?: Record<string, unknown>;
				failed?: string;
			};
			if (message.ready !== undefined) this.#ready?.resolve();
			const pending = this.#pending.get(message.id ?? 0);
			if (!pending) continue;
			if (message.started) pending.onStart?.();
			for (const [stream, text, pieces] of [
				['stdout', message.out, pending.out],
				['stderr', message.err, pending.err],
			] as const) {
				if (!text) continue;
				const bytes = Buffer.from(text, 'base64');
				pieces.push(bytes);
				pending.onOutput?.(pending.decoders[stream].write(bytes), stream);
			}
			if (message.done) pending.resolve(message.done);
			if (message.failed) pending.reject(new Error(message.failed));
		}
	}

	#ask(
		id: number,
		request: Record<string, unknown>,
		onOutput?: RunOptions['onOutput'],
		onStart?: () => void,
	): Promise<Pending & { done: Record<string, unknown> }> {
		if (this.#ended) return Promise.reject(this.#ended);
		return new Promise<Pending & { done: Record<string, unknown> }>((resolve, reject) => {
			const pending: Pending = {
				...{
					out: [],
					err: [],
					decoders: { stdout: new StringDecoder(), stderr: new StringDecoder() },
					onOutput,
					onStart,
					reject,
				},
				resolve: (done) => resolve({ ...pending, done }),
			};
			this.#pending.set(id, pending);
			this.#socket!.write(`${JSON.stringify({ id, ...request })}\n`);
		}).finally(() => this.#pending.delete(id));
	}

	async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
		const { stdin, signal } = options;
		signal?.throwIfAborted();
		const process = this.#begin(argv, options, stdin !== undefined);
		const kill = () => process.kill();
		signal?.addEventListener('abort', kill);
		try {
			if (stdin !== undefined) {
				await process.started;
				process.write(stdin);
				process.end();
			}
			const result = await process.result;
			signal?.throwIfAborted();
			return result;
		} finally {
			signal?.removeEventListener('abort', kill);
		}
	}

	start(argv: readonly string[], options: Omit<RunOptions, 'stdin' | 'signal'> = {}): GuestProcess {
		return this.#begin(argv, options, true);
	}

	#begin(argv: readonly string[], options: RunOptions, takesInput: boolean): GuestProcess & { started: Promise<void> } {
		const { timeoutMs = 120_000, env, cwd, onOutput } = options;
		const id = ++this.#number;
		let hasStarted = () => {};
		const started = new Promise<void>((resolve) => {
			hasStarted = resolve;
		});
		const asked = this.#ask(
			id,
			{ do: 'run', argv, input: takesInput, timeout: timeoutMs / 1000, ...(env && { env }), ...(cwd && { cwd }) },
			onOutput,
			hasStarted,
		);
		const result = asked.then(({ out, err, done }): RunResult => {
			hasStarted();
			const bytes = Buffer.concat(out);
			const { status, timedOut, seconds } = done as { status: number; timedOut: boolean; seconds: number };
			return { status, timedOut, seconds, bytes, stdout: bytes.toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
		});
		// Whoever waits for it sees the failure; here it must not end the whole process.
		result.catch(hasStarted);
		const tell = (message: object) => void started.then(() => this.#socket?.write(`${JSON.stringify({ ...message, id })}\n`));
		return {
			result,
			started,
			write: (data) => tell({ do: 'input', data: Buffer.from(data as string).toString('base64') }),
			end: () => tell({ do: 'input' }),
			kill: () => tell({ do: 'kill' }),
		};
	}

	async attach(device: UsbIpDevice, options: { timeoutMs?: number } = {}): Promise<Enumerated> {
		// 10.0.2.2 is this machine, as QEMU's user network has it.
		const request = { do: 'attach', host: '10.0.2.2', port: device.port, busid: device.busid };
		const { done } = await this.#ask(++this.#number, { ...request, timeout: (options.timeoutMs ?? enumerationMs) / 1000 });
		return done as unknown as Enumerated;
	}

	async detach(busid: string): Promise<void> {
		await this.#ask(++this.#number, { do: 'detach', busid });
	}

	async enumerated(busid: string, options: { usbId?: string; after?: number; timeoutMs?: number } = {}): Promise<Enumerated> {
		const { usbId, after = 0, timeoutMs = enumerationMs } = options;
		const { done } = await this.#ask(++this.#number, {
			do: 'wait',
			busid,
			after,
			timeout: timeoutMs / 1000,
			...(usbId && { usbId }),
		});
		return done as unknown as Enumerated;
	}

	async close(): Promise<void> {
		this.#end('The guest was closed.');
		const children = [this.#qemu, this.#fileServer].filter(
			(p) => p?.pid !== undefined && p.exitCode === null && p.signalCode === null,
		);
		const gone = Promise.all(children.map((p) => new Promise((resolve) => p!.once('exit', resolve))));
		this.#kill();
		await gone;
		process.off('exit', this.#stopAtExit);
		this.#socket?.destroy();
		this.#server?.close();
		rmSync(this.folder, { recursive: true, force: true });
	}

	#kill(): void {
		this.#qemu?.kill('SIGKILL');
		this.#fileServer?.kill('SIGKILL');
	}

	#end(why: string): void {
		if (this.#ended) return;
		const log = join(this.folder, 'console.log');
		const console = existsSync(log) ? `\nIts console:\n${readFileSync(log, 'utf8').slice(-4000)}` : '';
		this.#ended = new Error(`${why}${console}`);
		this.#ready?.reject(this.#ended);
		for (const pending of this.#pending.values()) pending.reject(this.#ended);
	}
}
