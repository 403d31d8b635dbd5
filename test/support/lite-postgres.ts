import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import type { Extensions } from '@electric-sql/pglite';

/** PGlite that the ordinary driver can reach: for what the test servers have not, such as pgvector. */
export interface LitePostgres extends AsyncDisposable {
  /** URL of the superuser. */
  readonly url: string;
}

/**
 * Serves PGlite on a port of its own. It has one session, which clients share as through a pooler: whoever is in a transaction has it
 * alone, and between transactions it is set to the role and settings that the client asked for as it connected.
 * @param settings statements that every client begins with @default none
 */
export async function startLitePostgres(
  extensions: Extensions = {},
  { settings: always = [] }: { readonly settings?: readonly string[] } = {},
): Promise<LitePostgres> {
  const lite = await PGlite.create({ extensions });
  const sockets = new Set<Socket>();
  let [last, clients] = [0, 0];
  let turn = Promise.resolve();

  const serve = (socket: Socket): void => {
    const number = ++clients;
    let settings: readonly string[] = [];
    let hasBegun = false;
    let buffered = Buffer.alloc(0);
    const groups: Buffer[] = [];
    let group: Buffer[] = [];
    let isServing = false;
    /** Goes on with a transaction that waits for its next statement. */
    let wake = (): void => undefined;

    const serveTransaction = async (): Promise<void> => {
      let inTransaction = false;
      do {
        const next = groups.shift();
        if (!next) {
          if (socket.destroyed) break;
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        if (last !== number) {
          await lite.exec(['reset all', 'reset role', ...always, ...settings].join(';'));
          last = number;
        }
        const answer = Buffer.from(await lite.execProtocolRaw(next));
        socket.write(answer);
        inTransaction = answer.at(-6) === 0x5a && answer.at(-1) !== 0x49;
      } while (inTransaction);
      if (inTransaction) await lite.exec('rollback');
    };
    const takeTurns = async (): Promise<void> => {
      if (isServing) return;
      isServing = true;
      while (groups.length > 0) {
        const before = turn;
        const own = before.then(serveTransaction);
        turn = own.catch(() => undefined);
        await own;
      }
      isServing = false;
    };
    const begin = (packet: Buffer): void => {
      hasBegun = true;
      const words = packet.subarray(8).toString().split('\0');
      const options = words[words.indexOf('options') + 1] ?? '';
      settings = [...options.matchAll(/-c (\w+)=(\S+)/g)].map(([, name, value]) => `set ${name} = ${value}`);
      socket.write(Buffer.concat([message('R', int(0)), message('K', Buffer.concat([int(number), int(0)])), ready]));
    };
    socket.on('data', (data) => {
      buffered = Buffer.concat([buffered, data]);
      for (;;) {
        const header = hasBegun ? 1 : 0;
        const size = buffered.length < header + 4 ? Infinity : buffered.readInt32BE(header) + header;
        if (buffered.length < size) break;
        const packet = buffered.subarray(0, size);
        buffered = buffered.subarray(size);
        if (!hasBegun) {
          begin(packet);
          continue;
        }
        const type = String.fromCharCode(packet[0] ?? 0);
        if (type === 'X') continue;
        group.push(ownName(type, packet, number));
        // What ends with a Query or a Sync is answered as one.
        if (type !== 'Q' && type !== 'S') continue;
        groups.push(Buffer.concat(group));
        group = [];
      }
      wake();
      takeTurns().catch((error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      wake();
    });
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await turn;
      await lite.close();
    },
  };
}

const ready = message('Z', Buffer.from('I'));

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int(body.length + 4), body]);
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Prepared statements of two clients may have one name: each gets its client's number before it. */
function ownName(type: string, packet: Buffer, client: number): Buffer {
  const body = packet.subarray(5);
  const place =
    type === 'P' ? 0 : type === 'B' ? body.indexOf(0) + 1 : ['D', 'C'].includes(type) && body[0] === 0x53 ? 1 : -1;
  // The statement without a name stays it.
  if (place === -1 || body[place] === 0) return packet;
  return message(type, Buffer.concat([body.subarray(0, place), Buffer.from(`${client}_`), body.subarray(place)]));
}
