import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../stack/free-port.ts';

async function occupy(host: string): Promise<number> {
  const server = createServer();
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

test('gives the preferred port if it is free', async () => {
  const port = await findFreePort();
  expect(await findFreePort(port)).toBe(port);
});

test.each(['127.0.0.1', '0.0.0.0', '::'])('moves away from a port that is occupied on %s', async (host) => {
  const port = await occupy(host);
  const found = await findFreePort(port);
  expect(found).not.toBe(port);
  expect(found).toBeGreaterThan(0);
});
