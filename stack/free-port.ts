import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { NoFreePortError } from './stack-errors.ts';

/**
 * A TCP port on 127.0.0.1 that nothing uses at this moment: `preferred` if it is free, else one chosen by the system.
 * Another process may take it before the caller binds it, so a caller retries on "address in use".
 *
 * @throws NoFreePortError when not even the system can name one.
 */
export async function findFreePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && !(await answers(preferred)) && (await bind(preferred).catch(() => 0)) !== 0) {
    return preferred;
  }
  try {
    return await bind(0);
  } catch (error) {
    throw new NoFreePortError(error);
  }
}

// A listener on all addresses leaves 127.0.0.1 bindable on some systems, so binding alone does not prove a port free.
async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function bind(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port; // never a pipe name: we listen on a port
      server.close(() => resolve(bound));
    });
  });
}
