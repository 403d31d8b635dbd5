import type { FactRestored, LeftAlone } from '../care-events.ts';
import { familyOf, holdsOne } from '../kinds.ts';
import type { SubjectNames, Told } from '../kinds.ts';

/** A fact that a run retired, as it was, and how things stand now. */
export interface RetiredFact {
  /** Null when its words were forgotten. */
  readonly was: Omit<FactRestored['data'], 'run' | 'from'> | null;
  readonly fact: string;
  readonly into: string | null;
  /** Turns whose words were lent to `into`. */
  readonly lent: readonly string[];
  /** Something else has happened to it since: it holds again, or ended in another way. */
  readonly touched: boolean;
}

/** What holds in the scope now. */
export interface StandingFact extends Told {
  readonly fact: string;
  readonly contentHash: string;
}

/** What an undo does about facts. */
export interface UndoDecision {
  readonly restored: readonly Omit<FactRestored['data'], 'run'>[];
  readonly left: readonly LeftAlone[];
}

/**
 * Decides which retired facts hold again: those about which nothing has changed since. One is left as it is when it was touched, when the
 * fact it was merged into has ended meanwhile, or when something holds now that says the same or cannot hold beside it.
 */
export function decideUndo(
  retired: readonly RetiredFact[],
  standing: readonly StandingFact[],
  names?: SubjectNames,
): UndoDecision {
  const restored: Omit<FactRestored['data'], 'run'>[] = [];
  const left: LeftAlone[] = [];
  for (const { was, fact, into, lent, touched } of retired) {
    const leave = (why: string): void => void left.push({ id: fact, why });
    const now = [...standing, ...restored];
    if (was === null) leave('its words were forgotten');
    else if (touched) leave('it has changed since');
    else if (into !== null && !standing.some((one) => one.fact === into))
      leave('the fact that it was merged into has ended since');
    else if (now.some((one) => one.contentHash === was.contentHash)) leave('the same was learnt again since');
    else if (
      holdsOne(was) &&
      standing.some(
        (one) => one.fact !== into && one.fact !== was.disputedWith && familyOf(one, names) === familyOf(was, names),
      )
    )
      leave('another value holds since');
    else restored.push({ ...was, from: into === null ? null : { into, turns: lent } });
  }
  return { restored, left };
}
