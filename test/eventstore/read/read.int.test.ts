import { beforeAll, describe, expect, test } from 'vitest';
import { LogArchivedError, LogNotDenseError } from '../../../eventstore/index.ts';
import { withDatabase } from '../../support/with-database.ts';
import { archiveUpTo, withHole } from '../hole.ts';
import { collect, note, noted, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');

beforeAll(async () => {
  const store = plainStore(database);
  for (const n of upTo(23)) await store.append('acme', note(`read/${n}`, n % 2 === 0 ? 'even' : 'odd'));
});

describe('readCommandEvents', () => {
  beforeAll(async () => {
    const store = plainStore(database);
    for (const id of ['turn/a', 'turn/ab', 'turn/a/step/1', 'turn/a%', 'turn/a_', 'turn/aé', 'turn/b']) {
      await store.append('acme', {
        id,
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: [noted('s', id), noted('s', id)],
      });
    }
  });

  async function ids(selection: { ids?: string[]; prefixes?: string[] }): Promise<unknown[]> {
    const events = await plainStore(database).readCommandEvents('acme', selection);
    expect(events.map(({ position }) => position)).toEqual(
      events.map(({ position }) => position).sort((a, b) => a - b),
    );
    const texts = events.map(({ data }) => data.text);
    expect(texts.length).toBe(2 * new Set(texts).size);
    return [...new Set(texts)];
  }

  test('an id is that command and no other', async () => {
    expect(await ids({ ids: ['turn/a'] })).toEqual(['turn/a']);
    expect(await ids({ ids: ['turn/a%', 'nothing'] })).toEqual(['turn/a%']);
    expect(await ids({ ids: [] })).toEqual([]);
    expect(await ids({})).toEqual([]);
  });

  test('a prefix is every id that begins with it, with no wildcards', async () => {
    expect(await ids({ prefixes: ['turn/a/'] })).toEqual(['turn/a/step/1']);
    expect(await ids({ prefixes: ['turn/ab'] })).toEqual(['turn/ab']);
    expect(await ids({ prefixes: ['turn/a%'] })).toEqual(['turn/a%']);
    expect(await ids({ prefixes: ['turn/a_'] })).toEqual(['turn/a_']);
    expect(await ids({ prefixes: ['turn/c'] })).toEqual([]);
    expect(await ids({ prefixes: ['turn/a'] })).toHaveLength(6);
  });

  test('a command chosen twice is read once', async () => {
    expect(await ids({ ids: ['turn/a', 'turn/a', 'turn/b'], prefixes: ['turn/b', 'turn/'] })).toHaveLength(7);
  });
});

describe('readCommand and head', () => {
  test('know what was accepted and nothing else', async () => {
    const store = plainStore(database);
    const command = await store.readCommand('acme', 'read/7');
    expect(command).toMatchObject({
      id: 'read/7',
      firstPosition: 7,
      lastPosition: 7,
      meta: {},
      result: { answer: 'read/7' },
    });
    expect(await store.readCommand('acme', 'read/%')).toBeUndefined();
    expect(await store.readCommand('default', 'read/7')).toBeUndefined();
    expect(await store.head('acme')).toBe((await collect(store.readLog('acme'))).length);
  });
});

describe('a command whose events are not all there', () => {
  const id = 'three';
  let first = 0;
  beforeAll(async () => {
    const store = plainStore(database);
    const receipt = await store.append('acme', {
      id,
      streams: [{ name: 's', expectedVersion: 'any' }],
      events: [noted('s'), noted('s'), noted('s')],
    });
    first = receipt.firstPosition;
    await store.append('acme', note('after three', 's'));
  });

  test.each([0, 1, 2])('is never given short: event %i is missing', async (index) => {
    await withHole(database.admin, first + index, async () => {
      const store = plainStore(database);
      for (const ids of [[id], [id, 'after three'], ['read/1', id]]) {
        const error: unknown = await store.readCommandEvents('acme', { ids }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(LogNotDenseError);
        expect(error).toMatchObject({ message: expect.stringContaining(`${first + index} must follow`) as string });
      }
      expect(await store.readCommandEvents('acme', { ids: ['after three'] })).toHaveLength(1);
    });
  });

  test('is told apart from one that was archived', async () => {
    await archiveUpTo(database.admin, 23);
    const store = plainStore(database);
    await expect(store.readCommandEvents('acme', { ids: ['read/23', id] })).rejects.toBeInstanceOf(LogArchivedError);
    expect(await store.readCommandEvents('acme', { ids: [id] })).toHaveLength(3);
    expect(await store.readCommand('acme', 'read/7')).toMatchObject({ firstPosition: 7 });
  });
});
