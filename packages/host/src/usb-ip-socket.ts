/** A TCP socket of which exact numbers of bytes are read: USB/IP has no other framing. Not for anything that needs no order. */
import type { Socket } from 'node:net';

export class ByteSocket {
	readonly #socket: Socket;
	#chunks: Buffer[] = [];
	#held = 0;
	#ended = false;
	#waiting: { size: number; resolve(bytes: Uint8Array | undefined): void } | undefined;
	/** Resolves when the connection has ended, from either side. */
	readonly closed: Promise<void>;

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.setNoDelay(true);
		// Tells of a host that has vanished without a word.
		socket.setKeepAlive(true, 10_000);
		this.closed = new Promise((resolve) => {
			const end = () => {
				this.#ended = true;
				this.#serve();
				resolve();
			};
			socket.on('end', end);
			socket.on('close', end);
			// An error is always followed by 'close', which is what counts.
			socket.on('error', () => {});
		});
		socket.on('data', (chunk: Buffer) => {
			this.#chunks.push(chunk);
			this.#held += chunk.length;
			this.#serve();
			// What nobody has asked for is left in the kernel: the other side cannot fill this process's memory.
			if (!this.#waiting) socket.pause();
		});
		socket.pause();
	}

	/** The next `size` bytes; `undefined` when the connection ends before. One caller at a time. */
	read(size: number): Promise<Uint8Array | undefined> {
		return new Promise((resolve) => {
			this.#waiting = { size, resolve };
			this.#serve();
			if (this.#waiting) this.#socket.resume();
		});
	}

	/** Sends the parts in one go. Bytes for a connection that has ended are dropped: `closed` tells. */
	write(...parts: Uint8Array[]): void {
		if (this.#ended || this.#socket.destroyed) return;
		this.#socket.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
	}

	/** Ends the connection after what has been written is on its way. */
	end(): void {
		if (!this.#socket.destroyed) this.#socket.end();
		// A peer that never closes its side does not keep us.
		setTimeout(() => this.#socket.destroy(), 1_000).unref();
	}

	destroy(): void {
		this.#socket.destroy();
	}

	#serve(): void {
		const waiting = this.#waiting;
		if (!waiting) return;
		if (this.#held >= waiting.size) {
			this.#waiting = undefined;
			waiting.resolve(this.#take(waiting.size));
		} else if (this.#ended) {
			this.#waiting = undefined;
			waiting.resolve(undefined);
		}
	}

	#take(size: number): Uint8Array {
		const first = this.#chunks[0];
		if (first && first.length > size) {
			this.#chunks[0] = first.subarray(size);
			this.#held -= size;
			// A copy, and no Buffer: a Buffer's `slice` shares memory, which nobody above expects.
			return new Uint8Array(first.subarray(0, size));
		}
		const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
		const rest = all.subarray(size);
		this.#chunks = rest.length === 0 ? [] : [rest];
		this.#held = rest.length;
		return new Uint8Array(all.subarray(0, size));
	}
}
