import { describe, expect, test } from 'vitest';
import { CommandBodyDiffersError, ExpectedVersionConflictError, StreamSealedError } from '../../../eventstore/index.ts';
import type { ExpectedVersion } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { collect, note, noted, plainStore } from '../shapes.ts';

const database = withDatabase('plain');

/** What the log holds, by SQL that sees through row-level security. */
async function counts(): Promise<object> {
  const { rows } = await database.admin.query<object>(
    `select (select count(*)::int from event) as events, (select count(*)::int from command) as commands,
            (select count(*)::int from stream) as streams, (select sum(position)::int from log_head) as positions,
            (select sum(streams)::int from log_head) as numbered`,
  );
  return rows[0] ?? {};
}

describe('an accepted command', () => {
  test('gets the next positions of the log and the next versions of each of its streams', async () => {
    const store = plainStore(database);
    const before = await store.head('acme');
    const receipt = await store.append('acme', {
      id: 'many',
      streams: [
        { name: 'many/a', expectedVersion: 'none' },
        { name: 'many/b', expectedVersion: 0 },
        { name: 'many/c', expectedVersion: 'any' },
      ],
      events: [noted('many/a', 1), noted('many/b', 2), noted('many/a', 3), noted('many/c', 4), noted('many/a', 5)],
    });
    expect(receipt).toMatchObject({
      commandId: 'many',
      firstPosition: before + 1,
      lastPosition: before + 5,
      replayed: false,
      bodyDiffers: false,
      result: {},
    });
    const log = await collect(store.readLog('acme', { after: before }));
    expect(log.map(({ stream, version, data, position }) => [position - before, stream, version, data.text])).toEqual([
      [1, 'many/a', 1, 1],
      [2, 'many/b', 1, 2],
      [3, 'many/a', 2, 3],
      [4, 'many/c', 1, 4],
      [5, 'many/a', 3, 5],
    ]);
    expect(log.every(({ recordedAt }) => recordedAt.getTime() === receipt.recordedAt.getTime())).toBe(true);
    expect(await store.head('acme')).toBe(before + 5);
  });

  test('keeps subjects of its events, and its meta', async () => {
    const store = plainStore(database);
    await store.append('acme', {
      id: 'attributes',
      streams: [{ name: 'attributes', expectedVersion: 'none' }],
      events: [
        { ...noted('attributes'), schemaVersion: 1, subjects: ['user:ana', 'user:bo'] },
        { ...noted('attributes') },
      ],
      meta: { actor: 'test' },
      result: { stored: true },
    });
    const events = await collect(store.readStream('acme', 'attributes'));
    expect(events.map(({ schemaVersion, subjects }) => ({ schemaVersion, subjects }))).toEqual([
      { schemaVersion: 1, subjects: ['user:ana', 'user:bo'] },
      { schemaVersion: 1, subjects: [] },
    ]);
    expect(await store.readCommand('acme', 'attributes')).toMatchObject({
      id: 'attributes',
      meta: { actor: 'test' },
      result: { stored: true },
    });
  });

  test('may name a stream it adds no event to, as a guard', async () => {
    const store = plainStore(database);
    const guarded = {
      ...note('guarded', 'guarded/events', 'none'),
      streams: [
        { name: 'guarded/events', expectedVersion: 'none' },
        { name: 'guarded/guard', expectedVersion: 'none', seal: true },
      ],
    } as const;
    await store.append('acme', guarded);
    await expect(store.append('acme', note('guarded-2', 'guarded/guard'))).rejects.toBeInstanceOf(StreamSealedError);
  });

  test('keeps time from running backwards when the clock of the server does', async () => {
    const store = plainStore(database);
    await database.admin.query(
      `update log_head set last_at = clock_timestamp() + interval '1 hour' where tenant = (select no from tenant where id = 'acme')`,
    );
    const first = await store.append('acme', note('late-1', 'late'));
    const second = await store.append('acme', note('late-2', 'late'));
    expect(first.recordedAt.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    expect(second.recordedAt.getTime()).toBeGreaterThanOrEqual(first.recordedAt.getTime());
    const { rows } = await database.admin.query(
      `select from (select recorded_at, lag(recorded_at) over (partition by tenant order by position) as earlier from event) e
       where recorded_at < earlier`,
    );
    expect(rows).toHaveLength(0);
  });
});

describe('an expected version', () => {
  const cases: readonly (readonly [ExpectedVersion, number, boolean])[] = [
    ['none', 0, true],
    ['none', 2, false],
    [0, 0, true],
    [0, 2, false],
    [2, 2, true],
    [1, 2, false],
    [3, 2, false],
    [1, 0, false],
    ['some', 2, true],
    ['some', 0, false],
    ['any', 0, true],
    ['any', 2, true],
  ];

  test.each(cases)('%s on a stream at version %i: accepted %s', async (expected, version, accepted) => {
    const store = plainStore(database);
    const stream = `expected/${expected}/${version}`;
    for (let i = 1; i <= version; i++) await store.append('acme', note(`${stream}/${i}`, stream));
    const before = await counts();
    const attempt = store.append('acme', note(`${stream}/tested`, stream, expected));
    if (accepted) {
      await expect(attempt).resolves.toMatchObject({ replayed: false });
      expect((await collect(store.readStream('acme', stream))).at(-1)?.version).toBe(version + 1);
    } else {
      const error: unknown = await attempt.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ExpectedVersionConflictError);
      expect(error).toMatchObject({ code: 'EXPECTED_VERSION_CONFLICT', stream, expected, actual: version });
      expect(String(error)).toContain(`at version ${version}`);
      expect(String(error)).toContain(String(expected));
      expect(await counts()).toEqual(before);
    }
  });

  test('a conflict on the last of many streams leaves nothing of the command behind', async () => {
    const store = plainStore(database);
    await store.append('acme', note('all-or-nothing/1', 'all/b'));
    const before = await counts();
    const command = {
      id: 'all-or-nothing/2',
      streams: [
        { name: 'all/new', expectedVersion: 'none' },
        { name: 'all/b', expectedVersion: 5 },
      ],
      events: [noted('all/new'), noted('all/b')],
    } as const;
    await expect(store.append('acme', command)).rejects.toMatchObject({ stream: 'all/b', expected: 5, actual: 1 });
    expect(await counts()).toEqual(before);
    expect(await store.readCommand('acme', 'all-or-nothing/2')).toBeUndefined();
    // The id is still free: a rejected command may be decided again under the same id.
    await expect(
      store.append('acme', {
        ...command,
        streams: [command.streams[0], { name: 'all/b', expectedVersion: 1 }],
      }),
    ).resolves.toMatchObject({ replayed: false });
  });
});

describe('a sealed stream', () => {
  test('takes no more events, whatever the expectation, and leaves other streams open', async () => {
    const store = plainStore(database);
    await store.append('acme', note('seal/1', 'seal/a', 'none', { seal: true }));
    const before = await counts();
    for (const expected of ['any', 'some', 1] as const) {
      const error: unknown = await store
        .append('acme', note(`seal/by-${expected}`, 'seal/a', expected))
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StreamSealedError);
      expect(error).toMatchObject({ code: 'STREAM_SEALED', stream: 'seal/a' });
    }
    const both = {
      id: 'seal/both',
      streams: [
        { name: 'seal/b', expectedVersion: 'any' },
        { name: 'seal/a', expectedVersion: 'any' },
      ],
      events: [noted('seal/b'), noted('seal/a')],
    } as const;
    await expect(store.append('acme', both)).rejects.toBeInstanceOf(StreamSealedError);
    expect(await counts()).toEqual(before);
    await expect(store.append('acme', note('seal/b', 'seal/b'))).resolves.toMatchObject({ replayed: false });
  });

  test('still gives the sealing command its receipt when it is replayed', async () => {
    const store = plainStore(database);
    const command = note('seal/again', 'seal/again', 'none', { seal: true });
    const first = await store.append('acme', command);
    const again = await store.append('acme', command);
    expect(again).toEqual({ ...first, replayed: true });
  });
});

describe('a replayed command', () => {
  test('gets the first receipt, with its positions, time and result, and stores nothing', async () => {
    const store = plainStore(database);
    const command = note('replay/1', 'replay', 'none');
    const first = await store.append('acme', command);
    await store.append('acme', note('replay/2', 'replay'));
    const before = await counts();
    const again = await store.append('acme', command, { strict: true });
    expect(again).toEqual({ ...first, replayed: true });
    expect(again.result).toEqual({ answer: 'replay/1' });
    expect(await counts()).toEqual(before);
  });

  test('is recognised whatever the stream has become and whatever version it expects now', async () => {
    const store = plainStore(database);
    const first = await store.append('acme', note('versions/1', 'versions', 'none'));
    await store.append('acme', note('versions/2', 'versions'));
    for (const expected of ['none', 7, 'some', 'any'] as const) {
      const again = await store.append('acme', note('versions/1', 'versions', expected));
      expect(again).toMatchObject({ replayed: true, firstPosition: first.firstPosition });
    }
  });

  test('with another body gets the first answer, flagged; in strict mode an error', async () => {
    const store = plainStore(database);
    await store.append('acme', note('differs', 'differs', 'any', { text: 'first' }));
    const other = { ...note('differs', 'differs', 'any', { text: 'second' }), result: { answer: 'second' } };
    const receipt = await store.append('acme', other);
    expect(receipt).toMatchObject({ replayed: true, bodyDiffers: true, result: { answer: 'differs' } });
    const error: unknown = await store.append('acme', other, { strict: true }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandBodyDiffersError);
    expect(error).toMatchObject({ code: 'COMMAND_BODY_DIFFERS', commandId: 'differs' });
    expect((await collect(store.readStream('acme', 'differs'))).map(({ data }) => data.text)).toEqual(['first']);
  });

  test('has the same body when only its meta or the spelling of its defaults differ', async () => {
    const store = plainStore(database);
    await store.append('acme', { ...note('spelling', 'spelling'), meta: { attempt: 1 } });
    const [event] = note('spelling', 'spelling').events;
    if (!event) throw new Error('The command has an event.');
    const again = await store.append(
      'acme',
      {
        ...note('spelling', 'spelling'),
        streams: [{ seal: false, expectedVersion: 'any', name: 'spelling' }],
        events: [{ ...event, schemaVersion: 1, subjects: [] }],
        meta: { attempt: 2 },
      },
      { strict: true },
    );
    expect(again).toMatchObject({ replayed: true, bodyDiffers: false });
  });

  test('is one command per tenant: the same id in two tenants is two commands', async () => {
    const store = plainStore(database);
    await store.append('acme', note('shared-id', 'shared'));
    await expect(store.append('default', note('shared-id', 'shared'))).resolves.toMatchObject({ replayed: false });
  });
});

describe('a caller’s transaction', () => {
  test('that rolls back leaves nothing, and the command can be sent again', async () => {
    const store = plainStore(database);
    const before = await counts();
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      const inside = await store.append('acme', note('tx/1', 'tx', 'none'), { transaction: client });
      expect(inside.replayed).toBe(false);
      await client.query('rollback');
    } finally {
      client.release();
    }
    expect(await counts()).toEqual(before);
    await expect(store.append('acme', note('tx/1', 'tx', 'none'))).resolves.toMatchObject({ replayed: false });
  });

  test('that commits stores command and the caller’s own work together', async () => {
    const store = plainStore(database);
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await store.append('acme', note('tx/2', 'tx/2', 'none'), { transaction: client });
      await store.append('acme', note('tx/3', 'tx/2', 1), { transaction: client });
      await client.query('commit');
    } finally {
      client.release();
    }
    expect(await collect(store.readStream('acme', 'tx/2'))).toHaveLength(2);
  });

  test('under REPEATABLE READ is refused in words that name the level', async () => {
    const store = plainStore(database);
    const client = await database.pool.connect();
    try {
      await client.query('begin isolation level repeatable read');
      await expect(store.append('acme', note('tx/rr', 'tx/rr'), { transaction: client })).rejects.toThrow(
        /READ COMMITTED.*repeatable read/,
      );
      await client.query('rollback');
    } finally {
      client.release();
    }
    expect(await store.readCommand('acme', 'tx/rr')).toBeUndefined();
  });
});
