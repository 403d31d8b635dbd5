import type { Source, Trust } from './events.ts';
import type { Scope } from './scope.ts';

/** A version of a how-to as it was learnt. */
export interface ProcedureVersion {
  readonly version: number;
  readonly goal: string;
  readonly text: string;
  readonly contentHash: string;
  readonly trust: Trust;
  readonly validFrom: string;
  readonly source: Source;
  /** Tools in order, of one that was learnt from calls that worked. */
  readonly steps?: readonly string[];
}

/**
 * A version of a how-to that turned out bad stands no more: an earlier or later one does, or none. It carries that version whole, so a
 * view needs no look at the past.
 */
export interface ProcedureRolledBack {
  readonly type: 'ProcedureRolledBack';
  readonly data: {
    readonly procedure: string;
    readonly scope: Scope;
    /** The version that stood. */
    readonly from: number;
    /** The one that stands again; null when none does. */
    readonly restored: ProcedureVersion | null;
    readonly actor: string;
    readonly reason: string;
  };
}

/** Every event about how-tos besides their learning. */
export type ProcedureEvent = ProcedureRolledBack;
