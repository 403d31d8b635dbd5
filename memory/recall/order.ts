import type { Candidate, RankedCandidate } from '../rank.ts';
import { diversify, rank } from '../rank.ts';

/** Places that are filled with an eye to what stands in the others. */
const diversePlaces = 30;
/** How much relevance counts against likeness in those places. */
const relevanceShare = 0.9;

/** Places in which a newer statement goes before the older one. */
const updatedPlaces = 20;
/** How much less relevant the newer one may be, for one that says it is an update and one that does not. */
const updateMargin = { isUpdate: 2.5, plain: 0.5 };
/** Both must hold this share of what is asked about, and about the same share of it. */
const heldAtLeast = 0.4;
const heldApart = 0.2;
const statePattern =
  /\b(how (many|much|long|often|far|old|big)|what('s| is| are| was| were)|when|which|where|current(ly)?|latest|now)\b/i;

/** True when a question asks how things are, so that of two statements about it the newer one counts. */
export function asksForState(question: string): boolean {
  return statePattern.test(question);
}

/**
 * Puts candidates in the order in which they are given out: by relevance and factors, the first places without two that say the same,
 * and, where a state is asked for, a newer statement of the same speaker before the older one.
 * @param limit how many will be kept
 */
export function order(
  candidates: readonly Candidate[],
  {
    now,
    limit,
    recency,
    asksState,
  }: {
    readonly now: number;
    readonly limit: number;
    readonly recency?: number | undefined;
    readonly asksState: boolean;
  },
): RankedCandidate[] {
  const ranked = rank(candidates, { now, ...(recency === undefined ? {} : { recency }) });
  const chosen = diversify(ranked.slice(0, diversePlaces + limit), {
    limit: Math.min(limit, diversePlaces),
    lambda: relevanceShare,
  });
  const first = new Set(chosen.map(({ id }) => id));
  const all = [...chosen, ...ranked.filter(({ id }) => !first.has(id))];
  return asksState ? newestFirst(all) : all;
}

function newestFirst(ordered: readonly RankedCandidate[]): RankedCandidate[] {
  const all = [...ordered];
  for (let place = 1; place < Math.min(updatedPlaces, all.length); place++) {
    const newer = all[place];
    const over = newer ? all.findIndex((older, at) => at < place && isUpdated(older, newer)) : -1;
    if (!newer || over === -1) continue;
    all.splice(place, 1);
    all.splice(over, 0, newer);
  }
  return all;
}

function isUpdated(older: RankedCandidate, newer: RankedCandidate): boolean {
  const margin = newer.isUpdate ? updateMargin.isUpdate : updateMargin.plain;
  return (
    older.kind === newer.kind &&
    older.speaker === newer.speaker &&
    older.at < newer.at &&
    older.relevance - newer.relevance <= margin &&
    Math.min(older.held, newer.held) >= heldAtLeast &&
    Math.abs(older.held - newer.held) <= heldApart
  );
}
