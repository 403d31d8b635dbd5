/** What a search gave for one query, best first, and what it should have found. */
export interface Judged {
  readonly ranked: readonly string[];
  readonly gold: ReadonlySet<string>;
}

/** Share of the gold ids among the first k results, 0 to 1; 0 without gold. */
export function recallAt({ ranked, gold }: Judged, k: number): number {
  return gold.size === 0 ? 0 : hits(ranked.slice(0, k), gold) / gold.size;
}

/** 1 where every gold id is among the first k results. */
export function allAt({ ranked, gold }: Judged, k: number): number {
  return gold.size > 0 && hits(ranked.slice(0, k), gold) === gold.size ? 1 : 0;
}

/** 1 where at least one gold id is among the first k results. */
export function anyAt({ ranked, gold }: Judged, k: number): number {
  return hits(ranked.slice(0, k), gold) > 0 ? 1 : 0;
}

/** Normalised discounted gain of the first k results with gains of 0 and 1 (Järvelin and Kekäläinen 2002), 0 to 1. */
export function ndcgAt({ ranked, gold }: Judged, k: number): number {
  if (gold.size === 0) return 0;
  const gain = (place: number): number => 1 / Math.log2(place + 2);
  const seen = new Set<string>();
  let found = 0;
  ranked.slice(0, k).forEach((id, place) => {
    if (gold.has(id) && !seen.has(id)) found += gain(place);
    seen.add(id);
  });
  let ideal = 0;
  for (let place = 0; place < Math.min(k, gold.size); place++) ideal += gain(place);
  return found / ideal;
}

/** 1 / rank of the first gold id; 0 when none is there. */
export function reciprocalRank({ ranked, gold }: Judged): number {
  const place = ranked.findIndex((id) => gold.has(id));
  return place === -1 ? 0 : 1 / (place + 1);
}

/** Share of the gold ids among the results before the first whose running cost passes the budget. */
export function recallWithin({ ranked, gold }: Judged, tokens: readonly number[], budget: number): number {
  let spent = 0;
  let kept = 0;
  for (const cost of tokens.slice(0, ranked.length)) {
    spent += cost;
    if (spent > budget) break;
    kept += 1;
  }
  return recallAt({ ranked, gold }, kept);
}

/** Chance that one of `above` is greater than one of `below`, ties half (area under the ROC curve); null when either is empty. */
export function auroc(above: readonly number[], below: readonly number[]): number | null {
  if (above.length === 0 || below.length === 0) return null;
  let wins = 0;
  for (const a of above) for (const b of below) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (above.length * below.length);
}

/** 1 where the best-ranked `newer` id stands above the best-ranked `older` one; an id that was not found is last. */
export function newestFirst(ranked: readonly string[], newer: readonly string[], older: readonly string[]): number {
  const best = (ids: readonly string[]): number => {
    const place = ranked.findIndex((id) => ids.includes(id));
    return place === -1 ? Infinity : place;
  };
  return best(newer) < best(older) ? 1 : 0;
}

/** Value under which a share of the numbers lies (nearest rank); 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
}

function hits(ranked: readonly string[], gold: ReadonlySet<string>): number {
  return new Set(ranked.filter((id) => gold.has(id))).size;
}
