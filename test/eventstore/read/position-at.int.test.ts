import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidReadError, LogNotDenseError } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { archiveUpTo } from '../hole.ts';
import { collect, noted, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');
const start = Date.UTC(2026, 0, 1);

/** When each command was recorded, in microseconds after `start`: several in one millisecond, several at one time. */
const offsets = [0, 1, 999, 1_000, 1_000, 1_001, 5_000, 5_500, 5_999, 6_000, 6_000, 283_000, 283_001, 2_000_000];
/** The command each position belongs to, by index: command n holds 1 + n % 3 events. */
const commandOf = offsets.flatMap((_, n) => upTo(1 + (n % 3)).map(() => n));
const head = commandOf.length;
const milliseconds = commandOf.map((n) => Math.floor((offsets[n] ?? 0) / 1_000));
const lastAt = (ms: number): number => milliseconds.filter((at) => at <= ms).length;

beforeAll(async () => {
  const store = plainStore(database);
  for (const [n, offset] of offsets.entries()) {
    const { firstPosition } = await store.append('acme', {
      id: `at/${n}`,
      streams: [{ name: 's', expectedVersion: 'any' }],
      events: upTo(1 + (n % 3)).map(() => noted('s', n)),
    });
    // The clock of the log, turned by hand.
    const at = `timestamptz '2026-01-01 00:00:00+00' + ${offset} * interval '1 microsecond'`;
    const own = `tenant = (select no from tenant where id = 'acme')`;
    await database.admin.query(`update event set recorded_at = ${at} where ${own} and position >= ${firstPosition};
      update command set recorded_at = ${at} where ${own} and last_position >= ${firstPosition}`);
  }
});

async function positions(options: Parameters<ReturnType<typeof plainStore>['readLog']>[1]): Promise<number[]> {
  return (await collect(plainStore(database).readLog('acme', options))).map(({ position }) => position);
}

describe('positionAt', () => {
  test('is the last position recorded at or before the time, in whole milliseconds', async () => {
    const store = plainStore(database);
    for (const ms of [...new Set(milliseconds)].flatMap((at) => [at - 1, at, at + 1])) {
      expect(await store.positionAt('acme', new Date(start + ms)), `${ms} ms`).toBe(lastAt(ms));
    }
  });

  test('of an event’s own time is that event or one recorded in the same millisecond', async () => {
    const store = plainStore(database);
    for await (const event of store.readLog('acme')) {
      const found = await store.positionAt('acme', event.recordedAt);
      expect(found).toBeGreaterThanOrEqual(event.position);
      expect(milliseconds[found - 1]).toBe(event.recordedAt.getTime() - start);
    }
  });

  test.each([-8.64e15, -1, 0])('is 0 long before the log (%d)', async (ms) => {
    expect(await plainStore(database).positionAt('acme', new Date(ms))).toBe(0);
  });

  test.each([Date.UTC(2100, 0, 1), 8.64e15])('is the head long after it (%d)', async (ms) => {
    expect(await plainStore(database).positionAt('acme', new Date(ms))).toBe(head);
  });

  test('is 0 in an empty log', async () => {
    expect(await plainStore(database).positionAt('default', new Date())).toBe(0);
  });

  test('refuses a date that is none', async () => {
    await expect(plainStore(database).positionAt('acme', new Date('tomorrow'))).rejects.toThrow(InvalidReadError);
    await expect(positions({ since: new Date(NaN) })).rejects.toThrow(InvalidReadError);
  });
});

describe('readLog between times', () => {
  test('gives exactly the events recorded from `since` to `until`, in both directions', async () => {
    const time = fc.constantFrom(...[...new Set(milliseconds)].flatMap((at) => [at - 1, at, at + 1]));
    await fc.assert(
      fc.asyncProperty(
        time,
        time,
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (from, to, backwards, pageSize) => {
          const expected = upTo(head).filter((n) => {
            const at = milliseconds[n - 1] ?? 0;
            return at >= from && at <= to;
          });
          const since = new Date(start + from);
          const until = new Date(start + to);
          expect(await positions({ since, until, backwards, pageSize })).toEqual(
            backwards ? expected.toReversed() : expected,
          );
          // Together with positions: what meets both.
          expect(await positions({ since, until, after: 4, upTo: 20 })).toEqual(
            expected.filter((n) => n > 4 && n <= 20),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('gives nothing outside of the log', async () => {
    expect(await positions({ since: new Date(start + 1e9) })).toEqual([]);
    expect(await positions({ until: new Date(start - 1) })).toEqual([]);
    expect(await positions({ since: new Date(start - 1) })).toHaveLength(head);
  });
});

describe('times of a log', () => {
  test('are found after its events were archived', async () => {
    await archiveUpTo(database.admin, 10);
    expect(await plainStore(database).positionAt('acme', new Date(start))).toBe(lastAt(0));
    expect(await positions({ since: new Date(start + 6) })).toEqual(upTo(head).slice(lastAt(5)));
  });

  test('are not guessed where commands are missing', async () => {
    await database.admin.query(
      `delete from command where last_position > 3 and tenant = (select no from tenant where id = 'acme')`,
    );
    await expect(plainStore(database).positionAt('acme', new Date(start + 1e9))).rejects.toThrow(LogNotDenseError);
  });
});
