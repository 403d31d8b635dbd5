import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidReadError, LogArchivedError, LogNotDenseError } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { archiveUpTo, readUntilError, withHole } from '../hole.ts';
import { collect, note, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');

beforeAll(async () => {
  const store = plainStore(database);
  for (const n of upTo(23)) await store.append('acme', note(`read/${n}`, n % 2 === 0 ? 'even' : 'odd'));
});

async function positions(options: Parameters<ReturnType<typeof plainStore>['readLog']>[1]): Promise<number[]> {
  return (await collect(plainStore(database).readLog('acme', options))).map(({ position }) => position);
}

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
    [{ after: 7, upTo: 3 }, []],
    [{ upTo: 2 }, [1, 2]],
    [{ after: 5, upTo: 7, pageSize: 1 }, [6, 7]],
    [{ after: 21, upTo: 999 }, [22, 23]],
    [{ after: 3, limit: 2 }, [4, 5]],
    [{ after: 3, limit: 3, pageSize: 2 }, [4, 5, 6]],
    [{ after: 21, limit: 3 }, [22, 23]],
    [{ backwards: true, limit: 2 }, [23, 22]],
    [{ backwards: true, upTo: 3 }, [3, 2, 1]],
    [{ backwards: true, after: 20, upTo: 999, pageSize: 2 }, [23, 22, 21]],
    [{ backwards: true, after: 999 }, []],
  ])('%j', async (options, expected) => {
    expect(await positions(options)).toEqual(expected);
  });

  test('backwards is the reverse of forwards, whatever the pages', async () => {
    const place = fc.nat(26);
    await fc.assert(
      fc.asyncProperty(place, place, fc.integer({ min: 1, max: 26 }), async (after, end, pageSize) => {
        const forwards = await positions({ after, upTo: end, pageSize });
        expect(forwards).toEqual(upTo(23).filter((n) => n > after && n <= end));
        expect(await positions({ after, upTo: end, pageSize, backwards: true })).toEqual(forwards.toReversed());
      }),
      { numRuns: 60 },
    );
  });

  test.each([{}, { upTo: 999 }, { backwards: true }])(
    'ends at the head it found, whatever is appended meanwhile: %j',
    async (options) => {
      const store = plainStore(database);
      const before = await store.head('default');
      for (const n of upTo(3)) await store.append('default', note(`meanwhile/${before + n}`, 'm'));
      const seen: number[] = [];
      for await (const { position } of store.readLog('default', { after: before, pageSize: 1, ...options })) {
        seen.push(position - before);
        await store.append('default', note(`meanwhile/late/${position}`, 'm'));
      }
      expect(seen.toSorted()).toEqual([1, 2, 3]);
    },
  );

  test.each([{ pageSize: 0 }, { pageSize: 10_001 }, { after: -1 }, { after: 1.5 }, { upTo: NaN }, { limit: 0 }])(
    'refuses %j',
    async (options) => {
      await expect(positions(options)).rejects.toThrow(InvalidReadError);
    },
  );
});

describe('a log with a hole', () => {
  test.each([
    ['in the middle', 12],
    ['at the beginning', 1],
    ['at the end', 23],
  ])('%s: throws there, in both directions, and gives what stands before it', async (_name, hole) => {
    await withHole(database.admin, hole, async () => {
      for (const pageSize of [1, 5, 11, 12, 500]) {
        for (const backwards of [false, true]) {
          const log = plainStore(database).readLog('acme', { pageSize, backwards });
          const { items, error } = await readUntilError(log);
          expect(error).toBeInstanceOf(LogNotDenseError);
          expect(error).toMatchObject({
            code: 'LOG_NOT_DENSE',
            message: expect.stringContaining(`${hole} must follow`) as string,
          });
          const whole = backwards ? upTo(23).toReversed() : upTo(23);
          expect(items.map(({ position }) => position)).toEqual(whole.slice(0, whole.indexOf(hole)));
        }
      }
    });
  });
});

describe('an archived log', () => {
  test('is read from its base on; asking for more names the base', async () => {
    await archiveUpTo(database.admin, 9);
    expect(await positions({ after: 9 })).toEqual(upTo(23).slice(9));
    expect(await positions({ after: 9, backwards: true, pageSize: 4 })).toEqual(upTo(23).slice(9).toReversed());
    expect(await positions({ after: 3, upTo: 3 })).toEqual([]);
    for (const options of [{}, { after: 8 }, { after: 2, upTo: 4 }, { upTo: 9, backwards: true }]) {
      const { items, error } = await readUntilError(plainStore(database).readLog('acme', options));
      expect(items).toEqual([]);
      expect(error).toBeInstanceOf(LogArchivedError);
      expect(error).toMatchObject({ code: 'LOG_ARCHIVED', tenant: 'acme', base: 9 });
    }
    // Backwards there is something to give before the base.
    const { items, error } = await readUntilError(plainStore(database).readLog('acme', { backwards: true }));
    expect(items.map(({ position }) => position)).toEqual(upTo(23).slice(9).toReversed());
    expect(error).toBeInstanceOf(LogArchivedError);
  });

  test('still tells a hole from what was archived', async () => {
    await withHole(database.admin, 10, async () => {
      await expect(positions({ after: 9 })).rejects.toThrow(LogNotDenseError);
      await expect(positions({ after: 8 })).rejects.toThrow(LogArchivedError);
    });
  });
});
