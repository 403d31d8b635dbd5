import { compareTexts } from './text.ts';

/** A candidate as the channels found it. */
export interface Candidate {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  /** Digest of the text: candidates of one digest say the same thing. */
  readonly contentHash: string;
  /** When it was said or began to hold, in milliseconds of the epoch. */
  readonly at: number;
  readonly trust: string;
  /** How many sources vouch for it. */
  readonly proofs: number;
  /** Score in each channel that found it; higher is better. */
  readonly scores: Readonly<Record<string, number>>;
  /** What all that is known of it makes of it (recall/weights.ts); higher is better. */
  readonly relevance: number;
  /** Unit vector, where one is attached. */
  readonly vector: Float32Array | null;
  /** Who said it; null for what is derived. */
  readonly speaker: string | null;
  /** Share of what the question is about that stands in it, by rarity of the words, 0 to 1. */
  readonly held: number;
  /** It says that something is now otherwise. */
  readonly isUpdate: boolean;
  /** A how-to that has failed clearly more often than it worked. @default false */
  readonly isFailing?: boolean;
}

/** A candidate with its fused score and what it is made of. */
export interface RankedCandidate extends Candidate {
  readonly score: number;
  readonly ranks: Readonly<Record<string, number>>;
  readonly factors: Readonly<Record<string, number>>;
}

export interface RankOptions {
  /** The time the question is asked at, in milliseconds of the epoch. */
  readonly now: number;
  /** How much recency counts, 0 to 1: the newest and what is a year old differ by about this share. @default 0.1 */
  readonly recency?: number;
}

const dayMs = 86_400_000;
const trustFactor: Readonly<Record<string, number>> = {
  direct_user: 1.05,
  tool_internal: 1,
  model_inference: 1,
  tool_external: 0.9,
};
/** Facts and how-tos are distilled: at equal rank they beat the conversation they came from. */
const kindFactor: Readonly<Record<string, number>> = { round: 0.9 };

/** A how-to that mostly fails goes after its equals; it is still found, so that it is seen why. */
const failingFactor = 0.85;

/**
 * Orders candidates by relevance and bounded factors for recency, trust, proof and kind. Factors stay within ±15 % (that of
 * recency within half of what is asked for), so no boost rescues an irrelevant item. The place in each channel and the factors are kept for the explanation. Ties go to id.
 */
export function rank(candidates: readonly Candidate[], { now, recency = 0.1 }: RankOptions): RankedCandidate[] {
  const channels = new Set(candidates.flatMap(({ scores }) => Object.keys(scores)));
  const ranks = new Map<string, Record<string, number>>(candidates.map(({ id }) => [id, {}]));
  for (const channel of channels) {
    candidates
      .filter(({ scores }) => scores[channel] !== undefined)
      .sort((a, b) => (b.scores[channel] ?? 0) - (a.scores[channel] ?? 0) || compareTexts(a.id, b.id))
      .forEach(({ id }, index) => {
        const own = ranks.get(id);
        if (own) own[channel] = index + 1;
      });
  }
  return candidates
    .map((candidate) => {
      const own = ranks.get(candidate.id) ?? {};
      const ageDays = Math.max(0, now - candidate.at) / dayMs;
      const factors: Readonly<Record<string, number>> = {
        recency: round3(1 + recency * (Math.max(0.1, 1 - ageDays / 365) - 0.5)),
        trust: trustFactor[candidate.trust] ?? 1,
        proof: round3(1 + Math.min(0.1, Math.log(Math.max(1, candidate.proofs)) / 20)),
        kind: kindFactor[candidate.kind] ?? 1,
        ...(candidate.isFailing === true ? { outcomes: failingFactor } : {}),
      };
      // Relevance is a sum of logarithms; a third of it, so that a factor moves an item past its equals and not past its betters.
      const score = Object.values(factors).reduce(
        (product, factor) => product * factor,
        Math.exp(candidate.relevance / 3 - 3),
      );
      return { ...candidate, score, ranks: own, factors };
    })
    .sort((a, b) => b.score - a.score || compareTexts(a.id, b.id));
}

/**
 * Maximal marginal relevance (Carbonell and Goldstein 1998), iterative: each pick trades relevance against its likeness to what
 * is picked already, so that two wordings of one fact do not fill two places. Keeps order of picking.
 */
export function diversify(
  ranked: readonly RankedCandidate[],
  { limit, lambda = 0.7 }: { limit: number; lambda?: number },
): RankedCandidate[] {
  const best = ranked[0]?.score ?? 1;
  // How like each is to what is picked so far: only the latest pick can change it.
  const left = ranked.map((candidate) => ({ candidate, likeness: 0 }));
  const picked: RankedCandidate[] = [];
  while (picked.length < limit && left.length > 0) {
    let winner = 0;
    let winnerScore = -Infinity;
    left.forEach(({ candidate, likeness }, index) => {
      const marginal = lambda * (candidate.score / best) - (1 - lambda) * likeness;
      if (marginal > winnerScore) [winner, winnerScore] = [index, marginal];
    });
    const [latest] = left.splice(winner, 1);
    if (!latest) break;
    picked.push(latest.candidate);
    for (const one of left) one.likeness = Math.max(one.likeness, similarity(one.candidate, latest.candidate));
  }
  return picked;
}

function similarity(a: RankedCandidate, b: RankedCandidate): number {
  if (a.contentHash === b.contentHash) return 1;
  if (!a.vector || !b.vector || a.vector.length !== b.vector.length) return 0;
  return Math.max(0, dot(a.vector, b.vector));
}

/** Inner product of two vectors of one length; the cosine for unit vectors. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
