import { beforeAll, describe, expect, test } from 'vitest';
import { LogNotDenseError } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { collect, note, noted, plainStore, upTo } from './shapes.ts';

const database = withDatabase('plain');

beforeAll(async () => {
  const store = plainStore(database);
  for (const n of upTo(23)) await store.append('acme', note(`read/${n}`, n % 2 === 0 ? 'even' : 'odd'));
});

describe('readLog', () => {
  test.each([1, 2, 7, 22, 23, 24, 500])('gives the whole log in pages of %i', async (pageSize) => {
    const log = await collect(plainStore(database).readLog('acme', { pageSize }));
    expect(log.map(({ position }) => position)).toEqual(upTo(23));
    expect(log.map(({ data }) => data.text)).toEqual(upTo(23).map((n) => `read/${n}`));
  });

  test.each([
    [{ after: 0, upTo: 0 }, []],
    [{ after: 20 }, [21, 22, 23]],
    [{ after: 23 }, []],
    [{ after: 999 }, []],
    [{ upTo: 2 }, [1, 2]],
    [{ after: 5, upTo: 7, pageSize: 1 }, [6, 7]],
    [{ after: 21, upTo: 999 }, [22, 23]],
  ])('%j', async (options, positions) => {
    const log = await collect(plainStore(database).readLog('acme', options));
    expect(log.map(({ position }) => position)).toEqual(positions);
  });

  test('ends at the head it found, whatever is appended meanwhile', async () => {
    const store = plainStore(database);
    for (const n of upTo(3)) await store.append('default', note(`meanwhile/${n}`, 'm'));
    const seen: number[] = [];
    for await (const { position } of store.readLog('default', { pageSize: 1 })) {
      seen.push(position);
      await store.append('default', note(`meanwhile/late/${position}`, 'm'));
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  test.each([
    ['in the middle', 12, 12],
    ['at the beginning', 1, 1],
    ['at the end', 23, 23],
  ])('throws at a hole %s and gives what stands before it', async (_name, hole, expected) => {
    const { rows } = await database.admin.query<Record<string, unknown>>(
      `delete from event where position = $1 and tenant = (select no from tenant where id = 'acme') returning *, data::text as body`,
      [hole],
    );
    const row = rows[0] ?? {};
    try {
      for (const pageSize of [1, 5, 500]) {
        const seen: number[] = [];
        const error: unknown = await (async () => {
          for await (const { position } of plainStore(database).readLog('acme', { pageSize })) seen.push(position);
        })().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(LogNotDenseError);
        expect(error).toMatchObject({
          code: 'LOG_NOT_DENSE',
          message: expect.stringContaining(`${expected} must follow`) as string,
        });
        expect(seen).toEqual(upTo(hole - 1));
      }
    } finally {
      await database.admin.query(
        `insert into event (tenant, position, stream, version, type, schema_version, subjects, recorded_at, data)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        ['tenant', 'position', 'stream', 'version', 'type', 'schema_version', 'subjects', 'recorded_at', 'body'].map(
          (column) => row[column],
        ),
      );
    }
  });
});

describe('readStream', () => {
  test('gives one stream in order of version, from any version on', async () => {
    const store = plainStore(database);
    const odd = await store.readStream('acme', 'odd');
    expect(odd.map(({ version, position }) => [version, position])).toEqual(upTo(12).map((n) => [n, 2 * n - 1]));
    expect((await store.readStream('acme', 'odd', { fromVersion: 11 })).map(({ version }) => version)).toEqual([
      11, 12,
    ]);
    expect(await store.readStream('acme', 'odd', { fromVersion: 13 })).toEqual([]);
  });

  test.each(['od', 'odd ', 'ODD', 'o%', 'o_d', ''])('gives nothing for %j, which is no stream', async (name) => {
    expect(await plainStore(database).readStream('acme', name)).toEqual([]);
  });
});

describe('readCommandEvents', () => {
  beforeAll(async () => {
    const store = plainStore(database);
    for (const id of ['turn/a', 'turn/ab', 'turn/a/step/1', 'turn/a%', 'turn/a_', 'turn/aé', 'turn/b']) {
      await store.append('acme', {
        id,
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: [noted('s', id), noted('s', id)],
      });
    }
  });

  async function ids(selection: { ids?: string[]; prefixes?: string[] }): Promise<unknown[]> {
    const events = await plainStore(database).readCommandEvents('acme', selection);
    expect(events.map(({ position }) => position)).toEqual(
      events.map(({ position }) => position).sort((a, b) => a - b),
    );
    const texts = events.map(({ data }) => data.text);
    expect(texts.length).toBe(2 * new Set(texts).size);
    return [...new Set(texts)];
  }

  test('an id is that command and no other', async () => {
    expect(await ids({ ids: ['turn/a'] })).toEqual(['turn/a']);
    expect(await ids({ ids: ['turn/a%', 'nothing'] })).toEqual(['turn/a%']);
    expect(await ids({ ids: [] })).toEqual([]);
    expect(await ids({})).toEqual([]);
  });

  test('a prefix is every id that begins with it, with no wildcards', async () => {
    expect(await ids({ prefixes: ['turn/a/'] })).toEqual(['turn/a/step/1']);
    expect(await ids({ prefixes: ['turn/ab'] })).toEqual(['turn/ab']);
    expect(await ids({ prefixes: ['turn/a%'] })).toEqual(['turn/a%']);
    expect(await ids({ prefixes: ['turn/a_'] })).toEqual(['turn/a_']);
    expect(await ids({ prefixes: ['turn/c'] })).toEqual([]);
    expect(await ids({ prefixes: ['turn/a'] })).toHaveLength(6);
  });

  test('a command chosen twice is read once', async () => {
    expect(await ids({ ids: ['turn/a', 'turn/a', 'turn/b'], prefixes: ['turn/b', 'turn/'] })).toHaveLength(7);
  });
});

describe('readCommand and head', () => {
  test('know what was accepted and nothing else', async () => {
    const store = plainStore(database);
    const command = await store.readCommand('acme', 'read/7');
    expect(command).toMatchObject({
      id: 'read/7',
      firstPosition: 7,
      lastPosition: 7,
      meta: {},
      result: { answer: 'read/7' },
    });
    expect(await store.readCommand('acme', 'read/%')).toBeUndefined();
    expect(await store.readCommand('default', 'read/7')).toBeUndefined();
    expect(await store.head('acme')).toBe((await collect(store.readLog('acme'))).length);
  });
});
