import type { Position } from '../../eventstore/index.ts';
import { kindNames } from '../../memory/recall/policy.ts';
import type { ShelfEntry } from '../../memory/recall/shelf.ts';
import { recallWeights } from '../../memory/recall/weights.ts';
import type { ViewReader } from '../read-views.ts';
import { readFactEnd, readTraces } from './queries.ts';
import type { MemoryTrace } from './queries.ts';
import type { RankedMemories, RetrieveInput } from './retrieve.ts';
import { openFor, rankFrom, wantedBy } from './retrieve.ts';
import type { RecallIndex } from './shelves.ts';
import { createRecallIndex } from './shelves.ts';

/** Why a memory was not returned; `returned`: it was. */
export type WhyNotReason =
  | 'returned'
  | 'unknown'
  | 'out-of-scope'
  | 'later'
  | 'superseded'
  | 'retracted'
  | 'ended'
  | 'other-branch'
  | 'not-valid-then'
  | 'expired'
  | 'filtered'
  | 'not-found'
  | 'low-confidence'
  | 'below-rank'
  | 'over-budget';

/** What became of one memory when a question was asked. */
export interface WhyNot {
  readonly memory: string;
  readonly reason: WhyNotReason;
  /** The same in a sentence. */
  readonly text: string;
  /** What replaced it, where something did. */
  readonly supersededBy: string | null;
  /** Its place among all that was ranked, from 1; null when it was not. */
  readonly rank: number | null;
  /** Where it was ranked: what moved it, against the last one that was returned. */
  readonly comparison: {
    /** The last memory that was returned. */
    readonly with: string;
    readonly score: number;
    readonly lastScore: number;
    /** Features with what each added to the relevance of both, the largest differences first. */
    readonly features: readonly {
      readonly name: string;
      readonly value: number;
      readonly lastValue: number;
      readonly difference: number;
    }[];
  } | null;
}

/**
 * Says why a memory is not among what a question recalls: it asks the question again, as it would be asked, and follows the memory through.
 * Nothing of a memory that the scope does not see is told but that it lives elsewhere.
 */
export async function whyNot(
  reader: ViewReader,
  input: RetrieveInput & { readonly memory: string },
  index: RecallIndex = createRecallIndex(),
): Promise<WhyNot> {
  const { memory } = input;
  const open = await openFor(reader, input, index);
  const ranked = await rankFrom(reader, open, input, index);
  const item = ranked.packed.items.find(({ id }) => id === memory);
  const rank = ranked.ordered.findIndex(({ id }) => id === memory) + 1;
  const base = { memory, supersededBy: null, rank: rank === 0 ? null : rank, comparison: null };
  if (item?.label) return { ...base, reason: 'returned', text: `It is returned, as ${item.label}: ${item.reason}.` };
  if (rank > 0) return { ...base, ...explainRank(ranked, memory, { ...input, rank }) };

  const seen = open.shelves
    .flatMap(({ entries }) => entries)
    .find((entry) => entry.id === memory && open.view.isVisible(entry));
  if (seen) return { ...base, ...explainSeen(ranked, seen, input) };
  return { ...base, ...(await explainUnseen(reader, input)) };
}

type Explained = Pick<WhyNot, 'reason' | 'text'> & Partial<Pick<WhyNot, 'supersededBy' | 'comparison'>>;

function explainRank(
  { known, ordered, packed, confidence }: RankedMemories,
  memory: string,
  { limit = 8, policy = {}, vector, rank }: RetrieveInput & { readonly rank: number },
): Explained {
  const { minConfidence = 0 } = policy;
  if (confidence < minConfidence)
    return {
      reason: 'low-confidence',
      text: `Nothing was returned: confidence ${confidence} is below ${minConfidence}. It would stand at ${rank}.`,
    };
  const rejected = packed.items.find(({ id }) => id === memory)?.rejected ?? '';
  if (rank <= limit) return { reason: 'over-budget', text: `It stands at ${rank} of ${limit}, but ${rejected}.` };
  const last = ordered[limit - 1];
  const [own, other] = [memory, last?.id].map((id) => known.find((one) => one.id === id));
  const text = `It stands at ${rank}, and ${limit} are returned.`;
  if (!last || !own || !other) return { reason: 'below-rank', text };
  const features = Object.entries(recallWeights[vector ? 'both' : 'words'])
    .map(([name, weight]) => {
      const [value, lastValue] = [own.features[name] ?? 0, other.features[name] ?? 0];
      return { name, value, lastValue, difference: weight * (value - lastValue) };
    })
    .filter(({ difference }) => Math.abs(difference) >= 0.01)
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  const score = ordered[rank - 1]?.score ?? 0;
  return { reason: 'below-rank', text, comparison: { with: last.id, score, lastScore: last.score, features } };
}

function explainSeen({ found }: RankedMemories, entry: ShelfEntry, input: RetrieveInput): Explained {
  if (entry.expires !== null && entry.expires <= input.now.getTime())
    return { reason: 'expired', text: `It expired on ${new Date(entry.expires).toISOString()}.` };
  const isWanted = wantedBy(input, Infinity);
  if (isWanted && !isWanted(entry)) {
    const { kinds, scopes, sinceDays } = input.policy ?? {};
    const asked = Object.entries({ kinds: kinds && kindNames(kinds), scopes, sinceDays }).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${String(value)}`],
    );
    return {
      reason: 'filtered',
      text: `The question asks for ${asked.join(', ') || 'other turns'}; this is a ${entry.kind} of ${new Date(entry.at).toISOString()}.`,
    };
  }
  const candidate = found.candidates.find(({ entry: { id } }) => id === entry.id);
  return {
    reason: 'not-found',
    text: candidate
      ? 'It was found, but too far down to be ranked.'
      : 'No channel found it: it shares no word with the question, and by meaning others are nearer.',
  };
}

async function explainUnseen(
  reader: ViewReader,
  { memory, scope, validAt }: RetrieveInput & { readonly memory: string },
): Promise<Explained> {
  const traces = await readTraces(reader, memory);
  if (traces.length === 0)
    return {
      reason: 'unknown',
      text: 'This tenant has no such memory. It may have been forgotten, or had ended when it was learnt.',
    };
  const inScope = traces.filter((trace) => differing(trace, scope).length === 0);
  const [nearest] = traces;
  if (inScope.length === 0)
    return {
      reason: 'out-of-scope',
      text: `It lives in another scope: another ${nearest ? differing(nearest, scope).join(' and ') : 'scope'}.`,
    };
  const { position } = reader;
  const begun = inScope.filter(({ from_pos }) => from_pos <= position);
  const [first] = inScope;
  if (begun.length === 0 && first)
    return {
      reason: 'later',
      text: `It was learnt at position ${first.from_pos}, after ${position}, as of which was asked.`,
    };
  const last = begun.at(-1);
  if (last && last.fork !== (scope.fork ?? ''))
    return { reason: 'other-branch', text: 'It belongs to another branch, or this branch ended it.' };
  if (last && last.to_pos !== null && last.to_pos <= position) return explainEnd(reader, memory, last.to_pos);
  if (validAt) return { reason: 'not-valid-then', text: `It did not hold on ${validAt.toISOString()}.` };
  return { reason: 'other-branch', text: 'It belongs to another branch, or this branch ended it.' };
}

async function explainEnd(reader: ViewReader, memory: string, at: Position): Promise<Explained> {
  const end = await readFactEnd(reader, memory);
  if (end?.replaced_by)
    return {
      reason: 'superseded',
      text: `It was superseded by ${end.replaced_by} at position ${at}.`,
      supersededBy: end.replaced_by,
    };
  return end
    ? { reason: 'retracted', text: `It was taken back at position ${at}.` }
    : { reason: 'ended', text: `It ended at position ${at}: a newer version took its place.` };
}

function differing(trace: MemoryTrace, scope: RetrieveInput['scope']): string[] {
  return (['user', 'agent', 'thread'] as const).filter((part) => {
    const own = trace[`scope_${part}`];
    return own !== null && own !== scope[part];
  });
}
