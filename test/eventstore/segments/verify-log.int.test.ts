import { createHash } from 'node:crypto';
import { copyFile, cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { VerifyReport } from '../../../eventstore/index.ts';
import { createEventStore, createTenant, exportLog, importLog, migrate, verifyLog } from '../../../eventstore/index.ts';
import { holdfastSchema } from '../../../projections/index.ts';
import { history } from '../../projections/history.ts';
import { asOwner, segmentFolder, tamper } from './care-rig.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import { notedDatabase, notedSchema } from './noted-view.ts';
import { noted, upTo } from '../shapes.ts';

const schema = notedSchema();
let database: FreshDatabase;
let folder: string;
let removeFolder: () => Promise<void>;
const tables = ['event', 'command', 'stream', 'log_head', 'newest_note'];

const verify = (options: { folder?: string } = {}, one: FreshDatabase = database): Promise<VerifyReport> =>
  asOwner(one, (pool) => verifyLog({ pool, schema, tenant: 'default', ...options }));
/** Checks that found something, with the positions they name. */
const found = ({ problems }: VerifyReport): Record<string, (number | null)[]> => {
  const positions: Record<string, (number | null)[]> = {};
  for (const { check, position } of problems) (positions[check] ??= []).push(position);
  return positions;
};

beforeAll(async () => {
  database = await freshDatabase();
  folder = await segmentFolder((remove) => (removeFolder = remove));
  await migrate({ schema, adminUrl: database.url });
  await createTenant(database.url, 'other');
  await createTenant(database.url, 'default');
  const store = createEventStore({ pool: database.pool, schema });
  await store.append('other', { id: 'o', streams: [{ name: 's/1', expectedVersion: 'any' }], events: [noted('s/1')] });
  for (const n of upTo(20)) {
    await store.append('default', {
      id: `c/${n}`,
      streams: [
        { name: `s/${n % 4}`, expectedVersion: 'any' },
        { name: `own/${n}`, expectedVersion: 'none', seal: n % 5 === 0 },
      ],
      events: [
        noted(`s/${n % 4}`, `first ${n}`),
        { ...noted(`s/${n % 4}`, `second ${n} \0`), subjects: ['user:ana'] },
        noted(`own/${n}`, `third ${n}`),
      ],
    });
  }
  await asOwner(database, (pool) => exportLog({ pool, tenant: 'default', folder, segmentEvents: 25 }));
  for (const table of tables)
    await database.admin.query(
      `create table kept_${table} as table ${table}; grant select on kept_${table} to holdfast_owner`,
    );
});
afterAll(async () => {
  await removeFolder();
  await database[Symbol.asyncDispose]();
});

async function restore(): Promise<void> {
  for (const table of tables) {
    await database.admin.query(`truncate ${table}; insert into ${table} select * from kept_${table}`);
  }
}

describe('a log as it was written', () => {
  test('verifies, with counts of what was looked at', async () => {
    const progress: string[] = [];
    const report = await asOwner(database, (pool) =>
      verifyLog({ pool, schema, tenant: 'default', folder, onProgress: ({ doing }) => progress.push(doing) }),
    );
    expect(report).toMatchObject({ tenant: 'default', position: 60, base: 0, ok: true, problems: [] });
    expect(Object.fromEntries(report.checks.map(({ name, checked }) => [name, checked]))).toEqual({
      positions: 60,
      commands: 20,
      chain: 20,
      times: 20,
      streams: 24,
      head: 1,
      views: 60,
      segments: 3,
      seals: 4,
    });
    expect(report.checks.every(({ skipped }) => skipped === null)).toBe(true);
    expect(new Set(progress)).toEqual(new Set(['verify segments', 'verify', 'compare views']));
    const without = await verify();
    expect(without.ok).toBe(true);
    expect(without.checks.filter(({ skipped }) => skipped !== null).map(({ name }) => name)).toEqual([
      'segments',
      'seals',
    ]);
  });

  test('also while writers go on', async () => {
    await using busy = await freshDatabase(inject('servers').templateDatabase);
    const store = createEventStore({ pool: busy.pool, schema: holdfastSchema });
    const commands = history({ seed: 9, turns: 60 });
    for (const command of commands.slice(0, 100)) await store.append('default', command);
    const stop = new AbortController();
    const writing = (async () => {
      for (const command of commands.slice(100)) if (!stop.signal.aborted) await store.append('default', command);
    })();
    try {
      for (let run = 0; run < 3; run++) {
        const report = await asOwner(busy, (pool) => verifyLog({ pool, schema: holdfastSchema, tenant: 'default' }));
        expect(report).toMatchObject({ ok: true, problems: [] });
        expect(report.checks.find(({ name }) => name === 'views')?.checked).toBeGreaterThan(50);
      }
    } finally {
      stop.abort();
      await writing;
    }
  });
});

/** What is changed behind Holdfast's back, and which checks must say so, at which positions. */
const tampering: readonly (readonly [string, string, Record<string, (number | null)[]>])[] = [
  // The word is in a view too.
  [
    'data',
    `update event set data = replace(data::text, 'first 19', 'forged')::json where position = 55`,
    { chain: [55], views: [55] },
  ],
  ['white space in data', `update event set data = (data::text || ' ')::json where position = 8`, { chain: [7] }],
  ['a type', `update event set type = 'Denied' where position = 2`, { chain: [1] }],
  ['subjects', `update event set subjects = '{user:bo}' where position = 5`, { chain: [4] }],
  ['subjects taken away', `update event set subjects = null where position = 5`, { chain: [4] }],
  ['a schema version', `update event set schema_version = 2 where position = 6`, { chain: [4], views: [1] }],
  [
    'the time of an event',
    `update event set recorded_at = recorded_at + interval '1 microsecond' where position = 9`,
    { times: [9] },
  ],
  [
    'the time of a command and its events',
    `update event set recorded_at = 'epoch' where position between 31 and 33; update command set recorded_at = 'epoch' where first_position = 31`,
    { chain: [31], times: [31] },
  ],
  ['meta', `update command set meta = '{"actor":"mallory"}' where id = 'c/3'`, { chain: [7] }],
  ['a result', `update command set result = '[]' where id = 'c/3'`, { chain: [7] }],
  ['the id of a command', `update command set id = 'x' where id = 'c/3'`, { chain: [7] }],
  ['a chain value', `update command set chain = sha256('') where id = 'c/3'`, { chain: [7, 10] }],
  [
    'an event deleted',
    `delete from event where position = 20`,
    { chain: [19], positions: [20], streams: [null], views: [19, 20] },
  ],
  [
    'the newest event deleted',
    `delete from event where position = 60`,
    { chain: [58], positions: [60], streams: [null], views: [60] },
  ],
  [
    'events of a whole command deleted',
    `delete from event where position between 4 and 6`,
    {
      chain: [4],
      positions: [4],
      streams: [null, null],
      views: [4, 5, 6],
    },
  ],
  ['a command deleted', `delete from command where id = 'c/7'`, { commands: [19, 22], chain: [22] }],
  ['the newest command deleted', `delete from command where id = 'c/20'`, { commands: [58, 58], head: [60, 60] }],
  [
    'two events swapped',
    `update event set position = position + 1000 where position in (4, 7); update event set position = case position when 1004 then 7 else 4 end where position > 1000`,
    { chain: [4, 7], times: [4, 7], streams: [null], views: [4, 4, 5, 7, 7] },
  ],
  [
    'the texts of two events swapped',
    `update event e set data = o.data from kept_event o where o.tenant = e.tenant and e.position in (56, 59) and o.position = 115 - e.position`,
    { chain: [55, 58], views: [56, 59] },
  ],
  [
    'versions of a stream swapped inside a command',
    `update event set version = version + 100 where position in (1, 2); update event set version = case position when 1 then 2 else 1 end where version > 100`,
    { streams: [null] },
  ],
  [
    'versions of a stream swapped between commands',
    `update event set version = version + 100 where position in (1, 13); update event set version = case position when 1 then 3 else 1 end where version > 100`,
    { streams: [null] },
  ],
  [
    'an event that nobody appended',
    `insert into event select tenant, 61, stream, version + 1, type, 1, null, recorded_at, data from event where position = 60`,
    {
      commands: [61, 61],
      streams: [null],
      head: [60],
      views: [60, 61],
    },
  ],
  ['the name of a stream', `update stream set name = 'forged' where name = 'own/2'`, { chain: [4], views: [6, 6] }],
  ['a stream deleted', `delete from stream where name = 'own/2'`, { chain: [4], streams: [null, 6], views: [6, 6] }],
  ['the version of a stream', `update stream set version = 9 where name = 'own/2'`, { streams: [null] }],
  ['the position of the head', `update log_head set position = 57`, { head: [57] }],
  ['the head beyond the log', `update log_head set position = 70`, { head: [70] }],
  ['the chain of the head', `update log_head set chain = sha256('')`, { head: [60] }],
  ['the time of the head', `update log_head set last_at = 'infinity'`, { head: [60] }],
  ['the number of streams', `update log_head set streams = 23`, { head: [60] }],
  ['the size of the log', `update log_head set bytes = 0`, { head: [60] }],
  ['the head deleted', `delete from log_head`, { head: [null] }],
  ['a view row', `update newest_note set text = 'forged' where from_pos = 56`, { views: [56] }],
  ['the end of a view row', `update newest_note set to_pos = to_pos + 1 where from_pos = 2`, { views: [2] }],
  ['a view row deleted', `delete from newest_note where from_pos = 3`, { views: [3] }],
  [
    'a view row added',
    `insert into newest_note (tenant, from_pos, stream, text) values (current_tenant(), 12, 'none', 'x')`,
    { views: [12] },
  ],
];

describe('verify finds what was changed', () => {
  test.each(tampering)('%s', async (_name, sql, expected) => {
    try {
      await tamper(database, 'default', sql);
      const report = await verify();
      expect(report.ok).toBe(false);
      expect(found(report)).toEqual(expected);
      for (const { what, todo } of report.problems) expect(`${what} ${todo}`.length).toBeGreaterThan(40);
      const other = await asOwner(database, (pool) => verifyLog({ pool, schema, tenant: 'other' }));
      expect(other).toMatchObject({ ok: true, position: 1 });
    } finally {
      await restore();
    }
  });

  test('a seal that was broken, with the segments', async () => {
    try {
      await tamper(database, 'default', `update stream set sealed = false where name = 'own/10'`);
      expect(found(await verify({ folder }))).toEqual({ seals: [54] });
    } finally {
      await restore();
    }
  });

  test('more problems than it tells of', async () => {
    try {
      await tamper(database, 'default', `update newest_note set text = 'forged'; update command set meta = '[]'`);
      const report = await verify();
      expect(report.checks.find(({ name }) => name === 'chain')).toMatchObject({ checked: 20, problems: 20 });
      await tamper(database, 'default', `update event set recorded_at = 'epoch'`);
      const times = (await verify()).checks.find(({ name }) => name === 'times');
      expect(times?.problems).toBe(60);
      expect((await verify()).problems.filter(({ check }) => check === 'times')).toHaveLength(20);
    } finally {
      await restore();
    }
  });
});

describe('verify finds what was done to segment files', () => {
  const second = 'segment-000000000028-000000000054.jsonl.gz';

  async function tampered(change: (own: string) => Promise<void>): Promise<VerifyReport> {
    const copy = await segmentFolder();
    await cp(folder, copy, { recursive: true });
    await change(join(copy, (await readdir(copy))[0] ?? ''));
    return verify({ folder: copy });
  }

  test.each<readonly [string, (own: string) => Promise<void>]>([
    ['truncated', (own) => truncate(join(own, second), 200)],
    [
      'one bit flipped',
      async (own) => {
        const bytes = await readFile(join(own, second));
        bytes[300] = (bytes[300] ?? 0) ^ 1;
        await writeFile(join(own, second), bytes);
      },
    ],
    [
      'another file in its place',
      (own) => copyFile(join(own, 'segment-000000000001-000000000027.jsonl.gz'), join(own, second)),
    ],
    ['empty', (own) => writeFile(join(own, second), '')],
  ])('%s', async (_name, change) => {
    const report = await tampered(change);
    expect(found(report)).toEqual({ segments: [28] });
    expect(report.problems[0]?.what).toContain(second);
  });

  test('forged with all hashes made again: the chain tells, and nothing of it is imported', async () => {
    const copy = await segmentFolder();
    await cp(folder, copy, { recursive: true });
    const own = join(copy, (await readdir(copy))[0] ?? '');
    const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
    const lines = gunzipSync(await readFile(join(own, second)))
      .toString('utf8')
      .trimEnd()
      .split('\n');
    const end = JSON.parse(lines.pop() ?? '') as { end: object };
    const content = `${lines.join('\n')}\n`.replace('first 12', 'first 13');
    const forged = gzipSync(`${content}${JSON.stringify({ end: { ...end.end, sha256: sha256(content) } })}\n`);
    const manifest = await readFile(join(own, 'manifest.json'), 'utf8');
    await writeFile(
      join(own, 'manifest.json'),
      manifest.replace(sha256(await readFile(join(own, second))), sha256(forged)),
    );
    await writeFile(join(own, second), forged);

    const report = await verify({ folder: copy });
    expect(found(report)).toEqual({ segments: [28] });
    expect(report.problems[0]?.what).toContain('the chain breaks at position 34');
    await using target = await notedDatabase();
    await expect(importLog({ adminUrl: target.url, schema, folder: copy, tenant: 'default' })).rejects.toMatchObject({
      code: 'SEGMENT_DAMAGED',
    });
    // What came before it is there, and nobody takes it for the log.
    const { rows } = await target.admin.query<{ position: number; state: string }>(
      `select h.position::int, t.state from log_head h join tenant t on t.no = h.tenant`,
    );
    expect(rows).toEqual([{ position: 27, state: 'importing' }]);
    // With a good copy it goes on.
    await importLog({ adminUrl: target.url, schema, folder, tenant: 'default' });
    expect(await verify({ folder }, target)).toMatchObject({ ok: true, position: 60 });
  });

  test('a manifest that is not one', async () => {
    const report = await tampered(async (own) => {
      const text = await readFile(join(own, 'manifest.json'), 'utf8');
      await writeFile(join(own, 'manifest.json'), text.replace('"from": 28', '"from": 29'));
    });
    expect(found(report)).toEqual({ segments: [null] });
  });

  test('segments of another log', async () => {
    await using other = await freshDatabase();
    await migrate({ schema, adminUrl: other.url });
    await createTenant(other.url, 'default');
    const store = createEventStore({ pool: other.pool, schema });
    for (const n of upTo(60)) {
      await store.append('default', {
        id: `c/${n}`,
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: [noted('s')],
      });
    }
    const report = await verify({ folder }, other);
    expect(Object.keys(found(report))).toEqual(['segments', 'seals']);
  });
});
