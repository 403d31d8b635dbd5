import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import type { ExtractTrigger } from '../../agents/index.ts';
import { dueInMs, extractsWhen } from '../../memory/extract-trigger.ts';

test.each<[ExtractTrigger, number, number, number | null]>([
  [{ everyTurns: 3 }, 2, 9_000, null],
  [{ everyTurns: 3 }, 3, 0, 0],
  [{ afterIdleMs: 500 }, 1, 200, 300],
  [{ afterIdleMs: 500 }, 1, 600, 0],
  [{ everyTurns: 3, afterIdleMs: 500 }, 2, 100, 400],
  [{ everyTurns: 3, afterIdleMs: 500 }, 3, 100, 0],
  [{ afterIdleMs: 500 }, 0, 900, null],
  ['manual', 50, 9_000, null],
  [true, 1, 0, 0],
  [false, 1, 9_000, null],
])('%j with %i turns that wait and a pause of %i ms is due in %j', (trigger, waiting, idleMs, due) => {
  expect(dueInMs(trigger, { waiting, idleMs })).toBe(due);
});

test('turns are read at once, later or never', () => {
  const all: ExtractTrigger[] = [true, 'manual', { everyTurns: 2 }, { afterIdleMs: 1 }, false];
  expect(all.map(extractsWhen)).toEqual(['now', 'later', 'later', 'later', 'never']);
  for (const extract of all)
    expect(defineAgent({ name: 'a', instructions: '', memory: { extract } }).memory.extract).toEqual(extract);
});

test.each(['sometimes', {}, { everyTurns: 0 }, { everyTurns: 1.5 }, { afterIdleMs: -1 }, { every: 3 }, null, []])(
  '%j is no trigger',
  (extract) => {
    expect(() => defineAgent({ name: 'a', instructions: '', memory: { extract: extract as never } })).toThrow(
      /memory\.extract/,
    );
  },
);
