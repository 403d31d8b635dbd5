import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { ShelfItem } from '../../../memory/recall/shelf.ts';
import { createShelf } from '../../../memory/recall/shelf.ts';
import { createRecallIndex } from '../../../projections/search/shelves.ts';

function item(n: number, words = 20): ShelfItem {
  const text = Array.from({ length: words }, (_, w) => `word${(n * 7 + w * w) % 3_000}`).join(' ');
  return {
    ...{
      id: `memory-${n}`,
      kind: 'round',
      text: `${text} ${n}`,
      textHash: String(n).padStart(64, '0'),
      speaker: 'user',
    },
    ...{ session: `session-${Math.floor(n / 20)}`, at: Date.UTC(2026, 0, 1) + n * 60_000, expires: null, from: n + 1 },
    ...{ to: null, fork: '', ofUser: true, agent: null, thread: null, turn: `turn-${n}` },
  };
}

describe('what a shelf says that it takes', () => {
  test('is about what it takes, with and without vectors', () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const used = (): number => {
      gc();
      gc();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    const shelf = createShelf();
    for (let n = 0; n < 6_000; n++) shelf.put([item(n)]);
    const words = used() - before;
    expect(shelf.bytes / words).toBeGreaterThan(0.7);
    expect(shelf.bytes / words).toBeLessThan(1.6);
    for (let n = 0; n < 6_000; n++)
      shelf.attach(new Map([[String(n).padStart(64, '0'), new Float32Array(384).fill(n)]]));
    const all = used() - before;
    expect(shelf.entries.length).toBe(6_000);
    expect(shelf.bytes / all).toBeGreaterThan(0.7);
    expect(shelf.bytes / all).toBeLessThan(1.6);
  });
});

describe('a recall index', () => {
  test('lets go of those that were not asked about for longest, until the rest fits', () => {
    const probe = createShelf();
    probe.put(Array.from({ length: 100 }, (_, n) => item(n)));
    const index = createRecallIndex({ maxBytes: Math.ceil(probe.bytes * 5.5) });
    const fill = (name: string): void => {
      index.open(name).shelf.put(Array.from({ length: 100 }, (_, n) => item(n)));
      index.trim();
    };
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) fill(name);
    expect(index.bytes).toBe(probe.bytes * 5);
    // Asked about again: no longer the first to go.
    expect(index.open('a').shelf.entries).toHaveLength(100);
    fill('f');
    expect(index.bytes).toBe(probe.bytes * 5);
    for (const name of ['c', 'd', 'e', 'a', 'f']) expect(index.open(name).shelf.entries, name).toHaveLength(100);
    expect(index.open('b').shelf.entries).toHaveLength(0);
  });

  test('keeps the three shelves of the scope that is asked about, however large they are', () => {
    const index = createRecallIndex({ maxBytes: 1 });
    for (const name of ['a', 'b', 'c', 'd']) {
      index.open(name).shelf.put([item(1)]);
      index.trim();
    }
    expect(['b', 'c', 'd'].map((name) => index.open(name).shelf.entries.length)).toEqual([1, 1, 1]);
    expect(index.open('a').shelf.entries).toHaveLength(0);
  });
});
