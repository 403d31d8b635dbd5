import type { Event } from './event-shape.ts';
import type { FactKind, Source, Trust } from './events.ts';
import type { Scope } from './scope.ts';

/** What the care of memory does: consolidation merges, observes, summarises and ends; a run is undone as a whole. */

/** Why care ended a fact: it says what another one says, its time was up, nothing vouches for it any more, or its run was undone. */
export type RetireReason = 'merged' | 'expired' | 'unproven' | 'undone';

/** How many of each thing a run did. */
export interface CareCounts {
  readonly merged: number;
  readonly observed: number;
  readonly unproven: number;
  readonly expired: number;
  readonly summarised: number;
  /** Versions of how-tos that were learnt from tools that worked; absent in events of before there were any. */
  readonly learnt?: number;
  /** Turns that vouch for a how-to that was known. */
  readonly proven?: number;
}

/** Something an undo left as it is, and why. */
export interface LeftAlone {
  readonly id: string;
  readonly why: string;
}

/** A fact that ended by no word of its user. Its row and its sources stay. */
export type FactRetired = Event<
  'FactRetired',
  {
    fact: string;
    scope: Scope;
    run: string;
    why: RetireReason;
    /** The fact that says the same, for `merged`; else null. */
    into: string | null;
    validTo: string;
    /** Its sources that the other fact did not have: they vouch for that one now. */
    sources: readonly Source[];
  }
>;

/** A retired fact that holds again as it was: the run that ended it was undone. */
export type FactRestored = Event<
  'FactRestored',
  {
    fact: string;
    scope: Scope;
    run: string;
    kind: FactKind;
    subject: string;
    relation: string;
    value: string;
    text: string;
    contentHash: string;
    confidence: number;
    trust: Trust;
    validFrom: string;
    replaces: string | null;
    disputedWith: string | null;
    expiresAt: string | null;
    /** The value of a kind of its author's own. @default the kind is a built-in one */
    data?: unknown;
    /** What tells values of such a kind apart. @default every value stands for itself */
    key?: string;
    /** Where it was said. */
    thread: string;
    turn: string;
    /** The fact that it had been merged into, and the turns that vouch for that one no more; null when it was not. */
    from: { readonly into: string; readonly turns: readonly string[] } | null;
  }
>;

/** Something that several facts say together. It is a fact of kind `observation` with their sources and the lowest of their trusts. */
export type ObservationDerived = Event<
  'ObservationDerived',
  {
    observation: string;
    scope: Scope;
    run: string;
    text: string;
    contentHash: string;
    /** The facts that it rests on; two at least. */
    evidence: readonly string[];
    sources: readonly Source[];
    trust: Trust;
    confidence: number;
    validFrom: string;
    /** The model that proposed it. */
    by: string;
  }
>;

/** What was said in a session, in short. The rounds stay. */
export type SessionSummarised = Event<
  'SessionSummarised',
  {
    thread: string;
    branch: string;
    scope: Scope;
    run: string;
    title: string;
    summary: string;
    /** Rounds it is about, up to a position, and when they were said. */
    rounds: number;
    upTo: number;
    beganAt: string;
    endedAt: string;
    /** The model's name, or `extract`: sentences of the session itself. */
    by: string;
    /** No better than the least trusted of what it sums up; absent in events of before it was recorded. */
    trust?: Trust;
  }
>;
/** From here on the session has no summary: its run was undone, and there was none before. */
export type SessionSummaryWithdrawn = Event<
  'SessionSummaryWithdrawn',
  { thread: string; branch: string; scope: Scope; run: string }
>;

/** More turns worked as a version of a how-to says: they vouch for it, too. */
export type ProcedureConfirmed = Event<
  'ProcedureConfirmed',
  { procedure: string; version: number; scope: Scope; run: string; sources: readonly Source[] }
>;

/** Turns that vouch for a version of a how-to no more: the run that added them was undone. */
export type ProcedureProofsWithdrawn = Event<
  'ProcedureProofsWithdrawn',
  { procedure: string; version: number; scope: Scope; run: string; turns: readonly string[] }
>;

/** The end of a run over one scope. */
export type ConsolidationCompleted = Event<
  'ConsolidationCompleted',
  {
    run: string;
    scope: Scope;
    /** `refused`: a guard stopped it before it did anything. */
    outcome: 'done' | 'refused';
    /** Why a guard stopped it; a text of ours. */
    reason: string | null;
    counts: CareCounts;
    /** Facts that held when it began. */
    facts: number;
    /** Codes of what did not work; the rest was done. */
    problems: readonly string[];
  }
>;

/** A run whose changes were taken back, as far as nothing had changed since. */
export type ConsolidationUndone = Event<
  'ConsolidationUndone',
  {
    run: string;
    scope: Scope;
    actor: string;
    restored: readonly string[];
    withdrawn: readonly string[];
    left: readonly LeftAlone[];
    /** What no later run does again. */
    items: readonly string[];
  }
>;

/** Every event of the care of memory. */
export type CareEvent =
  | FactRetired
  | FactRestored
  | ObservationDerived
  | SessionSummarised
  | SessionSummaryWithdrawn
  | ProcedureConfirmed
  | ProcedureProofsWithdrawn
  | ConsolidationCompleted
  | ConsolidationUndone;
