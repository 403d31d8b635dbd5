import type pg from 'pg';
import type { Agent } from '../agents/define-agent.ts';
import type { EventStore } from '../eventstore/index.ts';
import type { ChatModel, Embedder } from '../llm/ports.ts';
import type { MemoryEvent } from '../memory/events.ts';
import type { RecallIndex } from '../projections/search/shelves.ts';
import type { StreamHub } from '../projections/streaming/hub.ts';
import type { ScopeOrder } from './scope-order.ts';
import type { DecidedApproval, DecideInput, TurnCare, TurnRef } from './types.ts';

/** Named places between the parts of a turn's write paths where tests and the demo may end the process. */
export type TurnBoundary =
  | 'step.model_answered'
  | 'step.committed'
  | 'child.recorded'
  | 'tool.executed'
  | 'tool.committed'
  | 'extraction.model_answered'
  | 'extraction.committed'
  | 'compaction.model_answered'
  | 'compaction.committed';

/** The same of a run of consolidation. */
export type ConsolidationBoundary =
  'consolidation.planned' | 'consolidation.decided' | 'consolidation.committed' | 'consolidation.completed';

/** All of them. */
export type Boundary = TurnBoundary | ConsolidationBoundary;

/** Everything activities need from outside; joined in worker/create-worker.ts. */
export interface ActivityDeps {
  readonly store: EventStore<MemoryEvent>;
  readonly pool: pg.Pool;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly model: ChatModel;
  /** Model name for agents that name none. */
  readonly defaultModel: string;
  readonly embedder: Embedder;
  /** What recall keeps between steps. */
  readonly recall: RecallIndex;
  /** Words of replies on their way to clients in the same process. @default one of the worker's own */
  readonly hub?: StreamHub;
  /** The order in which extractions of one scope are written. @default one of the worker's own */
  readonly order?: ScopeOrder;
  /** Version of the code, recorded in every checkpoint. */
  readonly codeVersion: string;
  /** Names the workflow code that this worker runs: by default the version with a hash of its bundle. */
  readonly buildId: string;
  /** Sees to it that somebody works on a turn: starts it if Temporal does not know it, closes it if its workflow is gone. */
  readonly closeGoneTurn: (ref: TurnRef) => Promise<TurnCare>;
  /** Sees to it that somebody looks at the turns of a branch that wait to be read for memories. */
  readonly wakeExtraction: (ref: Pick<TurnRef, 'tenant' | 'thread' | 'branch'>) => Promise<void>;
  /** Records a decision about an approval, in the way every decision takes. */
  readonly decideApproval: (input: DecideInput) => Promise<DecidedApproval>;
  /** Ends a turn as aborted and tells its workflow. */
  readonly abortTurn: (ref: TurnRef, by: { readonly actor: string; readonly reason: string }) => Promise<void>;
  /** Aborts when the worker that is being stopped waits no longer for steps in the middle: Temporal cancels no local activity then. */
  readonly stopping?: AbortSignal;
  /** Called at each boundary of a write path, with the turn or the run. Does nothing outside fault injection. */
  readonly reached: (boundary: Boundary, turn: string) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, details: Readonly<Record<string, unknown>>) => void;
}
