import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { withDatabase } from '../support/with-database.ts';
import { note, noted, plainStore } from './shapes.ts';

const database = withDatabase();

interface LogRow {
  readonly id: string;
  readonly meta: string;
  readonly chain: string;
  readonly events: readonly { p: number; s: number; v: number; sv: number; type: string; data: string }[];
}

function sha256(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Postgres counts characters, JavaScript code units. */
function characters(text: string): number {
  return Array.from(text).length;
}

/** The chain after each command, computed from the stored bytes by this file's own reading of the format. */
function chainOf(log: readonly LogRow[]): string[] {
  let link: Buffer = Buffer.alloc(0);
  return log.map(({ id, meta, events }) => {
    const digests = events.map(({ p, s, v, sv, type, data }) =>
      sha256(`${p}:${s}:${v}:${sv}:${characters(type)}:${type}:${data}`),
    );
    link = sha256(link, `${characters(id)}:${id}${characters(meta)}:${meta}`, ...digests);
    return link.toString('hex');
  });
}

async function stored(): Promise<LogRow[]> {
  const { rows } = await database.admin.query<LogRow>(
    `select c.id, c.meta::text as meta, encode(c.chain, 'hex') as chain,
            json_agg(json_build_object('p', e.position, 's', e.stream, 'v', e.version, 'sv', e.schema_version, 'type', e.type,
              'data', e.data::text) order by e.position) as events
     from command c join event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
     where c.tenant = (select no from tenant where id = 'acme')
     group by c.tenant, c.id, c.meta::text, c.chain, c.first_position order by c.first_position`,
  );
  return rows;
}

beforeAll(async () => {
  const store = plainStore(database);
  await store.append('acme', { ...note('chain/1', 'a'), meta: { actor: 'ünï👍' } });
  await store.append('acme', {
    id: 'chain/2 👍',
    streams: [
      { name: 'a', expectedVersion: 1 },
      { name: 'b', expectedVersion: 'none' },
    ],
    events: [noted('b', 'x\0\ud800'), { ...noted('a', '👍'), schemaVersion: 2 }, noted('b', { deep: [1, 2.5] })],
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
    ['a lost event', `delete from event where position = 3`],
  ];

  test.each(changes)('shows a change of %s', async (_name, sql) => {
    const honest = await stored();
    const client = await database.admin.connect();
    try {
      await client.query('begin');
      await client.query(sql.replace(' where ', ` where tenant = (select no from tenant where id = 'acme') and `));
      const { rows } = await client.query<LogRow>(
        `select c.id, c.meta::text as meta, encode(c.chain, 'hex') as chain,
                coalesce(json_agg(json_build_object('p', e.position, 's', e.stream, 'v', e.version, 'sv', e.schema_version,
                  'type', e.type, 'data', e.data::text) order by e.position) filter (where e.position is not null), '[]') as events
         from command c left join event e on e.tenant = c.tenant and e.position between c.first_position and c.last_position
         where c.tenant = (select no from tenant where id = 'acme')
         group by c.tenant, c.id, c.meta::text, c.chain, c.first_position order by c.first_position`,
      );
      expect(chainOf(rows)).not.toEqual(honest.map(({ chain }) => chain));
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
