import type { Source } from '../events.ts';
import { isTyped } from '../kinds.ts';
import type { KnownFact } from '../reconcile.ts';
import { holdsOf, relationKey } from '../relations.ts';
import { termsOf, wordsOf } from '../recall/terms.ts';
import { compareTexts, normaliseText } from '../text.ts';
import { trustRank } from '../trust.ts';
import { losesNothing } from './lossless.ts';

/** A fact that holds, with what care needs to know beyond what it says. */
export interface CaredFact extends KnownFact {
  readonly confidence: number;
  readonly disputedWith: string | null;
  readonly expiresAt: string | null;
  readonly position: number;
  readonly sources: readonly Source[];
}

/** Facts that say what another one says. */
export interface Merge {
  readonly keep: string;
  readonly gone: readonly string[];
}

/** Two texts of which less is the same are not near, in shares of their terms. */
const leastAlike = 0.5;

/**
 * Finds facts that say the same in other words. Only words count, so the same facts give the same merges everywhere: one subject, the same
 * words in the value (or in the whole text, across relations with many values), and nothing essential that would be lost: no number, name,
 * date, link or negation, no earlier beginning, no better trust. Disputed facts, observations and typed values stay.
 */
export function findNearDuplicates(facts: readonly CaredFact[]): Merge[] {
  const disputed = new Set(
    facts.flatMap(({ fact, disputedWith }) => (disputedWith === null ? [] : [fact, disputedWith])),
  );
  const terms = new Map<string, Terms>();
  const candidates = facts
    .filter(
      ({ fact, kind, contentHash, data }) =>
        kind !== 'observation' && !isTyped({ data }) && !disputed.has(fact) && contentHash !== '',
    )
    .toSorted(
      (a, b) =>
        compareTexts(a.validFrom, b.validFrom) ||
        trustRank(b.trust) - trustRank(a.trust) ||
        b.sources.length - a.sources.length ||
        compareTexts(a.fact, b.fact),
    );
  for (const one of candidates) terms.set(one.fact, termsIn(one));
  // Only facts that share a subject and a term set can be near: no pair of strangers is looked at.
  const groups = new Map<string, CaredFact[]>();
  for (const one of candidates) {
    const own = terms.get(one.fact);
    for (const key of new Set([own?.valueKey, own?.textKey])) {
      if (key === undefined || key === '') continue;
      const group = `${normaliseText(one.subject)}|${key}`;
      groups.set(group, [...(groups.get(group) ?? []), one]);
    }
  }
  const merges = new Map<string, string[]>();
  const gone = new Set<string>();
  for (const group of groups.values()) {
    for (const keep of group) {
      if (gone.has(keep.fact)) continue;
      for (const other of group) {
        // What others were merged into stays: a chain of merges would be undone in pieces.
        if (other === keep || gone.has(other.fact) || merges.has(other.fact) || !mayMerge(keep, other)) continue;
        gone.add(other.fact);
        merges.set(keep.fact, [...(merges.get(keep.fact) ?? []), other.fact]);
      }
    }
  }
  return [...merges].map(([keep, others]) => ({ keep, gone: others.toSorted() }));
}

/** True when a fact may be merged into another without losing anything. Asked again when the merge is written. */
export function mayMerge(keep: CaredFact, gone: CaredFact): boolean {
  if (keep.kind === 'observation' || gone.kind === 'observation') return false;
  // Words that look alike say nothing about typed values: reconcile compares those.
  if (isTyped(keep) || isTyped(gone)) return false;
  if (normaliseText(keep.subject) !== normaliseText(gone.subject)) return false;
  if (keep.disputedWith !== null || gone.disputedWith !== null) return false;
  if (trustRank(keep.trust) < trustRank(gone.trust) || keep.validFrom > gone.validFrom) return false;
  // What is to be forgotten later must not outlive itself in something that is to be forgotten sooner.
  if (keep.expiresAt !== null && (gone.expiresAt === null || keep.expiresAt < gone.expiresAt)) return false;
  const [a, b] = [termsIn(keep), termsIn(gone)];
  const sameFamily = relationKey(keep.relation) === relationKey(gone.relation);
  const near = sameFamily
    ? a.valueKey !== '' && a.valueKey === b.valueKey && alike(a.text, b.text) >= leastAlike
    : a.textKey === b.textKey && holdsOf(keep.relation) === 'many' && holdsOf(gone.relation) === 'many';
  return near && losesNothing(`${keep.text} ${keep.value}`, `${gone.text} ${gone.value}`);
}

interface Terms {
  readonly valueKey: string;
  readonly textKey: string;
  readonly text: ReadonlySet<string>;
}

function termsIn({ subject, value, text }: CaredFact): Terms {
  const named = new Set([...stemsOf(subject), 'user']);
  const said = stemsOf(text).filter((stem) => !named.has(stem));
  const key = (stems: readonly string[]): string => [...new Set(stems)].toSorted().join(' ');
  return { valueKey: key(stemsOf(value)), textKey: key(said), text: new Set(said) };
}

/** Words that change nothing about what a fact says. Stop words of a search do: "before noon" is not "after noon". */
const fillers = new Set(
  'the a an really very der die das ein eine le la les un une el los las una o os as um uma'.split(' '),
);

function stemsOf(text: string): string[] {
  return wordsOf(text).flatMap((word) => {
    if (fillers.has(word)) return [];
    const terms = termsOf(word);
    return terms.length === 0 ? [word] : terms;
  });
}

function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((term) => b.has(term)).length;
  return both / Math.max(1, a.size + b.size - both);
}
