import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP proxy in front of PostgreSQL that can lose the answers of the server. */
export interface SwallowingProxy {
  /** The server's URL by way of the proxy. */
  readonly url: string;
  /** From the next request that holds `marker` on: forwards requests, keeps answers. Resolves when that request has passed. */
  swallowAnswersTo(marker: string): Promise<void>;
  /** Destroys every connection and forwards normally from then on. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy for the server of a URL. */
export async function startProxy(target: string): Promise<SwallowingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  let marker: Buffer | undefined;
  let passed: (() => void) | undefined;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    let swallowing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (bytes: Buffer) => {
      // A command id is short, so it is never parted between two packets on loopback.
      if (marker && bytes.includes(marker)) {
        swallowing = true;
        marker = undefined;
        passed?.();
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => swallowing || client.write(bytes));
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    swallowAnswersTo: (text) =>
      new Promise((resolve) => {
        marker = Buffer.from(text);
        passed = resolve;
      }),
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
