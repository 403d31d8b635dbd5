import { describe, expect, test } from 'vitest';
import {
  allAt,
  anyAt,
  auroc,
  ndcgAt,
  newestFirst,
  percentile,
  recallAt,
  recallWithin,
  reciprocalRank,
} from '../../../memory/eval/metrics.ts';

const judged = { ranked: ['a', 'b', 'c', 'd'], gold: new Set(['b', 'd', 'x']) };
const nothing = { ranked: ['a'], gold: new Set<string>() };

describe('metrics equal values computed by hand', () => {
  test('recall, any and all', () => {
    expect([1, 2, 3, 4, 50].map((k) => recallAt(judged, k))).toEqual([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]);
    expect([1, 2].map((k) => anyAt(judged, k))).toEqual([0, 1]);
    expect(allAt(judged, 4)).toBe(0);
    expect(allAt({ ranked: ['b', 'd', 'x'], gold: judged.gold }, 3)).toBe(1);
    expect([recallAt(nothing, 5), anyAt(nothing, 5), allAt(nothing, 5)]).toEqual([0, 0, 0]);
    expect(recallAt({ ranked: ['b', 'b'], gold: new Set(['b', 'd']) }, 2)).toBe(0.5);
  });

  test('nDCG: gold at ranks 2 and 4 of three', () => {
    // (1/log2 3 + 1/log2 5) / (1 + 1/log2 3 + 1/2) = (0.630930 + 0.430677) / 2.130930
    expect(ndcgAt(judged, 10)).toBeCloseTo(0.498186, 5);
    expect(ndcgAt(judged, 1)).toBe(0);
    expect(ndcgAt({ ranked: ['b', 'd', 'x'], gold: judged.gold }, 10)).toBeCloseTo(1, 12);
    expect(ndcgAt(nothing, 10)).toBe(0);
  });

  test('reciprocal rank', () => {
    expect(reciprocalRank(judged)).toBe(0.5);
    expect(reciprocalRank({ ranked: ['a'], gold: judged.gold })).toBe(0);
  });

  test('recall within a budget ends before the first result that passes it', () => {
    expect(recallWithin(judged, [10, 20, 30, 40], 30)).toBe(1 / 3);
    expect(recallWithin(judged, [10, 20, 30, 40], 29)).toBe(0);
    expect(recallWithin(judged, [10, 20, 30, 40], 100)).toBe(2 / 3);
  });

  test('AUROC: pairs won, ties half', () => {
    // (0.9 > 0.5, 0.9 > 0.4, 0.5 = 0.5, 0.5 > 0.4) = 3.5 of 4
    expect(auroc([0.9, 0.5], [0.5, 0.4])).toBe(0.875);
    expect([auroc([], [1]), auroc([1], [])]).toEqual([null, null]);
  });

  test('newest first: what was not found stands last', () => {
    expect(newestFirst(['n', 'o'], ['n'], ['o'])).toBe(1);
    expect(newestFirst(['o', 'n'], ['n'], ['o'])).toBe(0);
    expect([newestFirst(['n'], ['n'], ['o']), newestFirst([], ['n'], ['o'])]).toEqual([1, 0]);
  });

  test('percentile by nearest rank', () => {
    expect([0.5, 0.95, 0, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([2, 4, 1, 4]);
    expect(percentile([], 0.5)).toBe(0);
  });
});
