import { createHash } from 'node:crypto';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { createEventStore } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Noted } from './shapes.ts';
import { note, noted, plainSchema, plainStore } from './shapes.ts';

const database = withDatabase('plain');

interface LogRow {
  readonly id: string;
  readonly at: string;
  readonly meta: string;
  readonly result: string;
  readonly chain: string;
  readonly events: readonly {
    p: number;
    stream: string;
    v: number;
    type: string;
    sv: number;
    at: string;
    subjects: string | null;
    data: string;
  }[];
}

/** Digest of a list of texts: each with its length in bytes before it. */
function digest(...parts: readonly string[]): Buffer {
  const text = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHash('sha256').update(text).digest();
}

/** The chain after each command, computed from the stored bytes by this file's own reading of the format. */
function chainOf(log: readonly LogRow[]): string[] {
  let link: Buffer = Buffer.alloc(0);
  const versions = new Map<string, number>();
  return log.map(({ id, at, meta, result, events }) => {
    const content = digest(
      ...[id, result],
      ...events.flatMap(({ stream, type, sv, subjects, data }) => [stream, type, `${sv}${subjects ?? '[]'}`, data]),
    );
    const body = createHash('sha256').update(content).update(meta).digest();
    // Versions are dense along a stream; an event that is not in step with its command or its stream shows as such.
    const torn = events.some(({ stream, v, p, at: recorded }, index) => {
      const due = (versions.get(stream) ?? 0) + 1;
      versions.set(stream, due);
      return v !== due || recorded !== at || p !== (events[0]?.p ?? 0) + index;
    });
    const place = `${events[0]?.p}|${at}${torn ? ' torn' : ''}`;
    link = createHash('sha256')
      .update(Buffer.concat([link, body, Buffer.from(place)]))
      .digest();
    return link.toString('hex');
  });
}

async function stored(session: Pick<pg.ClientBase, 'query'> = database.admin): Promise<LogRow[]> {
  const { rows } = await session.query<LogRow>(
    `select c.id, (extract(epoch from c.recorded_at) * 1000000)::bigint::text as at, c.meta::text as meta,
            c.result::text as result, encode(c.chain, 'hex') as chain,
            coalesce(json_agg(json_build_object('p', e.position, 'stream', s.name, 'v', e.version, 'sv', e.schema_version,
              'type', e.type, 'at', (extract(epoch from e.recorded_at) * 1000000)::bigint::text,
              'subjects', array_to_json(e.subjects)::text, 'data', e.data::text) order by e.position) filter (where e.position is not null), '[]') as events
     from command c
     left join event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
     left join stream s on s.tenant = e.tenant and s.no = e.stream
     where c.tenant = (select no from tenant where id = 'acme')
     group by c.tenant, c.id, c.recorded_at, c.meta::text, c.result::text, c.chain, c.first_position order by c.first_position`,
  );
  return rows;
}

beforeAll(async () => {
  const store = plainStore(database);
  await store.append('acme', { ...note('chain/1', 'a'), meta: { actor: 'ünï👍' } });
  // In another schema version than the first.
  const upgraded = createEventStore({
    pool: database.pool,
    schema: { ...plainSchema, upcasters: { Noted: [(data: Noted['data']) => data] } },
  });
  await upgraded.append('acme', {
    id: 'chain/2 👍',
    streams: [
      { name: 'a', expectedVersion: 1 },
      { name: 'b', expectedVersion: 'none' },
    ],
    events: [noted('b', 'x\0\ud800'), noted('a', '👍'), noted('b', { deep: [1, 2.5] })],
  });
  await store.append('default', note('other tenant', 'a'));
  await store.append('acme', note('chain/3', 'a', 'any', { text: 'last' }));
});

describe('the hash chain', () => {
  test('recomputed from the stored bytes equals the chain of every command and of the head', async () => {
    const log = await stored();
    expect(log).toHaveLength(3);
    expect(chainOf(log)).toEqual(log.map(({ chain }) => chain));
    const { rows } = await database.admin.query<{ chain: string }>(
      `select encode(chain, 'hex') as chain from log_head where tenant = (select no from tenant where id = 'acme')`,
    );
    expect(rows[0]?.chain).toBe(log.at(-1)?.chain);
  });

  test('is not moved by rejected or replayed commands', async () => {
    const before = await stored();
    const store = plainStore(database);
    await store.append('acme', note('chain/1', 'a'));
    await expect(store.append('acme', note('chain/no', 'a', 'none'))).rejects.toThrow();
    expect(await stored()).toEqual(before);
  });

  const changes: readonly (readonly [string, string])[] = [
    [
      'one byte of data',
      `update event set data = replace(data::text, 'last', 'lost')::json where data::text like '%last%'`,
    ],
    ['white space of data', `update event set data = (' ' || data::text)::json where position = 2`],
    ['a type', `update event set type = 'Denied' where position = 1`],
    ['a version', `update event set version = 9 where position = 1`],
    ['a schema version', `update event set schema_version = 7 where position = 1`],
    ['two events swapped', `update event set data = '{"text":1}' where position in (2, 4)`],
    ['a meta', `update command set meta = '{"actor":"mallory"}' where id = 'chain/1'`],
    ['a command id', `update command set id = 'chain/x' where id = 'chain/1'`],
    ['a result', `update command set result = '{"ok":1}' where id = 'chain/1'`],
    ['a time of an event', `update event set recorded_at = recorded_at + interval '1 microsecond' where position = 2`],
    [
      'a time of a command',
      `update command set recorded_at = recorded_at + interval '1 microsecond' where id = 'chain/1'`,
    ],
    ['a subject', `update event set subjects = '{user:mallory}' where position = 2`],
    ['a stream name', `update stream set name = 'c' where name = 'a'`],
    ['a lost event', `delete from event where position = 3`],
  ];

  test.each(changes)('shows a change of %s', async (_name, sql) => {
    const honest = await stored();
    const client = await database.admin.connect();
    try {
      await client.query('begin');
      await client.query(sql.replace(' where ', ` where tenant = (select no from tenant where id = 'acme') and `));
      expect(chainOf(await stored(client))).not.toEqual(honest.map(({ chain }) => chain));
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
