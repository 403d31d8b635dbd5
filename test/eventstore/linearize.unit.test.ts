import { describe, expect, test } from 'vitest';
import type { Command } from '../../eventstore/index.ts';
import { findOrder } from './linearize.ts';
import type { Observation } from './linearize.ts';
import { ModelLog } from './model-log.ts';
import type { Noted } from './shapes.ts';
import { note } from './shapes.ts';

type Interval = readonly [invoked: number, returned: number];

function append(command: Command<Noted>, [invoked, returned]: Interval, answer: unknown): Observation {
  return { name: command.id, invoked, returned, answer, apply: (model) => model.append(command) };
}

function read(name: string, [invoked, returned]: Interval, answer: unknown): Observation {
  return { name, invoked, returned, answer, apply: (model) => model.readStream('s') };
}

function accepted(id: string, position: number): unknown {
  return { kind: 'accepted', first: position, last: position, same: true, result: { answer: id } };
}

const order = (...observations: readonly Observation[]): string[] | null =>
  findOrder(observations, new ModelLog())?.map(({ name }) => name) ?? null;

describe('an order is found', () => {
  test('for what came one after the other', () => {
    const a = append(note('a', 's'), [1, 2], accepted('a', 1));
    expect(order(a, read('r', [3, 4], ['a']), append(note('b', 's'), [5, 6], accepted('b', 2)))).toEqual([
      'a',
      'r',
      'b',
    ]);
  });

  test('for what overlaps, whichever way round the log took it', () => {
    for (const [a, b] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const found = order(
        append(note('a', 's'), [1, 4], accepted('a', a)),
        append(note('b', 's'), [2, 3], accepted('b', b)),
      );
      expect(found).toEqual(a < b ? ['a', 'b'] : ['b', 'a']);
    }
  });
});

describe('no order is found', () => {
  test('when an append that had returned has the higher position', () => {
    expect(
      order(append(note('a', 's'), [1, 2], accepted('a', 2)), append(note('b', 's'), [3, 4], accepted('b', 1))),
    ).toBeNull();
  });

  test('when a read misses what had been acknowledged before it began', () => {
    expect(order(append(note('a', 's'), [1, 2], accepted('a', 1)), read('r', [3, 4], []))).toBeNull();
  });

  test('when a read sees what was not asked for yet', () => {
    expect(order(read('r', [1, 2], ['a']), append(note('a', 's'), [3, 4], accepted('a', 1)))).toBeNull();
  });

  test('when two reads one after the other go back in time', () => {
    const a = append(note('a', 's'), [1, 6], accepted('a', 1));
    expect(order(a, read('r1', [2, 3], ['a']), read('r2', [4, 5], []))).toBeNull();
    expect(order(a, read('r1', [2, 3], []), read('r2', [4, 5], ['a']))).toEqual(['r1', 'a', 'r2']);
  });

  test('when two that expect the same version are both accepted, or the same command is twice', () => {
    expect(
      order(append(note('a', 's', 0), [1, 3], accepted('a', 1)), append(note('b', 's', 0), [2, 4], accepted('b', 2))),
    ).toBeNull();
    expect(
      order(append(note('a', 's'), [1, 3], accepted('a', 1)), append(note('a', 's'), [2, 4], accepted('a', 2))),
    ).toBeNull();
  });

  test('when a conflict names a version that the stream did not have', () => {
    const conflict = { kind: 'conflict', stream: 's', expected: 5, actual: 1 };
    expect(order(append(note('a', 's', 5), [1, 2], conflict))).toBeNull();
    expect(order(append(note('a', 's', 5), [1, 2], { ...conflict, actual: 0 }))).toEqual(['a']);
  });
});
