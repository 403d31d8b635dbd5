import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import {
  createEventStore,
  createMasterKey,
  createTenant,
  InvalidCommandError,
  localKeyWrapper,
  openPool,
  SubjectForgottenError,
  withTenant,
} from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { hostile } from '../hostile.ts';
import { masterKey, said, saidSchema, saidStore } from './personal-shapes.ts';
import { collect, upTo } from '../shapes.ts';

const database = withDatabase('plain');
const secret = 'Ana prefers SMS';

/** What a forget does to the keys of a subject, by hand. */
async function destroyKeys(subject: string, position: number): Promise<void> {
  await database.admin.query(
    `update subject_key set wrapped = null, kek_id = null, destroyed_at = now(), forgotten_at = $2 where subject = $1 and wrapped is not null`,
    [subject, position],
  );
}

/** Everything that is sent to the server while `work` runs, as one text. */
async function sentDuring(work: (pool: pg.Pool) => Promise<unknown>): Promise<string> {
  const pool = openPool({ url: database.url, applicationName: 'holdfast test' });
  const sent: unknown[] = [];
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  Object.assign(pool, {
    query: (...args: unknown[]) => {
      sent.push(args);
      return query(...args);
    },
  });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
  return JSON.stringify(sent);
}

describe('personal fields', () => {
  test('are ciphertext before they reach SQL, and come back as they were', async () => {
    const id = 'round-trip';
    const sent = await sentDuring(async (pool) => {
      const store = saidStore({ pool });
      await store.append('acme', said(id, secret, ['user:ana'], { data: { notes: { list: ['by mail', 'never'] } } }));
    });
    expect(sent).toContain('append_commands');
    expect(sent).not.toMatch(/prefers|by mail|never/);
    const { rows } = await database.admin.query<{ data: Record<string, unknown>; all: string }>(
      `select e.data, e::text || c::text as all from event e
       join command c on c.tenant = e.tenant and e.position between c.first_position and c.last_position where c.id = $1`,
      [id],
    );
    expect(rows[0]?.all).not.toMatch(/prefers|by mail|never/);
    expect(rows[0]?.data).toEqual({
      n: 1,
      notes: {},
      $personal: {
        v: 1,
        keys: [['user:ana', 1]],
        at: ['text', 'notes.list'],
        iv: expect.stringMatching(/^[\w+/]{16}$/) as string,
        data: expect.stringMatching(/^[\w+/=]{40,}$/) as string,
      },
    });
    const [event] = await collect(saidStore(database).readStream('acme', `said/${id}`));
    expect(event?.data).toEqual({ n: 1, text: secret, notes: { list: ['by mail', 'never'] } });
    expect(event && 'forgotten' in event).toBe(false);
  });

  test('of an event about nobody stay as they are', async () => {
    await saidStore(database).append('acme', said('nobody', 'a public announcement', []));
    const { rows } = await database.admin.query<{ data: object }>(
      `select data from event where data::text like '%announcement%'`,
    );
    expect(rows).toEqual([{ data: { n: 1, text: 'a public announcement' } }]);
  });

  test.each(hostile)('survive encryption exactly: %s', async (name, text) => {
    const store = saidStore(database);
    const command = said(`hostile/${name}`, '', ['user:hostile'], { data: { text } });
    await store.append('acme', command);
    const [event] = await collect(store.readStream('acme', `said/hostile/${name}`));
    expect(JSON.stringify(event?.data.text)).toBe(JSON.stringify(text));
    expect(await store.append('acme', command)).toMatchObject({ replayed: true, bodyDiffers: false });
  });

  test('never mix with data of the caller that has the property of ciphertext', async () => {
    const store = saidStore(database);
    const forged = { $personal: { v: 1, keys: [['user:ana', 1]], at: [], iv: '', data: '' } };
    for (const subjects of [['user:ana'], []]) {
      await expect(store.append('acme', said('forged', 'x', subjects, { data: forged }))).rejects.toBeInstanceOf(
        InvalidCommandError,
      );
    }
    const toJson = { toJSON: () => ({ ...forged, n: 1 }) };
    await expect(store.append('acme', said('forged', 'x', [], { data: toJson }))).rejects.toThrow(/object with toJSON/);
    // Deeper, or in a text, it is the caller's own.
    const deep = { notes: { $personal: 1, list: ['"$personal"'] } };
    await store.append('acme', said('deep', '"$personal"', ['user:ana'], { data: deep }));
    expect((await collect(store.readStream('acme', 'said/deep')))[0]?.data).toEqual({
      n: 1,
      text: '"$personal"',
      ...deep,
    });
  });

  test('are bound to their event: ciphertext that was moved does not decrypt', async () => {
    const store = saidStore(database);
    await store.append('acme', said('moved/1', 'one', ['user:mo']));
    await store.append('acme', said('moved/2', 'two', ['user:mo']));
    await database.admin.query(
      `update event e set data = (select o.data from event o join stream s on s.tenant = o.tenant and s.no = o.stream where s.name = 'said/moved/1')
       from stream s where s.tenant = e.tenant and s.no = e.stream and s.name = 'said/moved/2'`,
    );
    expect(await collect(store.readStream('acme', 'said/moved/1'))).toHaveLength(1);
    await expect(collect(store.readStream('acme', 'said/moved/2'))).rejects.toMatchObject({
      code: 'PERSONAL_DATA_DAMAGED',
    });
    await database.admin.query(`delete from event where data::text like '%user:mo%'`);
  });
});

describe('a destroyed key', () => {
  test('turns its texts into tombstones in every process at once, whatever was cached, and nothing else', async () => {
    const [one, two] = [saidStore(database), saidStore(database)];
    for (const [id, subjects] of [
      ['gone', ['user:gone']],
      ['both', ['user:stays', 'user:gone', 'user:gone']],
      ['stays', ['user:stays']],
    ] as const) {
      await one.append('acme', said(id, secret, subjects, { data: { notes: { list: ['x'] } } }));
    }
    for (const store of [one, two])
      expect((await collect(store.readStream('acme', 'said/both')))[0]?.data.text).toBe(secret);
    await destroyKeys('user:gone', await one.head('acme'));
    for (const store of [one, two]) {
      for (const id of ['gone', 'both']) {
        expect(await collect(store.readStream('acme', `said/${id}`))).toMatchObject([
          { forgotten: true, data: { n: 1, text: '[forgotten]', notes: { list: [] } } },
        ]);
      }
      const [stays] = await collect(store.readStream('acme', 'said/stays'));
      expect(stays?.data.text).toBe(secret);
      expect(stays).not.toHaveProperty('forgotten');
    }
    // Tombstones are new objects each time: nobody can change what others read.
    const [event] = await collect(one.readStream('acme', 'said/gone'));
    (event?.data.notes?.list as string[]).push('changed');
    expect((await collect(one.readStream('acme', 'said/gone')))[0]?.data.notes?.list).toEqual([]);
  });

  test('is not used again: what is said later gets a new one, though the writer had the old one in memory', async () => {
    const store = saidStore(database);
    await store.append('acme', said('again/1', secret, ['user:again']));
    await destroyKeys('user:again', await store.head('acme'));
    await store.append('acme', said('again/2', secret, ['user:again']));
    const texts = await Promise.all(
      upTo(2).map(async (n) => (await collect(store.readStream('acme', `said/again/${n}`)))[0]?.data.text),
    );
    expect(texts).toEqual(['[forgotten]', secret]);
    const { rows } = await database.admin.query(
      `select no, wrapped is null as destroyed from subject_key where subject = 'user:again' order by no`,
    );
    expect(rows).toEqual([
      { no: 1, destroyed: true },
      { no: 2, destroyed: false },
    ]);
  });

  test('keeps out what was derived from what it protected', async () => {
    const store = saidStore(database);
    const { lastPosition } = await store.append('acme', said('zombie/1', secret, ['user:zombie']));
    await destroyKeys('user:zombie', lastPosition + 1);
    const late = said('zombie/2', secret, ['user:zombie'], { readAt: lastPosition });
    await expect(store.append('acme', late)).rejects.toBeInstanceOf(SubjectForgottenError);
    await expect(saidStore(database).append('acme', late)).rejects.toMatchObject({ subject: 'user:zombie' });
    expect(await collect(store.readStream('acme', 'said/zombie/2'))).toEqual([]);
    await store.append('acme', { ...late, readAt: lastPosition + 1 });
  });

  test('leaves replays with their first receipt', async () => {
    const store = saidStore(database);
    const command = said('replayed', secret, ['user:replayed'], { result: { ok: 1 } });
    const first = await store.append('acme', command);
    expect(await saidStore(database).append('acme', command)).toEqual({ ...first, replayed: true });
    expect(
      await store.append('acme', said('replayed', 'other words', ['user:replayed'], { result: { ok: 1 } })),
    ).toEqual({
      ...first,
      replayed: true,
      bodyDiffers: true,
    });
    await destroyKeys('user:replayed', first.lastPosition);
    // Whether the body was the same can no longer be told by who does not hold the old key in memory.
    expect(await store.append('acme', command)).toEqual({ ...first, replayed: true });
    expect(await saidStore(database).append('acme', command)).toEqual({ ...first, replayed: true, bodyDiffers: true });
  });
});

describe('the hash of a command with personal fields', () => {
  test('cannot be guessed from its text', async () => {
    const other = `other-${Date.now()}`;
    await createTenant(database.url, other);
    for (const tenant of ['acme', other]) {
      const store = saidStore(database);
      await store.append(tenant, said('hashed', 'yes', ['user:hash']));
      await store.append(tenant, said('hashed-public', 'yes', []));
    }
    const { rows } = await database.admin.query<{ id: string; hashes: number }>(
      `select id, count(distinct body_hash)::int as hashes from command where id like 'hashed%' group by 1 order by 1`,
    );
    // One text, two keys: two hashes. Without subjects the hash depends on the text alone.
    expect(rows).toEqual([
      { id: 'hashed', hashes: 2 },
      { id: 'hashed-public', hashes: 1 },
    ]);
  });
});

describe('keys', () => {
  test('of one subject are one, whoever writes first and however many do at once', async () => {
    const stores = upTo(6).map(() => saidStore(database));
    await Promise.all(
      stores.map((store, index) =>
        store.append('acme', said(`race/${index + 1}`, secret, ['user:race', `user:r${index % 2}`])),
      ),
    );
    const { rows } = await database.admin.query(
      `select subject, count(*)::int as keys from subject_key where subject in ('user:race', 'user:r0', 'user:r1') group by 1 order by 1`,
    );
    expect(rows.map(({ keys }: { keys: number }) => keys)).toEqual([1, 1, 1]);
    for (const n of upTo(6)) {
      const [event] = await collect(saidStore(database).readStream('acme', `said/race/${n}`));
      expect(event?.data.text).toBe(secret);
    }
  });

  test('are needed, and the error says which', async () => {
    const store = saidStore(database);
    await store.append('acme', said('needed', secret, ['user:needed']));
    const { id } = localKeyWrapper(masterKey);
    const stranger = saidStore(database, localKeyWrapper(createMasterKey()));
    await expect(collect(stranger.readStream('acme', 'said/needed'))).rejects.toMatchObject({
      code: 'KEY_UNAVAILABLE',
      kekId: id,
    });
    await expect(stranger.append('acme', said('needed/2', 'x', ['user:needed']))).rejects.toMatchObject({ kekId: id });
    const none = createEventStore({ pool: database.pool, schema: saidSchema });
    await expect(collect(none.readStream('acme', 'said/needed'))).rejects.toThrow(new RegExp(id));
    await expect(none.append('acme', said('needed/3', 'x', ['user:needed']))).rejects.toMatchObject({
      code: 'KEY_UNAVAILABLE',
      kekId: null,
    });
    expect(await collect(none.readStream('acme', 'said/needed/3'))).toEqual([]);
    // Public events need no key.
    await none.append('acme', said('needed/4', 'x', []));
    expect(await collect(none.readStream('acme', 'said/needed/4'))).toHaveLength(1);
  });

  test('that are missing are not mistaken for destroyed ones', async () => {
    const store = saidStore(database);
    await store.append('acme', said('missing', secret, ['user:missing']));
    await database.admin.query(`delete from subject_key where subject = 'user:missing'`);
    await expect(collect(store.readStream('acme', 'said/missing'))).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' });
    await database.admin.query(`delete from event where data::text like '%user:missing%'`);
  });

  test('that were made in a transaction that was rolled back are made again', async () => {
    const store = saidStore(database);
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await store.append('acme', said('rolled/1', secret, ['user:rolled']), { transaction: client });
      await client.query('rollback');
    } finally {
      client.release();
    }
    await store.append('acme', said('rolled/1', secret, ['user:rolled']));
    expect((await collect(store.readStream('acme', 'said/rolled/1')))[0]?.data.text).toBe(secret);
  });

  test('are closed to the application role but for those of the current tenant that it names', async () => {
    const store = saidStore(database);
    await store.append('acme', said('closed', secret, ['user:closed']));
    await expect(database.pool.query('select * from holdfast.subject_key')).rejects.toThrow(/permission denied/);
    const read = 'select wrapped is not null as there from holdfast.read_subject_keys($1, $2)';
    const values = [['user:closed'], [1]];
    const asTenant = async (tenant: string): Promise<unknown[]> =>
      withTenant(
        database.pool,
        await store.tenantNumber(tenant),
        async (client) => (await client.query<object>(read, values)).rows,
      );
    expect(await asTenant('acme')).toEqual([{ there: true }]);
    expect(await asTenant('default')).toEqual([]);
    expect((await database.pool.query(read, values)).rows).toEqual([]);
  });
});
