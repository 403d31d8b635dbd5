import { describe, expect, inject, test } from 'vitest';
import { createTenant, SchemaDriftError, StreamSealedError } from '../../eventstore/index.ts';
import { viewsVersionSql } from '../../eventstore/views/view-sql.ts';
import { viewsVersion } from '../../eventstore/views/view.ts';
import type { FreshDatabase } from './fresh-database.ts';
import { freshDatabase } from './fresh-database.ts';
import { collect, note, plainStore, upTo } from './shapes.ts';

/** What must be true of every log, checked in a second: used to show that the checks see what they are there to see. */
const invariants = {
  'concurrent appends are accepted, dense and unique': async (database: FreshDatabase) => {
    const store = plainStore(database);
    const base = await store.head('default');
    await Promise.all(
      // A store each: one store's appends wait for each other before they reach the log's lock.
      upTo(8).map(async (client) => {
        const store = plainStore(database);
        for (const n of upTo(10)) await store.append('default', note(`dense/${client}/${n}`, 'dense'));
      }),
    );
    const log = await collect(store.readLog('default', { after: base }));
    expect(log.map(({ position }) => position)).toEqual(upTo(80).map((n) => base + n));
    expect(new Set(log.map(({ data }) => data.text)).size).toBe(80);
  },
  'a replay gives the first receipt and one set of events': async (database: FreshDatabase) => {
    const store = plainStore(database);
    const first = await store.append('default', note('twice', 'twice'));
    expect(await store.append('default', note('twice', 'twice'))).toEqual({ ...first, replayed: true });
    expect(await collect(store.readStream('default', 'twice'))).toHaveLength(1);
  },
  'a command sent by many at once is accepted once': async (database: FreshDatabase) => {
    const stores = upTo(8).map(() => plainStore(database));
    for (const n of upTo(5)) {
      const receipts = await Promise.all(
        stores.map((store) => store.append('default', note(`race/${n}`, `race/${n}`))),
      );
      expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    }
  },
  'a sealed stream refuses': async (database: FreshDatabase) => {
    const store = plainStore(database);
    await store.append('default', note('seal/1', 'seal', 'any', { seal: true }));
    await expect(store.append('default', note('seal/2', 'seal'))).rejects.toBeInstanceOf(StreamSealedError);
  },
  'views of another version refuse': async (database: FreshDatabase) => {
    await database.admin.query(viewsVersionSql('another'));
    try {
      await expect(plainStore(database).append('default', note('old', 'old'))).rejects.toBeInstanceOf(SchemaDriftError);
    } finally {
      await database.admin.query(viewsVersionSql(viewsVersion([])));
    }
  },
  'a wrong version conflicts': async (database: FreshDatabase) => {
    const store = plainStore(database);
    await expect(store.append('default', note('version', 'version', 7))).rejects.toThrow(/is at version 0/);
  },
};
type Invariant = keyof typeof invariants;

/** Protections of append_commands, each with the text that takes it out and the invariants that must notice. */
const mutants: readonly (readonly [string, string, string, readonly Invariant[]])[] = [
  ['the lock on the head', 'for update of h;', ';', ['concurrent appends are accepted, dense and unique']],
  [
    'the look into the command table',
    'where c.tenant = p_tenant and c.id = p_ids[w.i] collate "C" limit 1) c) c;',
    'where false limit 1) c) c;',
    ['a replay gives the first receipt and one set of events', 'a command sent by many at once is accepted once'],
  ],
  ['the seal', 'filter (where s.sealed\n', 'filter (where false\n', ['a sealed stream refuses']],
  [
    "the check of the views' version",
    'p_views <> holdfast.views_version()',
    'false',
    ['views of another version refuse'],
  ],
  [
    'the version check',
    'p_expect[t.i] >= 0 and coalesce(s.version, 0) + p_before[t.i] <> p_expect[t.i]',
    'false',
    ['a wrong version conflicts'],
  ],
];

/** Names of the invariants that do not hold on a clone whose append function was changed. */
async function broken(change: (source: string) => string): Promise<Invariant[]> {
  await using database = await freshDatabase(inject('servers').plainTemplateDatabase);
  await createTenant(database.url, 'default');
  const { rows } = await database.admin.query<{ source: string }>(
    `select pg_get_functiondef(oid) as source from pg_proc where proname = 'append_commands' and pronamespace = 'holdfast'::regnamespace`,
  );
  await database.admin.query(change(rows[0]?.source ?? ''));
  const failed: Invariant[] = [];
  for (const name of Object.keys(invariants) as Invariant[]) {
    await invariants[name](database).catch(() => failed.push(name));
  }
  return failed;
}

describe('the checks of this folder see what they are there to see', () => {
  test('the original breaks no invariant', async () => {
    expect(await broken((source) => source)).toEqual([]);
  });

  test.each(mutants)('without %s, invariants break', async (_name, protection, replacement, expected) => {
    const failed = await broken((source) => {
      // A protection that is not found would make the test pass for nothing.
      expect(source.split(protection)).toHaveLength(2);
      return source.replace(protection, () => replacement);
    });
    expect(failed).toEqual(expect.arrayContaining([...expected]));
  });
});
