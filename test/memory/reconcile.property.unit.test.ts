import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldFacts, knownFrom } from '../../bench/contradictions/fold-facts.ts';
import type { FoldedFact } from '../../bench/contradictions/fold-facts.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import type { MemoryProposal } from '../../memory/reconcile.ts';
import { reconcile } from '../../memory/reconcile.ts';
import { hash, proposal } from './given.ts';

const cities = ['Lisbon', 'Oslo', 'Rome', 'Kyoto', 'Porto', 'Bern', 'Quito', 'Cork'];
const day = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString();

/** Proposals one write after the other, as a log would hold them. */
function write(proposals: readonly MemoryProposal[]): MemoryEvent[] {
  const events: MemoryEvent[] = [];
  for (const [at, one] of proposals.entries()) {
    const { events: decided } = reconcile({
      scope: { user: 'ana' },
      trust: 'direct_user',
      facts: knownFrom(foldFacts(events)),
      procedures: [],
      proposals: [one],
      hash,
      newId: () => `f${at}`,
    });
    events.push(...decided);
  }
  return events;
}

const standing = (facts: readonly FoldedFact[]): FoldedFact[] => facts.filter(({ validTo }) => validTo === null);
const line = (events: readonly MemoryEvent[]): string[] =>
  foldFacts(events)
    .map(({ value, validFrom, validTo }) => `${value} ${validFrom} ${validTo}`)
    .sort();

const move = fc.record({ value: fc.constantFrom(...cities), from: fc.integer({ min: 0, max: 60 }) });

describe('values of a single-valued relation', () => {
  test('make the same history in whatever order they are learnt of', () => {
    const moves = fc.uniqueArray(move, {
      maxLength: 6,
      comparator: (a, b) => a.value === b.value || a.from === b.from,
    });
    const shuffled = moves.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([inOrder, mixed]) => {
        const told = (list: typeof inOrder): string[] =>
          line(write(list.map(({ value, from }) => proposal({ value, validFrom: day(from) }))));
        expect(told(mixed)).toEqual(told(inOrder));
      }),
      { numRuns: 300 },
    );
  });

  test('never are two at a time, unless they are disputed from the same moment', () => {
    const said = fc.record({
      value: fc.constantFrom(...cities),
      from: fc.integer({ min: 0, max: 20 }),
      stay: fc.option(fc.integer({ min: 1, max: 10 }), { nil: null }),
      action: fc.constantFrom('assert', 'supersede', 'retract'),
      relation: fc.constantFrom('lives_in', 'home_city', 'Residence'),
    });
    fc.assert(
      fc.property(fc.array(said, { maxLength: 12 }), (list) => {
        const events = write(
          list.map(({ from, stay, ...rest }) =>
            proposal({ ...rest, validFrom: day(from), validTo: stay === null ? null : day(from + stay) }),
          ),
        );
        const starts = new Set(standing(foldFacts(events)).map(({ validFrom }) => validFrom));
        expect(starts.size).toBeLessThanOrEqual(1);
        const now = standing(foldFacts(events));
        const disputed = events.flatMap((one) =>
          one.type === 'FactAsserted' && one.data.disputedWith !== null ? [one.data.fact] : [],
        );
        expect(now.filter(({ fact }) => !disputed.includes(fact)).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  test('are neither lost nor ended before they began', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 10 }), (list) => {
        const facts = foldFacts(write(list.map(({ value, from }) => proposal({ value, validFrom: day(from) }))));
        expect(new Set(facts.map(({ value }) => value))).toEqual(new Set(list.map(({ value }) => value)));
        for (const { validFrom, validTo } of facts) expect(validTo === null || validTo >= validFrom).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

test('facts about many things are the same in whatever order they are learnt of', () => {
  const said = fc.record({
    subject: fc.constantFrom('user', 'Bo'),
    relation: fc.constantFrom('speaks', 'plays', 'allergic_to'),
    value: fc.constantFrom('a', 'b', 'c'),
  });
  const lists = fc
    .array(said, { maxLength: 8 })
    .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
  fc.assert(
    fc.property(lists, ([inOrder, mixed]) => {
      const told = (list: typeof inOrder): string[] =>
        foldFacts(write(list.map((one) => proposal(one))))
          .map(({ subject, relation, value, sources }) => `${subject} ${relation} ${value} ${sources}`)
          .sort();
      expect(told(mixed)).toEqual(told(inOrder));
    }),
  );
});
