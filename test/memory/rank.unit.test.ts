import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bm25 } from '../../memory/bm25.ts';
import { diversify, dot, rank } from '../../memory/rank.ts';
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
    vector: null,
    ...change,
  };
}

function ranked(id: string, score: number, change: Partial<RankedCandidate> = {}): RankedCandidate {
  return { ...candidate(id, {}), score, ranks: {}, factors: {}, ...change };
}

describe('bm25', () => {
  test('equals values computed by hand', () => {
    // idf(term 1, in 2 of 4) = ln(1 + 2.5/2.5) = 0.693147; idf(term 2, in 1 of 4) = ln(1 + 3.5/1.5) = 1.203973
    // a: norm = 0.9 (0.6 + 0.4 · 10/5) = 1.26; 0.693147 · 2 · 1.9 / 3.26 + 0 = 0.807963
    // b: norm = 0.9 (0.6 + 0.4 · 5/5) = 0.9; 0.693147 · 1 · 1.9 / 1.9 + 1.203973 · 3 · 1.9 / 3.9 = 2.452800
    const scores = bm25(
      [
        { id: 'a', frequencies: [2, 0], length: 10 },
        { id: 'b', frequencies: [1, 3], length: 5 },
      ],
      { documents: 4, averageLength: 5, holding: [2, 1] },
    );
    expect(scores.get('a')).toBeCloseTo(0.807963, 5);
    expect(scores.get('b')).toBeCloseTo(0.693147 + (1.203973 * 3 * 1.9) / 3.9, 5);
  });

  test('takes other constants, gives nothing for nothing and survives an empty corpus', () => {
    const match = { id: 'a', frequencies: [1], length: 0 };
    // k1 = 2, b = 0: norm = 2; ln(1 + 0.5/1.5) · 3/3
    expect(bm25([match], { documents: 1, averageLength: 0, holding: [1] }, { k1: 2, b: 0 }).get('a')).toBeCloseTo(
      Math.log(4 / 3),
      6,
    );
    expect(bm25([], { documents: 0, averageLength: 0, holding: [] })).toEqual(new Map());
  });

  test('rewards rarer terms, more occurrences and shorter texts', () => {
    const scores = bm25(
      [
        { id: 'rare', frequencies: [0, 1], length: 5 },
        { id: 'common', frequencies: [1, 0], length: 5 },
        { id: 'twice', frequencies: [2, 0], length: 5 },
        { id: 'long', frequencies: [1, 0], length: 50 },
      ],
      { documents: 9, averageLength: 5, holding: [3, 1] },
    );
    const of = (id: string): number => scores.get(id) ?? 0;
    expect(of('rare')).toBeGreaterThan(of('twice'));
    expect(of('twice')).toBeGreaterThan(of('common'));
    expect(of('common')).toBeGreaterThan(of('long'));
  });
});

describe('rank', () => {
  test('fuses by 1/(k + rank) in each channel and keeps the ranks', () => {
    const [first, second, third] = rank(
      [candidate('x', { words: 9 }), candidate('y', { words: 5, vector: 0.9 }), candidate('z', { vector: 0.5 })],
      { now },
    );
    expect([first?.id, second?.id, third?.id]).toEqual(['y', 'x', 'z']);
    expect(first?.ranks).toEqual({ words: 2, vector: 1 });
    const factor = 1.05;
    expect(first?.score).toBeCloseTo((1 / 62 + 1 / 61) * factor, 9);
    expect(second?.score).toBeCloseTo((1 / 61) * factor, 9);
    expect(third?.score).toBeCloseTo((1 / 62) * factor, 9);
  });

  test('weighs channels and takes another k', () => {
    const [only] = rank([candidate('x', { words: 1, vector: 1 })], { now, weights: { words: 3 }, k: 9 });
    expect(only?.score).toBeCloseTo((3 / 10 + 1 / 10) * 1.05, 9);
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
