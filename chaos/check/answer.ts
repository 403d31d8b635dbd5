import type { Violation } from './subject.ts';

/** What the checker is told; all of it is public or was written by clients. */
export interface CheckInput {
  /** URL of the database as superuser. */
  readonly adminUrl: string;
  readonly tenant: string;
  readonly neighbour: string;
  /** File of the clients' histories. */
  readonly history: string;
  /** File of what the shop was asked to pay. */
  readonly payments: string;
  readonly files: readonly string[];
  /** Folders that clients exported the log into. */
  readonly segments: readonly string[];
}

/** What the checker found. */
export interface CheckAnswer {
  readonly invariants: readonly {
    readonly id: string;
    readonly says: string;
    readonly violations: readonly Violation[];
  }[];
  readonly events: number;
  readonly commands: number;
  readonly operations: number;
}
