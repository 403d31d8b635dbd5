import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidReadError, LogArchivedError, StreamNotDenseError } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { archiveUpTo, readUntilError, withHole } from '../hole.ts';
import { collect, note, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');

// Versions 1 to 12 of `odd` stand at positions 1, 3, 5 … 23.
beforeAll(async () => {
  const store = plainStore(database);
  for (const n of upTo(23)) await store.append('acme', note(`read/${n}`, n % 2 === 0 ? 'even' : 'odd'));
});

async function versions(options?: Parameters<ReturnType<typeof plainStore>['readStream']>[2]): Promise<number[]> {
  return (await collect(plainStore(database).readStream('acme', 'odd', options))).map(({ version }) => version);
}

describe('readStream', () => {
  test('gives one stream in order of version', async () => {
    const odd = await collect(plainStore(database).readStream('acme', 'odd'));
    expect(odd.map(({ version, position }) => [version, position])).toEqual(upTo(12).map((n) => [n, 2 * n - 1]));
    expect(new Set(odd.map(({ stream }) => stream))).toEqual(new Set(['odd']));
  });

  test.each([
    [{ from: 11 }, [11, 12]],
    [{ from: 13 }, []],
    [{ from: 3, to: 2 }, []],
    [{ from: 2, to: 4 }, [2, 3, 4]],
    [{ to: 0 }, []],
    [{ to: 999, from: 12 }, [12]],
    [{ limit: 1 }, [1]],
    [{ backwards: true, limit: 1 }, [12]],
    [{ backwards: true, to: 2 }, [2, 1]],
  ])('%j', async (options, expected) => {
    expect(await versions(options)).toEqual(expected);
  });

  test('backwards is the reverse of forwards, whatever the pages', async () => {
    const place = fc.integer({ min: 1, max: 14 });
    await fc.assert(
      fc.asyncProperty(place, place, place, async (from, to, pageSize) => {
        const forwards = await versions({ from, to, pageSize });
        expect(forwards).toEqual(upTo(12).filter((n) => n >= from && n <= to));
        expect(await versions({ from, to, pageSize, backwards: true })).toEqual(forwards.toReversed());
      }),
      { numRuns: 50 },
    );
  });

  test.each([true, false])('ends at the version it found (backwards: %s)', async (backwards) => {
    const store = plainStore(database);
    const stream = `meanwhile/${backwards}`;
    for (const n of upTo(3)) await store.append('default', note(`${stream}/${n}`, stream));
    const seen: number[] = [];
    for await (const { version } of store.readStream('default', stream, { pageSize: 1, backwards })) {
      seen.push(version);
      await store.append('default', note(`${stream}/late/${version}`, stream));
    }
    expect(seen.toSorted()).toEqual([1, 2, 3]);
  });

  test.each(['od', 'odd ', 'ODD', 'o%', 'o_d', ''])('gives nothing for %j, which is no stream', async (name) => {
    expect(await collect(plainStore(database).readStream('acme', name))).toEqual([]);
    expect(await collect(plainStore(database).readStream('default', 'odd'))).toEqual([]);
  });

  test.each([{ from: 0 }, { from: 1.5 }, { to: -1 }, { pageSize: 0 }, { limit: -1 }])('refuses %j', async (options) => {
    await expect(versions(options)).rejects.toThrow(InvalidReadError);
  });
});

describe('a stream with a hole', () => {
  test.each([1, 6, 12])('at version %i: throws there in both directions, after what stands before it', async (hole) => {
    await withHole(database.admin, 2 * hole - 1, async () => {
      for (const pageSize of [1, 5, 6, 500]) {
        for (const backwards of [false, true]) {
          const { items, error } = await readUntilError(
            plainStore(database).readStream('acme', 'odd', { pageSize, backwards }),
          );
          expect(error).toBeInstanceOf(StreamNotDenseError);
          expect(error).toMatchObject({
            code: 'STREAM_NOT_DENSE',
            stream: 'odd',
            message: expect.stringContaining(`version ${hole} must follow`) as string,
          });
          const whole = backwards ? upTo(12).toReversed() : upTo(12);
          expect(items.map(({ version }) => version)).toEqual(whole.slice(0, whole.indexOf(hole)));
        }
      }
      expect(await collect(plainStore(database).readStream('acme', 'even'))).toHaveLength(11);
    });
  });
});

describe('a stream whose beginning was archived', () => {
  test('is read from there on; asking for more says so, and a hole is still a hole', async () => {
    await archiveUpTo(database.admin, 9);
    expect(await versions({ from: 6 })).toEqual([6, 7, 8, 9, 10, 11, 12]);
    expect(await versions({ backwards: true, limit: 2 })).toEqual([12, 11]);
    for (const options of [{}, { from: 5 }, { to: 3 }]) {
      await expect(versions(options)).rejects.toThrow(LogArchivedError);
    }
    const { items, error } = await readUntilError(
      plainStore(database).readStream('acme', 'odd', { backwards: true, pageSize: 3 }),
    );
    expect(items.map(({ version }) => version)).toEqual([12, 11, 10, 9, 8, 7, 6]);
    expect(error).toBeInstanceOf(LogArchivedError);
    await withHole(database.admin, 15, async () => {
      await expect(versions({ from: 6 })).rejects.toThrow(StreamNotDenseError);
    });
  });
});
