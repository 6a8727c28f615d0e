/** Events are plain JSON with sequence numbers: the same one goes to the progress bar, a web page, a database and a test. */
export interface EventBase {
	/** 1, 2, 3 ... without gaps within one job. */
	seq: number;
	/** Milliseconds on the job's clock since the job began. */
	time: number;
	type: string;
}

/** Where a library says what it is doing. It never prints. */
export interface Log {
	debug(message: string, details?: object): void;
	warn(message: string, details?: object): void;
}

export const silentLog: Log = { debug() {}, warn() {} };

/** Ends a subscription. Calling it twice does nothing. */
export type Disposer = () => void;
