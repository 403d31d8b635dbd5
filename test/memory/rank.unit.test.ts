import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diversify, dot, rank } from '../../memory/rank.ts';
import { asksForState, order } from '../../memory/recall/order.ts';
import type { Candidate, RankedCandidate } from '../../memory/rank.ts';

const now = Date.UTC(2026, 5, 1);
const day = 86_400_000;

function candidate(id: string, scores: Record<string, number>, change: Partial<Candidate> = {}): Candidate {
  return {
    id,
    kind: 'fact',
    text: id,
    contentHash: id,
    at: now,
    trust: 'tool_internal',
    proofs: 1,
    scores,
    relevance: 0,
    vector: null,
    speaker: null,
    held: 0,
    isUpdate: false,
    ...change,
  };
}

function ranked(id: string, score: number, change: Partial<RankedCandidate> = {}): RankedCandidate {
  return { ...candidate(id, {}), score, ranks: {}, factors: {}, ...change };
}

describe('rank', () => {
  test('orders by relevance, whatever the places in the channels, and keeps those', () => {
    const [first, second, third] = rank(
      [
        candidate('x', { words: 9 }, { relevance: 1 }),
        candidate('y', { words: 5, vector: 0.9 }, { relevance: 2 }),
        candidate('z', { vector: 0.5 }, { relevance: -4 }),
      ],
      { now },
    );
    expect([first?.id, second?.id, third?.id]).toEqual(['y', 'x', 'z']);
    expect(first?.ranks).toEqual({ words: 2, vector: 1 });
    const factor = 1.05;
    expect(first?.score).toBeCloseTo(Math.exp(2 / 3 - 3) * factor, 9);
    expect(second?.score).toBeCloseTo(Math.exp(1 / 3 - 3) * factor, 9);
    expect(third?.score).toBeCloseTo(Math.exp(-4 / 3 - 3) * factor, 9);
  });

  test('gives ties to the smaller id, whatever the order of arrival', () => {
    const all = ['c', 'a', 'b'].map((id) => candidate(id, { words: 1 }));
    expect(rank(all, { now }).map(({ id, ranks }) => [id, ranks['words']])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
  });

  test('boosts recency, trust, proof and kind, by at most 15 % together upwards and 20 % downwards each way', () => {
    const factors = (change: Partial<Candidate>) => rank([candidate('x', { words: 1 }, change)], { now })[0]?.factors;
    expect(factors({})).toEqual({ recency: 1.05, trust: 1, proof: 1, kind: 1 });
    expect(factors({ at: now - 365 * day })?.['recency']).toBe(0.96);
    expect(factors({ at: now - 9999 * day })?.['recency']).toBe(0.96);
    expect(factors({ at: now + 9999 * day })?.['recency']).toBe(1.05);
    expect(factors({ trust: 'direct_user' })?.['trust']).toBe(1.05);
    expect(factors({ trust: 'tool_external' })?.['trust']).toBe(0.9);
    expect(factors({ trust: 'anything' })?.['trust']).toBe(1);
    expect(factors({ proofs: 1e9 })?.['proof']).toBe(1.1);
    expect(factors({ proofs: 0 })?.['proof']).toBe(1);
    expect(factors({ kind: 'round' })?.['kind']).toBe(0.9);
  });

  test('each factor stays within 15 %, whatever the candidate', () => {
    fc.assert(
      fc.property(
        fc.record({
          at: fc.integer({ min: -1e13, max: 1e13 }),
          trust: fc.constantFrom('direct_user', 'tool_external', 'model_inference', 'x'),
          proofs: fc.integer({ min: -5, max: 1e6 }),
          kind: fc.constantFrom('round', 'fact'),
        }),
        (change) => {
          const [only] = rank([candidate('x', { words: 1 }, change)], { now });
          for (const factor of Object.values(only?.factors ?? {}))
            expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.15);
        },
      ),
    );
  });

  test('of nothing is nothing', () => {
    expect(rank([], { now })).toEqual([]);
  });
});

describe('diversify', () => {
  const at = (degrees: number): Float32Array =>
    Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));

  test('compares with everything picked so far, not only with the best', () => {
    // b repeats a, d repeats c: after a and c, a filter against the best alone would still take d before e.
    const all = [
      ranked('a', 1, { vector: at(0) }),
      ranked('b', 0.95, { vector: at(1) }),
      ranked('c', 0.9, { vector: at(90) }),
      ranked('d', 0.89, { vector: at(91) }),
      ranked('e', 0.7, { vector: at(200) }),
    ];
    expect(diversify(all, { limit: 3 }).map(({ id }) => id)).toEqual(['a', 'c', 'e']);
    expect(
      diversify(all, { limit: 5 })
        .map(({ id }) => id)
        .slice(0, 3),
    ).toEqual(['a', 'c', 'e']);
    expect(diversify(all, { limit: 3, lambda: 1 }).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  test('equals the definition, computed naively', () => {
    const item = fc.record({ score: fc.integer({ min: 1, max: 100 }), angle: fc.integer({ min: 0, max: 359 }) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), fc.integer({ min: 1, max: 8 }), (items, limit) => {
        const all = items
          .map(({ score, angle }, index) => ranked(`i${index}`, score / 100, { vector: at(angle) }))
          .sort((a, b) => b.score - a.score);
        const best = all[0]?.score ?? 1;
        const picked: RankedCandidate[] = [];
        while (picked.length < limit && picked.length < all.length) {
          const open = all.filter((one) => !picked.includes(one));
          const marginal = (one: RankedCandidate): number =>
            0.7 * (one.score / best) -
            (1 - 0.7) * Math.max(0, ...picked.map((other) => dot(one.vector ?? at(0), other.vector ?? at(0))));
          const top = Math.max(...open.map(marginal));
          const winner = open.find((one) => marginal(one) === top);
          if (winner) picked.push(winner);
        }
        expect(diversify(all, { limit }).map(({ id }) => id)).toEqual(picked.map(({ id }) => id));
      }),
    );
  });

  test('takes equal content for the same, with or without vectors', () => {
    const all = [ranked('a', 1), ranked('copy', 0.99, { contentHash: 'a' }), ranked('other', 0.8)];
    expect(diversify(all, { limit: 2 }).map(({ id }) => id)).toEqual(['a', 'other']);
  });

  test('vectors of different length say nothing about each other; nothing gives nothing', () => {
    const all = [ranked('a', 1, { vector: at(0) }), ranked('b', 0.9, { vector: Float32Array.of(1) })];
    expect(diversify(all, { limit: 9 }).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(diversify([], { limit: 3 })).toEqual([]);
    expect(diversify(all, { limit: 0 })).toEqual([]);
  });
});

describe('order', () => {
  const told = (id: string, relevance: number, change: Partial<Candidate> = {}) =>
    candidate(id, { words: 1 }, { kind: 'round', speaker: 'user', held: 0.8, relevance, ...change });
  const ordered = (all: readonly Candidate[], asksState: boolean) =>
    order(all, { now, limit: 10, asksState }).map(({ id }) => id);
  const old = told('old', 5, { at: now - 40 * day });

  test('puts a newer statement of the same speaker before the older one, where a state is asked for', () => {
    const update = told('update', 3, { isUpdate: true });
    expect(ordered([old, update], true)).toEqual(['update', 'old']);
    expect(ordered([old, update], false)).toEqual(['old', 'update']);
  });

  test.each([
    ['by somebody else', { speaker: 'assistant', isUpdate: true }],
    ['about something else', { held: 0.3, isUpdate: true }],
    ['far less relevant', { relevance: 2, isUpdate: true }],
    ['no update, and less relevant', { relevance: 4 }],
    ['older still', { at: now - 50 * day, isUpdate: true }],
    ['of another kind', { kind: 'fact', relevance: 0, isUpdate: true }],
  ])('but not one that is %s', (_, change) => {
    expect(ordered([old, told('other', 3, change)], true)).toEqual(['old', 'other']);
  });

  test('loses and invents nothing, whatever is asked', () => {
    const any = fc.record({
      relevance: fc.integer({ min: -3, max: 8 }),
      held: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
      age: fc.nat(400),
      isUpdate: fc.boolean(),
      speaker: fc.constantFrom('user', 'assistant'),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), fc.boolean(), (all, asksState) => {
        const candidates = all.map(({ age, ...rest }, n) => told(`c${n}`, 0, { ...rest, at: now - age * day }));
        const given = ordered(candidates, asksState);
        expect(given.toSorted()).toEqual(candidates.map(({ id }) => id).toSorted());
        expect(ordered(candidates.toReversed(), asksState)).toEqual(given);
      }),
    );
  });

  test('knows a question about how things are from a request', () => {
    expect(['How many cats do I have now?', "What's my address?"].map(asksForState)).toEqual([true, true]);
    expect(['Help me plan a trip.', ''].map(asksForState)).toEqual([false, false]);
  });
});
