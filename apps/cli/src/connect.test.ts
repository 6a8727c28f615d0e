import { hostDifferences } from '@linac/host';
import { expect, test } from 'vitest';
import { connect } from './connect.js';
import type { Context } from './context.js';

const context = { env: {}, signal: new AbortController().signal } as unknown as Context;

test('a job on USB waits as long as this system needs to show a device again', async () => {
	const { environment, close } = await connect(context, {});
	expect(environment.limits).toEqual(hostDifferences().reenumeration.value);
	await close();
});

test('devices of a USB/IP server are shown by that server: this system has no say', async () => {
	const { environment, close } = await connect(context, { usbip: '127.0.0.1:9' });
	expect(environment.limits).toEqual({});
	await close();
});
