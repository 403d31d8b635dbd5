import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { createEventStore, InvalidFoldError, InvalidReadError, LogArchivedError } from '../../../eventstore/index.ts';
import type { Fold, Folded, Moment } from '../../../eventstore/index.ts';
import { until } from '../../support/until.ts';
import { withDatabase } from '../../support/with-database.ts';
import { archiveUpTo } from '../hole.ts';
import type { Noted } from '../shapes.ts';
import { collect, note, noted, plainSchema, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');

/** Sums up texts; order matters, so that an event left out, doubled or misplaced shows. */
interface Tally {
  readonly count: number;
  readonly words: string;
  readonly last?: { readonly at: readonly (number | null)[] };
}
let evolved = 0;
const tally: Fold<Noted, Tally> = {
  name: 'tally',
  version: 1,
  initial: () => ({ count: 0, words: '' }),
  evolve(state, { data, version }) {
    evolved += 1;
    const words = `${state.words}${String(data.text)};`.slice(-200);
    return { count: state.count + 1, words, last: { at: [version, null] } };
  },
};

/** The fold as one would write it without this store. */
async function freshly(stream: string, at: Moment = Number.MAX_SAFE_INTEGER): Promise<Folded<Tally>> {
  const store = plainStore(database);
  const upTo = at instanceof Date ? await store.positionAt('acme', at) : at;
  const events = await collect(store.readStream('acme', stream));
  const own = events.filter(({ position }) => position <= upTo);
  const last = own.at(-1);
  const state = own.reduce((sum, event) => tally.evolve(sum, event), tally.initial());
  return { state, version: last?.version ?? 0, position: last?.position ?? 0 };
}

async function write(stream: string, count: number, mark = 'w'): Promise<void> {
  const store = plainStore(database);
  const head = await store.head('acme');
  await store.append('acme', {
    id: `${stream}/${mark}/${head}`,
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: upTo(count).map((n) => noted(stream, `${mark}${head + n}`)),
  });
}

interface SnapshotRow {
  readonly stream: string;
  readonly fold: string;
  readonly version: number;
  readonly position: number;
}

async function snapshots(): Promise<SnapshotRow[]> {
  const { rows } = await database.admin.query<SnapshotRow>(
    'select stream, fold, version::int, position::int from snapshot order by stream, fold',
  );
  return rows;
}

/** Changes what a snapshot says, to see whether it is read. */
async function poison(): Promise<void> {
  await database.admin.query(`update snapshot set state = '{"count":-1,"words":"poison"}'`);
}

beforeEach(async () => {
  await database.admin.query('delete from snapshot');
  evolved = 0;
});

describe('a fold with snapshots', () => {
  test('equals one without, whatever was appended, folded, asked for and thrown away', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('write' as const),
          stream: fc.nat(1),
          count: fc.integer({ min: 1, max: 9 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('fold' as const),
          stream: fc.nat(1),
          every: fc.integer({ min: 1, max: 12 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('past' as const),
          stream: fc.nat(1),
          part: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), stream: fc.nat(1) }) },
    );
    let run = 0;
    let used = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
        run += 1;
        const store = plainStore(database);
        for (const one of steps) {
          const stream = `law/${run}/${one.stream}`;
          if (one.kind === 'write') await write(stream, one.count);
          else if (one.kind === 'clear') await database.admin.query('delete from snapshot where stream = $1', [stream]);
          else if (one.kind === 'fold') {
            evolved = 0;
            const folded = await store.foldStream('acme', stream, tally, { snapshotEvery: one.every });
            if (evolved < folded.version) used += 1;
            expect(folded).toEqual(await freshly(stream));
          } else {
            const at = Math.round(one.part * (await store.head('acme')));
            const folded = await store.foldStream('acme', stream, tally, { at, snapshotEvery: 1 });
            expect(folded).toEqual(await freshly(stream, at));
          }
        }
      }),
      { numRuns: 50 },
    );
    // The law says nothing about snapshots that are never read.
    expect(used).toBeGreaterThan(10);
  });

  test('reads only what came after, and saves again when enough has', async () => {
    const store = plainStore(database);
    await write('long', 99);
    const told = async (): Promise<[number, number]> => {
      evolved = 0;
      const { version } = await store.foldStream('acme', 'long', tally);
      return [evolved, version];
    };
    expect(await told()).toEqual([99, 99]);
    expect(await snapshots()).toEqual([]);
    await write('long', 1);
    expect(await told()).toEqual([100, 100]);
    expect(await snapshots()).toMatchObject([{ stream: 'long', version: 100 }]);
    expect(await told()).toEqual([0, 100]);
    await write('long', 60);
    expect(await told()).toEqual([60, 160]);
    expect(await snapshots()).toMatchObject([{ version: 100 }]);
    await write('long', 40);
    expect(await told()).toEqual([100, 200]);
    expect(await snapshots()).toMatchObject([{ version: 200 }]);
    expect(await store.foldStream('acme', 'long', tally)).toEqual(await freshly('long'));
  });

  test('as of a moment reads a snapshot from before it and leaves a later one alone', async () => {
    const store = plainStore(database);
    await write('past', 20);
    const middle = await store.head('acme');
    await write('past', 20);
    await store.foldStream('acme', 'past', tally, { at: middle, snapshotEvery: 10 });
    expect(await snapshots()).toMatchObject([{ version: 20, position: middle }]);
    evolved = 0;
    expect((await store.foldStream('acme', 'past', tally, { at: middle + 5 })).version).toBe(25);
    expect(evolved).toBe(5);
    await store.foldStream('acme', 'past', tally, { snapshotEvery: 10 });
    await store.foldStream('acme', 'past', tally, { at: middle - 1, snapshotEvery: 1 });
    expect(await snapshots()).toMatchObject([{ version: 40 }]);
    const [event] = await collect(store.readLog('acme', { after: middle - 1, limit: 1 }));
    const time = event?.recordedAt ?? new Date(NaN);
    expect(await store.foldStream('acme', 'past', tally, { at: time })).toEqual(await freshly('past', time));
  });

  test('of a stream that does not exist is the beginning', async () => {
    const store = plainStore(database);
    const nothing = { state: { count: 0, words: '' }, version: 0, position: 0 };
    expect(await store.foldStream('acme', 'nowhere', tally)).toEqual(nothing);
    await write('somewhere', 2);
    expect(await store.foldStream('acme', 'somewhere', tally, { at: 0 })).toEqual(nothing);
    expect(await store.foldStream('default', 'somewhere', tally)).toEqual(nothing);
  });

  test('refuses a nonsensical distance between snapshots', async () => {
    await expect(plainStore(database).foldStream('acme', 's', tally, { snapshotEvery: 0 })).rejects.toThrow(
      InvalidReadError,
    );
  });
});

describe('a snapshot', () => {
  test('is not read by another fold: name, version and schema of events count', async () => {
    const store = plainStore(database);
    await write('hash', 10);
    await store.foldStream('acme', 'hash', tally, { snapshotEvery: 1 });
    await poison();
    expect((await store.foldStream('acme', 'hash', tally)).state.words).toBe('poison');
    const { state } = await freshly('hash');
    expect((await store.foldStream('acme', 'hash', { ...tally, version: 2 })).state).toEqual(state);
    expect((await store.foldStream('acme', 'hash', { ...tally, name: 'other' })).state).toEqual(state);
    const upgraded = createEventStore({
      pool: database.pool,
      schema: {
        ...plainSchema,
        upcasters: { Noted: [({ text }: Noted['data']) => ({ text: `new ${String(text)}` })] },
      },
    });
    const upcast = await upgraded.foldStream('acme', 'hash', tally, { snapshotEvery: 1 });
    expect(upcast.state.words).toMatch(/^new .*;new /);
    // Each keeps its own.
    expect(await snapshots()).toHaveLength(2);
    expect((await store.foldStream('acme', 'hash', tally)).state.words).toBe('poison');
  });

  test('is one of its tenant', async () => {
    const store = plainStore(database);
    await write('shared', 5);
    await store.append('default', note('shared', 'shared', 'none', { text: 'of default' }));
    await store.foldStream('acme', 'shared', tally, { snapshotEvery: 1 });
    expect((await store.foldStream('default', 'shared', tally, { snapshotEvery: 1 })).state.words).toBe('of default;');
    expect(await snapshots()).toHaveLength(2);
  });

  test('of a log that was restored and went on differently is not read, and gives way', async () => {
    const store = plainStore(database);
    await write('restored', 4, 'first');
    const kept = await store.head('acme');
    await write('restored', 4, 'lost');
    const old = await store.foldStream('acme', 'restored', tally, { snapshotEvery: 1 });
    // What a restored backup from before the last command looks like.
    await database.admin.query(`
      with own as (select no from tenant where id = 'acme'),
        events as (delete from event e using own where e.tenant = own.no and e.position > ${kept}),
        commands as (delete from command c using own where c.tenant = own.no and c.last_position > ${kept}),
        streams as (update stream s set version = 4 from own where s.tenant = own.no and s.name = 'restored')
      update log_head h set position = ${kept}, chain = (
        select c.chain from command c where c.tenant = own.no and c.last_position = ${kept}) from own where h.tenant = own.no`);
    // Ahead of the log.
    const { version, state } = await store.foldStream('acme', 'restored', tally);
    expect({ version, state }).toEqual({ version: 4, state: (await freshly('restored')).state });
    await write('restored', 6, 'other');
    // Behind it again, and still of a past that never was.
    expect(await store.foldStream('acme', 'restored', tally)).toEqual(await freshly('restored'));
    expect(await snapshots()).toMatchObject([{ version: old.version }]);
    await store.foldStream('acme', 'restored', tally, { at: kept + 1, snapshotEvery: 1 });
    expect(await snapshots()).toMatchObject([{ version: 5, position: kept + 1 }]);
    evolved = 0;
    expect((await store.foldStream('acme', 'restored', tally)).version).toBe(10);
    expect(evolved).toBe(5);
  });

  test('does not outlive the archiving of what it was made from', async () => {
    const store = plainStore(database);
    await write('archived', 8);
    await store.foldStream('acme', 'archived', tally, { snapshotEvery: 1 });
    await archiveUpTo(database.admin, (await store.head('acme')) - 3);
    await write('archived', 1);
    const withSnapshot: unknown = await store.foldStream('acme', 'archived', tally).catch((error: unknown) => error);
    await database.admin.query('delete from snapshot');
    const without: unknown = await store.foldStream('acme', 'archived', tally).catch((error: unknown) => error);
    expect(without).toBeInstanceOf(LogArchivedError);
    expect(withSnapshot).toEqual(without);
    await database.admin.query('update log_head set base = 0');
  });

  test('cannot be of a state that JSON would change', async () => {
    const store = plainStore(database);
    const states: unknown[] = [
      new Date(),
      new Map(),
      NaN,
      -0,
      1n,
      () => 1,
      undefined,
      [undefined],
      { a: { b: new Set() } },
      Symbol('x'),
    ];
    for (const state of states) {
      const fold = { name: 'bad', version: 1, initial: () => state, evolve: () => state };
      await expect(store.foldStream('acme', 'none', fold), String(state)).rejects.toThrow(InvalidFoldError);
    }
    const plain = {
      text: '\0 \ud800',
      none: null,
      list: [1, -1.5, true, []],
      gone: undefined,
      nested: Object.create(null) as object,
    };
    await write('plain', 2);
    const fold: Fold<Noted, object> = { name: 'plain', version: 1, initial: () => plain, evolve: (state) => state };
    const first = await store.foldStream('acme', 'plain', fold, { snapshotEvery: 1 });
    expect(first.state).toEqual(plain);
    expect(await store.foldStream('acme', 'plain', { ...fold, initial: () => ({}) })).toEqual(first);
  });
});

describe('saving', () => {
  test('fails quietly while somebody holds the log', async () => {
    await write('busy', 3);
    const client = await database.admin.connect();
    try {
      await client.query('begin');
      await client.query('select from log_head for update');
      const folded = await plainStore(database).foldStream('acme', 'busy', tally, { snapshotEvery: 1 });
      expect(folded).toEqual(await freshly('busy'));
      expect(await snapshots()).toEqual([]);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('is not done when somebody was forgotten since the events were read, however late', async () => {
    const store = plainStore(database);
    await write('forget', 3);
    const head = await store.head('acme');
    const tenant = await store.tenantNumber('acme');
    const save = (readAt: number) =>
      database.pool.query('select holdfast.save_snapshot($1, $2, $3, $4, $5, $6, $7)', [
        tenant,
        'forget',
        'f',
        3,
        head,
        '{}',
        readAt,
      ]);
    const client = await database.admin.connect();
    try {
      // What a forget does while it holds the head.
      await client.query('begin');
      await client.query('select from log_head for update');
      const saving = save(head);
      await until('the save waits for the head', async () => {
        const { rowCount } = await database.admin.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%save_snapshot%'`,
        );
        return rowCount === 1 ? true : undefined;
      });
      await client.query('delete from snapshot');
      await client.query(`insert into subject_key (tenant, subject, no, forgotten_at) values ($1, 'user:ana', 1, $2)`, [
        tenant,
        head + 1,
      ]);
      await client.query('commit');
      await saving;
      expect(await snapshots()).toEqual([]);
      // Whoever reads after that may save what it read.
      await save(head + 1);
      expect(await snapshots()).toHaveLength(1);
    } finally {
      client.release();
    }
    await database.admin.query('delete from subject_key');
  });
});
