import type { CheckAnswer } from './check/answer.ts';
import type { Violation } from './check/subject.ts';
import type { Operation } from './history.ts';

/** One protection that can be taken away, to see the run fail. */
export const sabotages = ['lock', 'dedupe', 'fence', 'transaction'] as const;
/** One of {@link sabotages}. */
export type Sabotage = (typeof sabotages)[number];

/** Figures of a run; the names are stable. */
export interface ChaosFigures {
  /** Processes ended without warning: workers, backends, postmasters, Temporal. */
  readonly kills: number;
  /** Faults that landed, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Requests of which the client did not learn what came of them. */
  readonly in_doubt: number;
  /** Requests that ended in an error that lets the client ask again, and refusals, by code. */
  readonly unanswered: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly retries: number;
  /** Turns that ended as failed, or as aborted though nobody wanted that: answered, and not done. */
  readonly failed: number;
  readonly turns: number;
  readonly work: Readonly<Record<string, number>>;
  readonly events: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly partial: number;
  readonly violations: number;
}

/** What a run gives. */
export interface ChaosReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly seconds: number;
  readonly figures: ChaosFigures;
  readonly invariants: CheckAnswer['invariants'];
  /** Kinds of faults that this machine does not allow, with why. */
  readonly unavailable: Readonly<Record<string, string>>;
  /** What else is not as promised: errors that no client should see, faults that never landed, what was left behind. */
  readonly complaints: readonly string[];
  /** Growth of the driver over the run. */
  readonly growth: { readonly heapMiB: number; readonly handles: number };
  /** What clients know of what the first violation is about. */
  readonly history: readonly string[];
  /** Runs the same again. */
  readonly replay: string;
  /** Folder with histories, logs and databases; null when nothing was wrong and it was removed. */
  readonly folder: string | null;
}

/** Counts what was found: nothing here is taken from what the parts believe. */
export function countFound({
  invariants,
}: CheckAnswer): Pick<ChaosFigures, 'lost' | 'duplicated' | 'partial' | 'violations'> {
  const all = invariants.flatMap(({ violations }) => violations);
  const of = (kind: Violation['kind']): number => all.filter((one) => one.kind === kind).length;
  return { lost: of('lost'), duplicated: of('duplicated'), partial: of('partial'), violations: all.length };
}

/** Says which planned kinds of faults and work never happened: then the run proves nothing. */
export function findMissing(
  faults: Readonly<Record<string, number>>,
  work: Readonly<Record<string, number>>,
  retries: number,
): string[] {
  const none = (what: string, counts: Readonly<Record<string, number>>): string[] =>
    Object.entries(counts).flatMap(([kind, n]) => (n === 0 ? [`${what} "${kind}" never happened`] : []));
  return [
    ...none('the fault', faults),
    ...none('the work', work),
    ...(retries === 0 ? ['no client ever had to ask again: the faults did not reach them'] : []),
  ];
}

/** The lines of the histories that the first violation with a name is about, at most 40. */
export function shrinkHistory({ invariants }: CheckAnswer, operations: readonly Operation[]): string[] {
  const first = invariants
    .flatMap(({ violations }) => violations)
    .find(({ about }) => about.some((name) => name !== ''));
  if (!first) return [];
  // Ids of turns stand inside ids of commands, approvals and children: what holds one is about it.
  const names = first.about.filter((name) => name.length > 3);
  return operations
    .filter((op) =>
      [op.turn, op.approval, op.token, op.user, op.source, op.document, op.run, op.proposal].some(
        (own) =>
          own !== undefined &&
          names.some((name) => name === own || name.startsWith(`${own}.`) || name.includes(`/${own}/`)),
      ),
    )
    .flatMap(({ entries }) => entries)
    .map((entry) => JSON.stringify(entry))
    .slice(0, 40);
}
