import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { VerifyReport } from '../../../eventstore/index.ts';
import {
  archiveLog,
  createEventStore,
  exportLog,
  importLog,
  LogArchivedError,
  readSegments,
  rebuildViews,
  verifyLog,
} from '../../../eventstore/index.ts';
import { runCare } from './care-process.ts';
import { asOwner, dumpLogs, segmentFolder, tamper } from './care-rig.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { notedDatabase, notedSchema } from './noted-view.ts';
import type { Noted } from '../shapes.ts';
import { collect, noted, upTo } from '../shapes.ts';

const schema = notedSchema();
const tenant = 'default';

/** 40 commands of 3 events on 6 streams, some sealed. */
async function filled(database: FreshDatabase, commands = 40): Promise<ReturnType<typeof createEventStore<Noted>>> {
  const store = createEventStore({ pool: database.pool, schema });
  for (const n of upTo(commands)) await store.append(tenant, command(n));
  return store;
}

function command(n: number) {
  const stream = `s/${n % 5}`;
  return {
    id: `c/${n}`,
    streams: [
      { name: stream, expectedVersion: 'any' },
      { name: `own/${n}`, expectedVersion: 'none', seal: n % 4 === 0 },
    ] as const,
    events: [noted(stream, `${n}.1`), noted(stream, `${n}.2 \0`), noted(`own/${n}`, `${n}.3`)],
    result: { n },
  };
}

const verify = (database: FreshDatabase, folder?: string): Promise<VerifyReport> =>
  asOwner(database, (pool) => verifyLog({ pool, schema, tenant, ...(folder === undefined ? {} : { folder }) }));

describe('an archived log', () => {
  test('goes on, answers replays, verifies with its segments, and can be rebuilt and restored from them', async () => {
    await using database = await notedDatabase();
    await using restored = await notedDatabase();
    const folder = await segmentFolder();
    const store = await filled(database);
    const before = await dumpLogs(database);
    const events = await collect(store.readLog(tenant));

    const options = { adminUrl: database.url, tenant, folder, segmentEvents: 20 };
    const positions: number[] = [];
    const report = await archiveLog({ ...options, below: 50, onProgress: ({ position }) => positions.push(position) });
    // Whole commands: 48 is the last end of one below 50.
    expect(report).toMatchObject({ tenant, base: 48, events: 48 });
    expect(report.segments.map(({ from, to }) => [from, to])).toEqual([
      [1, 21],
      [22, 42],
      [43, 48],
    ]);
    expect(positions.length).toBeGreaterThan(0);
    const after = await dumpLogs(database);
    expect(after['event']).toHaveLength(120 - 48);
    for (const name of ['command', 'stream', 'newest_note'] as const) expect(after[name]).toEqual(before[name]);
    const { rows: ledger } = await database.admin.query<{
      from_pos: string;
      to_pos: string;
      events: string;
      location: string;
    }>('select from_pos, to_pos, events, location from segment order by from_pos');
    expect(ledger.map(({ from_pos, to_pos, events: n }) => [from_pos, to_pos, n].map(Number))).toEqual([
      [1, 21, 21],
      [22, 42, 21],
      [43, 48, 6],
    ]);
    expect(ledger[0]?.location).toContain(folder);

    // Again, and a position inside a segment that is there: nothing more to do.
    expect(await archiveLog({ ...options, below: 50 })).toMatchObject({ base: 48, events: 0, segments: [] });

    await expect(collect(store.readLog(tenant))).rejects.toBeInstanceOf(LogArchivedError);
    expect(await collect(store.readLog(tenant, { after: 48 }))).toEqual(events.slice(48));
    expect((await store.append(tenant, command(3))).replayed).toBe(true);
    expect((await store.append(tenant, command(3))).result).toEqual({ n: 3 });
    await expect(
      store.append(tenant, {
        ...command(3),
        id: 'x',
        streams: [{ name: 'own/4', expectedVersion: 'any' }],
        events: [noted('own/4')],
      }),
    ).rejects.toMatchObject({ code: 'STREAM_SEALED' });

    const archived = await collect(readSegments({ folder, tenant, upTo: 48 }));
    expect(
      archived.map(({ position, stream, version, data, recorded_at }) => ({
        position,
        stream,
        version,
        data,
        recordedAt: recorded_at,
      })),
    ).toEqual(
      events
        .slice(0, 48)
        .map(({ position, stream, version, data, recordedAt }) => ({ position, stream, version, data, recordedAt })),
    );
    expect(
      (await collect(readSegments({ folder, tenant, after: 20, upTo: 23 }))).map(({ position }) => position),
    ).toEqual([21, 22, 23]);
    await expect(collect(readSegments({ folder, tenant, upTo: 49 }))).rejects.toMatchObject({
      code: 'SEGMENTS_MISSING',
    });

    const whole = await verify(database, folder);
    expect(whole).toMatchObject({ ok: true, base: 48, position: 120, problems: [] });
    expect(whole.checks.every(({ skipped }) => skipped === null)).toBe(true);
    const part = await verify(database);
    expect(part.ok).toBe(true);
    expect(part.checks.filter(({ skipped }) => skipped !== null).map(({ name }) => name)).toEqual([
      'streams',
      'views',
      'segments',
      'seals',
    ]);

    const rebuilt = await rebuildViews({
      adminUrl: database.url,
      schema,
      archived: (of, range) => readSegments({ folder, tenant: of, ...range }),
    });
    expect(rebuilt.views).toMatchObject([{ name: 'newest_note', equal: true }]);
    expect((await dumpLogs(database))['newest_note']).toEqual(before['newest_note']);

    // The folder of the archive is the one that exports go on in; another one lacks what was deleted.
    await store.append(tenant, command(41));
    const elsewhere = await segmentFolder();
    await expect(asOwner(database, (pool) => exportLog({ pool, tenant, folder: elsewhere }))).rejects.toMatchObject({
      code: 'SEGMENTS_MISSING',
    });
    await asOwner(database, (pool) => exportLog({ pool, tenant, folder }));
    await importLog({ adminUrl: restored.url, schema, folder, tenant });
    expect(await verify(restored, folder)).toMatchObject({ ok: true, base: 0, position: 123 });
    expect((await dumpLogs(restored))['event']?.slice(0, 3)).toEqual(before['event']?.slice(0, 3));
    expect(await collect(createEventStore({ pool: restored.pool, schema }).readLog(tenant, { upTo: 120 }))).toEqual(
      events,
    );
  });

  test('shows what was changed in it or in its segments', async () => {
    await using database = await notedDatabase();
    const folder = await segmentFolder();
    await filled(database);
    await archiveLog({ adminUrl: database.url, tenant, folder, below: 100, segmentEvents: 30 });
    const problems = async (one = folder): Promise<[string, number | null][]> =>
      (await verify(database, one)).problems.map(({ check, position }) => [check, position]);
    expect(await problems()).toEqual([]);

    await tamper(database, tenant, `update command set result = '{"n":0}' where id = 'c/3'`);
    expect(await problems()).toEqual([['segments', 7]]);
    await tamper(database, tenant, `update command set result = '{"n":3}' where id = 'c/3'`);
    await tamper(database, tenant, `update newest_note set text = 'forged' where from_pos = 40`);
    expect(await problems()).toEqual([['views', 40]]);
    await tamper(database, tenant, `update newest_note set text = '14.1' where from_pos = 40`);
    expect(await problems()).toEqual([]);
    await tamper(database, tenant, `delete from event where position <= 103`);
    expect((await problems()).map(([check]) => check).sort()).toContain('positions');

    const copy = await segmentFolder();
    await cp(folder, copy, { recursive: true });
    const own = join(copy, (await readdir(copy))[0] ?? '');
    await writeFile(join(own, 'segment-000000000031-000000000060.jsonl.gz'), 'lost');
    const report = await verify(database, copy);
    expect(report.problems.filter(({ check }) => check === 'segments').map(({ position }) => position)).toEqual([31]);
    expect(report.checks.find(({ name }) => name === 'views')?.skipped).toMatch(/archived/);
  });
});

describe('an archive deletes nothing', () => {
  test('that a segment does not hold whole', async () => {
    await using database = await notedDatabase();
    await using other = await notedDatabase();
    const folder = await segmentFolder();
    await filled(database);
    const before = await dumpLogs(database);
    await asOwner(database, (pool) => exportLog({ pool, tenant, folder, segmentEvents: 30 }));
    const archive = (below: number, of = database): Promise<unknown> =>
      archiveLog({ adminUrl: of.url, tenant, folder, below });

    // Inside a segment: whole segments go, or none.
    expect(await archive(25)).toMatchObject({ base: 0, events: 0 });
    expect(await archive(1)).toMatchObject({ base: 0, events: 0 });
    expect(await dumpLogs(database)).toEqual(before);

    const store = createEventStore({ pool: other.pool, schema });
    for (const n of upTo(130))
      await store.append(tenant, {
        id: `o/${n}`,
        streams: [{ name: 'o', expectedVersion: 'any' }],
        events: [noted('o')],
      });
    const others = await dumpLogs(other);
    await expect(archive(100, other)).rejects.toMatchObject({ code: 'SEGMENTS_DIVERGE' });
    expect(await dumpLogs(other)).toEqual(others);

    const own = join(folder, (await readdir(folder))[0] ?? '');
    await writeFile(join(own, 'segment-000000000061-000000000090.jsonl.gz'), 'lost');
    await expect(archive(100)).rejects.toMatchObject({ code: 'SEGMENT_DAMAGED' });
    // What came before the damaged one is archived; it and what follows is there.
    const { rows } = await database.admin.query<{ base: number; first: number; events: number }>(
      'select base::int, (select min(position)::int from event) as first, (select count(*)::int from event) as events from log_head',
    );
    expect(rows).toEqual([{ base: 60, first: 61, events: 60 }]);
  });

  test('that a consumer still needs', async () => {
    await using database = await notedDatabase();
    const folder = await segmentFolder();
    await filled(database);
    const { admin, url: adminUrl } = database;
    const archive = (options = {}): Promise<unknown> =>
      archiveLog({ adminUrl, tenant, folder, below: 61, segmentEvents: 30, ...options });
    await admin.query(`insert into consumer (name) values ('mail')`);
    // Not yet been to this log; behind; with an event that waits for a decision.
    await expect(archive()).rejects.toMatchObject({ code: 'CONSUMERS_BEHIND', consumer: 'mail', position: 1 });
    await admin.query(`insert into consumer_position (tenant, name, position) values (1, 'mail', 59)`);
    await expect(archive()).rejects.toMatchObject({ code: 'CONSUMERS_BEHIND', position: 60 });
    await admin.query(`update consumer_position set position = 60;
      insert into parked_event (tenant, consumer, position, attempts, error) values (1, 'mail', 7, 3, 'no')`);
    await expect(archive()).rejects.toMatchObject({ code: 'CONSUMERS_BEHIND', position: 7 });
    const { rows } = await admin.query<{ events: number }>('select count(*)::int as events from event');
    expect(rows).toEqual([{ events: 120 }]);
    await admin.query(`update parked_event set state = 'skipped'`);
    expect(await archive()).toMatchObject({ base: 60, events: 60 });
    expect(await archive({ below: 91, ignoreConsumers: true })).toMatchObject({ base: 90, events: 30 });
  });

  test('twice or too little when it is killed', async () => {
    await using database = await notedDatabase();
    const folder = await segmentFolder();
    const store = createEventStore({ pool: database.pool, schema });
    for (const n of upTo(12)) {
      await store.append(tenant, {
        id: `c/${n}`,
        streams: [{ name: `s/${n % 3}`, expectedVersion: 'any' }],
        events: upTo(1_000).map((i) => noted(`s/${n % 3}`, `${n}.${i}`)),
      });
    }
    const bases: number[] = [];
    for (const atProgress of [1, 2_500, 5_000, 9_000]) {
      const task = {
        operation: 'archive',
        url: database.url,
        folder,
        below: 9_500,
        segmentEvents: 4_000,
        atProgress,
      } as const;
      expect(await runCare(task)).toMatchObject({ signal: 'SIGKILL' });
      const { rows } = await database.admin.query<{ base: number; events: number }>(
        'select base::int, (select count(*)::int from event) as events from log_head',
      );
      // Base and events move together.
      expect(rows[0]?.events).toBe(12_000 - (rows[0]?.base ?? 0));
      bases.push(rows[0]?.base ?? -1);
      expect(await verify(database, folder)).toMatchObject({
        ok: true,
        base: rows[0]?.base,
        position: 12_000,
        problems: [],
      });
    }
    expect(bases).toEqual([2_000, 4_000, 6_000, 9_000]);
    const rest = await archiveLog({ adminUrl: database.url, tenant, folder, below: 9_500, segmentEvents: 4_000 });
    expect(rest).toMatchObject({ base: 9_000, events: 0 });
  });
});
