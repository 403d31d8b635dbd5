import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import type { Command, EventStore, Receipt } from '../../eventstore/index.ts';
import { createEventStore, openPool } from '../../eventstore/index.ts';
import { checkLog } from './check-log.ts';
import type { PrivateServer } from './private-server.ts';
import { startPrivateServer } from './private-server.ts';
import { note, noted, plainSchema, upTo } from './shapes.ts';
import type { Noted } from './shapes.ts';
import { limitedFiles, smallFileSystem } from './small-disk.ts';

/** A client that remembers what it sent and what it was told. */
function rememberingStore(store: EventStore<Noted>) {
  const sent: Command<Noted>[] = [];
  const receipts: Receipt[] = [];
  const send = (command: Command<Noted>): Promise<unknown> =>
    store.append('acme', command).then(
      (receipt) => void receipts.push(receipt),
      (error: unknown) => error,
    );
  return {
    sent,
    receipts,
    /** Sends a new command of about 1 MB that does not compress, in two events; gives the error, if any. */
    append: (): Promise<unknown> => {
      const id = `large/${sent.length}`;
      const events = upTo(2).map(() => noted(id, randomBytes(400_000).toString('base64')));
      sent.push({ ...note(id, id, 'none'), events });
      return send(sent[sent.length - 1] ?? note(id, id));
    },
    /** Sends every command again that has no receipt. */
    appendRest: async (): Promise<void> => {
      const told = new Set(receipts.map(({ commandId }) => commandId));
      for (const command of sent) if (!told.has(command.id)) expect(await send(command)).toBeUndefined();
    },
  };
}

async function check(server: PrivateServer, client: ReturnType<typeof rememberingStore>): Promise<number> {
  // Sorting must not need the disk.
  const admin = new pg.Pool({ connectionString: server.url, max: 1, options: '-c work_mem=512MB' });
  try {
    return (await checkLog(admin, 'acme', client)).stored;
  } finally {
    await admin.end();
  }
}

describe.each([smallFileSystem, limitedFiles])('$name', { timeout: 120_000 }, (kind) => {
  test('under the tables: STORAGE_FULL, nothing of the command is there, and with room it is stored once', async (context) => {
    if (kind.missing !== null) return context.skip(kind.missing);
    await using server = await startPrivateServer();
    await using disk = await kind.prepare(server, 'data');
    const pool = openPool({ url: server.url });
    try {
      const client = rememberingStore(createEventStore<Noted>({ pool, schema: plainSchema }));
      for (const _ of upTo(10)) expect(await client.append()).toBeUndefined();
      await disk.fill();
      const errors: unknown[] = [];
      for (let tries = 0; errors.length < 3 && tries < 30; tries++) {
        const error = await client.append();
        if (error !== undefined) errors.push(error);
      }
      expect(errors, 'appends that met the full disk').toHaveLength(3);
      for (const error of errors) {
        expect(error).toMatchObject({
          code: 'STORAGE_FULL',
          retryable: true,
          message: expect.stringMatching(/No space left on device|File too large/) as string,
          hint: expect.stringContaining('Free space') as string,
        });
      }
      // Reading goes on, and what is there is what was acknowledged.
      expect(await check(server, client)).toBe(client.receipts.length);
      await disk.free();
      await client.appendRest();
      expect(client.receipts.every(({ replayed }) => !replayed)).toBe(true);
      expect(await check(server, client)).toBe(client.sent.length);
    } finally {
      await pool.end();
    }
  });

  test('under the write-ahead log: the server goes down, and nothing is lost or doubled', async (context) => {
    if (kind.missing !== null) return context.skip(kind.missing);
    await using server = await startPrivateServer();
    await using disk = await kind.prepare(server, 'pg_wal');
    const pool = openPool({ url: server.url });
    try {
      const client = rememberingStore(createEventStore<Noted>({ pool, schema: plainSchema }));
      expect(await client.append()).toBeUndefined();
      await disk.fill();
      let error: unknown;
      for (let tries = 0; error === undefined && tries < 200; tries++) error = await client.append();
      // The session that met the full disk hears why; the others, that the server is gone.
      expect(error).toMatchObject({
        code: expect.stringMatching(/^STOR(AGE_FULL|E_UNAVAILABLE)$/) as string,
        retryable: true,
        hint: expect.stringContaining('same command') as string,
      });
      expect(await server.said()).toMatch(/PANIC: .*(No space left on device|File too large)/);
      await disk.free();
      await server.start();
      await check(server, client);
      await client.appendRest();
      expect(await check(server, client)).toBe(client.sent.length);
    } finally {
      await pool.end();
    }
  });
});
