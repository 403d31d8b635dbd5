import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP proxy in front of PostgreSQL that can lose the answers of the server. */
export interface SwallowingProxy {
  /** The server's URL by way of the proxy. */
  readonly url: string;
  /** From the next request that holds `marker` on: forwards requests, keeps answers. Resolves when that request has passed. */
  swallowAnswersTo(marker: string): Promise<void>;
  /** Cuts the connection inside the next request that holds `marker`: the server gets the bytes before it. Resolves when it has. */
  cutRequestAt(marker: string): Promise<void>;
  /** Cuts the connection inside the answer to the next request that holds `marker`: the client gets its first byte. */
  cutAnswerTo(marker: string): Promise<void>;
  /**
   * From now on the connections that are open carry nothing in either direction, and nobody is told: a cable is cut.
   * @param newOnes are connected and hear nothing either
   */
  freeze(options?: { readonly newOnes?: boolean }): void;
  /** Forgets a trap that nothing ran into. */
  disarm(): void;
  /** How many connections are open. */
  connections(): number;
  /** Destroys every connection and forwards normally from then on. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy for the server of a URL. */
export async function startProxy(target: string): Promise<SwallowingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  let trap:
    | { readonly marker: Buffer; readonly kind: 'swallow' | 'request' | 'answer'; readonly passed: () => void }
    | undefined;
  const frozen = new WeakSet<net.Socket>();
  let freezeNew = false;
  const set = (text: string, kind: 'swallow' | 'request' | 'answer'): Promise<void> =>
    new Promise((resolve) => {
      trap = { marker: Buffer.from(text), kind, passed: resolve };
    });
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    if (freezeNew) frozen.add(client);
    let swallowing = false;
    let cutting: (() => void) | undefined;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (bytes: Buffer) => {
      if (frozen.has(client)) return;
      // A command id is short, so it is never parted between two packets on loopback.
      const at = trap ? bytes.indexOf(trap.marker) : -1;
      if (trap && at >= 0) {
        const { kind, passed } = trap;
        trap = undefined;
        if (kind === 'request') {
          upstream.end(bytes.subarray(0, at));
          client.destroy();
          passed();
          return;
        }
        if (kind === 'answer') cutting = passed;
        else {
          swallowing = true;
          passed();
        }
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => {
      if (cutting) {
        client.end(bytes.subarray(0, 1));
        upstream.destroy();
        cutting();
      } else if (!swallowing && !frozen.has(client)) client.write(bytes);
    });
    // A server that is killed, or is not there, must not look like one that thinks.
    upstream.on('close', () => {
      if (!swallowing && !frozen.has(client)) client.destroySoon();
    });
    client.on('close', () => upstream.destroy());
    client.on('end', () => frozen.has(client) || upstream.end());
    upstream.on('end', () => frozen.has(client) || client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    swallowAnswersTo: (text) => set(text, 'swallow'),
    cutRequestAt: (text) => set(text, 'request'),
    cutAnswerTo: (text) => set(text, 'answer'),
    freeze: ({ newOnes = false } = {}) => {
      for (const socket of sockets) frozen.add(socket);
      freezeNew = newOnes;
    },
    disarm: () => {
      trap = undefined;
    },
    connections: () => Math.floor(sockets.size / 2),
    cut: () => {
      freezeNew = false;
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
