import type { CareCounts } from '../memory/care-events.ts';
import type { ConsolidationUnit } from '../memory/consolidate/plan.ts';

/** What workflows know of consolidation: references and numbers only, as in types.ts. */

/** Names one run over one scope. */
export interface ConsolidationRef {
  readonly tenant: string;
  /** The caller's or the schedule's name for it: everything it does is keyed by it. */
  readonly run: string;
  readonly scope: { readonly user?: string; readonly agent?: string; readonly thread?: string };
  /** When it was asked for, ISO 8601: what has expired by then ends. */
  readonly now: string;
}

/** A part of a run, as the plan names it. */
export type UnitOf<Kind extends ConsolidationUnit['kind']> = ConsolidationRef & {
  readonly unit: Extract<ConsolidationUnit, { readonly kind: Kind }>;
};

/** What a part came to: a code of what did not work, else null. Its changes are in the log. */
export interface UnitOutcome {
  readonly problem: string | null;
}

/** How a run ended. */
export interface ConsolidationReport {
  readonly run: string;
  readonly outcome: 'done' | 'refused';
  readonly counts: CareCounts;
  readonly position: number;
}

/** The activities of one run, one per side effect. */
export interface ConsolidationActivities {
  /** Looks at the scope and decides what to do; writes nothing. */
  planConsolidation(
    input: ConsolidationRef,
  ): Promise<{ readonly units: readonly ConsolidationUnit[]; readonly refused: string | null; readonly facts: number }>;
  /** Merges facts into one that says the same, those for which that still holds. */
  mergeFacts(input: UnitOf<'merge'>): Promise<UnitOutcome>;
  /** Ends facts that have expired, and observations that nothing vouches for any more. */
  retireFacts(input: UnitOf<'retire'>): Promise<UnitOutcome>;
  summariseSession(input: UnitOf<'summarise'>): Promise<UnitOutcome>;
  /** Writes how-tos from tools that worked, and the turns that vouch for those there are. */
  learnPlaybooks(input: UnitOf<'learn'>): Promise<UnitOutcome>;
  /** Asks a model what the facts say together, and writes what stands up to its evidence. */
  observeScope(input: UnitOf<'observe'>): Promise<UnitOutcome>;
  /** Records the end of the run, once. */
  completeConsolidation(
    input: ConsolidationRef & {
      readonly refused: string | null;
      readonly facts: number;
      readonly problems: readonly string[];
    },
  ): Promise<ConsolidationReport>;
}

/** A scope that the schedule has work for. */
export interface DueScope {
  readonly tenant: string;
  readonly user: string;
}

/** The activity of the schedule. */
export interface DueConsolidationActivities {
  /** Users of the worker's tenants whose memory has changed since the last run over it; a page of them. */
  listDueScopes(input: { readonly now: string; readonly after: DueScope | null }): Promise<readonly DueScope[]>;
}
