import type { KnownFact } from './reconcile.ts';

/**
 * The start of a fact of which nobody said when it began: before every other. Comparing times then needs no special case, and
 * such a fact is always the one that "started first".
 */
export const unknownStart = '0001-01-01T00:00:00.000Z';

/** A fact on the time line of one subject and single-valued relation; times in milliseconds since 1970. */
interface Span {
  readonly fact: KnownFact;
  readonly start: number;
  /** Infinity while it holds. */
  readonly end: number;
}

/** Where a new value belongs on the time line. */
export interface Placed {
  /** When it ended because the next value began, or because it was said so; null while it holds. */
  readonly validTo: string | null;
  /** The next value, whose beginning ended it. */
  readonly next: KnownFact | null;
  /** Values that began before it and held when it began, the last one first: it ends them. */
  readonly ends: readonly KnownFact[];
  /** Values from the same time. */
  readonly ties: readonly KnownFact[];
}

/**
 * Places a value among the values known of the same subject and relation (research: Graphiti's five bitemporal cases, with a guard):
 * 1. no overlap: nothing happens; 2. the other began first: it ends here; 3. the other began later: the new one is born historical
 * and ended there; 4. the same start: a tie, for the caller; 5. a value said to be over (a stay, a temporary state) ends none that
 * goes on.
 * @param said when the new value held: `end` is null unless the words say when it ended
 */
export function placeOnTimeline(
  said: { readonly start: number; readonly end: number | null },
  known: readonly KnownFact[],
): Placed {
  const line = chained(known.map(toSpan));
  const later = line.filter(({ start }) => start > said.start).sort((a, b) => a.start - b.start)[0];
  const isOver = said.end !== null && (later === undefined || said.end <= later.start);
  const end = Math.min(said.end ?? Infinity, later?.start ?? Infinity);
  return {
    validTo: end === Infinity ? null : new Date(end).toISOString(),
    next: isOver ? null : (later?.fact ?? null),
    ends: isOver
      ? []
      : line
          .filter((span) => span.start < said.start && span.end > said.start)
          .sort((a, b) => b.start - a.start)
          .map(({ fact }) => fact),
    ties: line.filter(({ start }) => start === said.start).map(({ fact }) => fact),
  };
}

/** True when two stretches of time have more than a moment in common. */
export function overlaps(a: { start: number; end: number }, b: { start: number; end: number }): boolean {
  return a.start < b.end && b.start < a.end;
}

/** When a fact held, in milliseconds. */
export function toSpan(fact: KnownFact): Span {
  return { fact, start: Date.parse(fact.validFrom), end: fact.validTo == null ? Infinity : Date.parse(fact.validTo) };
}

/**
 * The values that follow one another up to now. One that ended by itself (a stay abroad, a fact taken back) is not part of it: it
 * began and ended beside the others, and says nothing about when they did.
 */
function chained(spans: readonly Span[]): Span[] {
  const kept = spans.filter(({ end }) => end === Infinity);
  const rest = new Set(spans.filter(({ end, start }) => end !== Infinity && end > start));
  for (let grown = true; grown;) {
    grown = false;
    for (const span of rest) {
      if (!kept.some(({ start }) => start === span.end)) continue;
      kept.push(span);
      rest.delete(span);
      grown = true;
    }
  }
  return kept;
}
