import { describe, expect, test } from 'vitest';
import type { PlanInput } from '../../../memory/consolidate/plan.ts';
import { itemKey } from '../../../memory/consolidate/item-key.ts';
import { planConsolidation } from '../../../memory/consolidate/plan.ts';
import { cared } from './given.ts';

const now = '2026-06-01T00:00:00.000Z';

function given(change: Partial<PlanInput>) {
  return planConsolidation({
    facts: [],
    observations: [],
    sessions: [],
    undone: new Set(),
    now,
    observes: false,
    learns: false,
    ...change,
  });
}

const twins = (count: number) =>
  Array.from({ length: count }, (_, n) => [
    cared(`a${n}`, `User likes thing${n}.`, { value: `thing${n}` }),
    cared(`b${n}`, `The user likes thing${n}`, { value: `thing${n}` }),
  ]).flat();
const others = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    cared(`o${n}`, `User plays game${n}.`, { value: `game${n}`, relation: 'plays' }),
  );

describe('a run', () => {
  test('merges what says the same, one part per fact that stays', () => {
    const { units, refused, facts } = given({ facts: [...twins(2), ...others(6)] });
    expect({ refused, facts }).toEqual({ refused: null, facts: 10 });
    expect(units).toEqual([
      { kind: 'merge', key: 'merge/a0', keep: 'a0', gone: ['b0'] },
      { kind: 'merge', key: 'merge/a1', keep: 'a1', gone: ['b1'] },
    ]);
  });

  test('that would retire more than a fifth does nothing and says so', () => {
    expect(given({ facts: [...twins(3), ...others(4)], observes: true })).toEqual({
      units: [],
      facts: 10,
      refused: 'it would retire 3 of 10 facts; a run may retire 2 (20 %)',
    });
  });

  test('may retire one of few', () => {
    expect(given({ facts: twins(1) }).units).toHaveLength(1);
  });

  test('ends what has expired, whatever its share, and does not merge into it', () => {
    const expired = cared('a', 'User likes tea.', { expiresAt: '2026-05-01T00:00:00.000Z' });
    const again = cared('b', 'User likes tea!', { expiresAt: '2026-05-02T00:00:00.000Z' });
    expect(given({ facts: [expired, again] })).toMatchObject({
      refused: null,
      units: [
        {
          kind: 'retire',
          facts: [
            { fact: 'a', why: 'expired' },
            { fact: 'b', why: 'expired' },
          ],
        },
      ],
    });
    const later = { ...expired, expiresAt: '2026-07-01T00:00:00.000Z' };
    expect(given({ facts: [later] }).units).toEqual([]);
  });

  test('ends observations of whose facts none holds any more', () => {
    const observation = cared('o', 'User likes drinks.', { kind: 'observation' });
    const facts = [observation, ...others(5)];
    expect(given({ facts, observations: [{ observation: 'o', holding: 1 }] }).units).toEqual([]);
    expect(given({ facts, observations: [{ observation: 'o', holding: 0 }] }).units).toMatchObject([
      { kind: 'retire', facts: [{ fact: 'o', why: 'unproven' }] },
    ]);
  });

  test('does nothing again that was undone', () => {
    const expired = cared('x', 'User plays chess.', { expiresAt: '2026-05-01T00:00:00.000Z' });
    const session = { thread: 't', branch: 'main', upTo: 7 };
    const input = { facts: [...twins(1), expired, ...others(6)], sessions: [session] };
    expect(given(input).units.map(({ kind }) => kind)).toEqual(['merge', 'retire', 'summarise']);
    const undone = new Set([itemKey.merge('a0', 'b0'), itemKey.expire('x'), itemKey.summarise('t', 7)]);
    expect(given({ ...input, undone }).units).toEqual([]);
    // New words make another session of it.
    expect(given({ ...input, undone, sessions: [{ ...session, upTo: 9 }] }).units).toHaveLength(1);
  });
});
