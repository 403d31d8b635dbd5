import type { Moment } from '../eventstore/index.ts';
import type { Scope } from '../memory/scope.ts';
import type { ConsolidationRow, SessionRow } from '../projections/care/queries.ts';
import { listSessions } from '../projections/care/queries.ts';
import { readViews } from '../projections/read-views.ts';
import type { Consolidate, ConsolidateWait } from './consolidate.ts';
import type { ProcedureRow, RollbackProcedure } from './procedures.ts';
import { readProcedures, rollbackProcedure } from './procedures.ts';
import { consolidate, readConsolidations, undoConsolidation } from './consolidate.ts';
import type { AwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
import { extractThread, readAwaiting } from './extract-thread.ts';
import type { ExtractedTurn, ExtractThread, ExtractWait } from './extract-thread.ts';
import type { ClientContext } from './send-turn.ts';

/** The part of a client's memory that tends what is remembered. */
export interface MemoryCare {
  /** Merges, observes, summarises and expires in one scope, in a workflow; waits for its end. */
  consolidate(request: Consolidate, wait?: ConsolidateWait): Promise<ConsolidationRow>;
  /** Reads the turns of a thread for memories that wait for it, whatever their agents say about when; waits for the end. */
  extract(request: ExtractThread, wait?: ExtractWait): Promise<ExtractedTurn[]>;
  /** Turns that wait to be read for memories, in the order in which they ended. */
  awaitingExtraction(filter?: Parameters<typeof readAwaiting>[1]): Promise<AwaitingExtraction[]>;
  /** Takes a run back in one command, as far as nothing has changed since. */
  undoConsolidation(run: string, by: { readonly actor: string }): Promise<ConsolidationRow>;
  /** Runs of consolidation, newest first. */
  consolidations(filter?: { readonly user?: string; readonly limit?: number }): Promise<ConsolidationRow[]>;
  /** Sessions in short, newest first. */
  sessions(request: { readonly scope: Scope; readonly limit?: number; readonly at?: Moment }): Promise<SessionRow[]>;
  /** How-tos with all their versions, and what became of the turns that used them. */
  procedures(request: { readonly scope: Scope; readonly at?: Moment }): Promise<ProcedureRow[]>;
  /** Has another version of a how-to stand, or none. */
  rollbackProcedure(request: RollbackProcedure): Promise<ProcedureRow>;
}

/** Gives the care of a tenant's memory. */
export function createMemoryCare(context: ClientContext): MemoryCare {
  return {
    consolidate: (request, wait) => consolidate(context, request, wait),
    extract: (request, wait) => extractThread(context, request, wait),
    awaitingExtraction: (filter) => readAwaiting(context, filter),
    undoConsolidation: (run, by) => undoConsolidation(context, run, by),
    consolidations: (filter) => readConsolidations(context, filter),
    procedures: (request) => readProcedures(context, request),
    rollbackProcedure: (request) => rollbackProcedure(context, request),
    sessions: async ({ at, ...request }) =>
      readViews(
        context.pool,
        await context.store.tenantNumber(context.tenant),
        (reader) => listSessions(reader, request),
        { at },
      ),
  };
}
