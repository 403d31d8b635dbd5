import { Kysely, PostgresDialect, sql } from 'kysely';
import type { RawBuilder, SqlBool } from 'kysely';
import type pg from 'pg';
import type { Moment, Position, ViewTable } from '../eventstore/index.ts';
import { positionOf, withTenant } from '../eventstore/index.ts';
import type { forkEndView, forkView } from './branches/views.ts';
import type {
  consolidationUndoView,
  consolidationView,
  observationEvidenceView,
  sessionView,
  undoneItemView,
} from './care/views.ts';
import type { documentChunkView, storedDocumentView } from './documents/views.ts';
import type { entityMergeView } from './entities/views.ts';
import type { roundView } from './episodic/views.ts';
import type {
  procedureProofView,
  procedureRollbackView,
  procedureUseView,
  procedureView,
  toolOutcomeView,
} from './procedural/views.ts';
import type { memoryProposalView, proposalDecisionView } from './proposals/views.ts';
import type { schedulePauseView, scheduleView } from './schedules/views.ts';
import type { documentView } from './search/views.ts';
import type { factEndView, factSourceView, factView } from './semantic/views.ts';
import type {
  approvalDecisionView,
  approvalEscalationView,
  approvalView,
  awaitingExtractionView,
  extractionView,
  historyView,
  openTurnView,
  stepView,
  threadView,
  toolAllowanceView,
  turnEndView,
  turnView,
} from './threads/views.ts';
import type { blockView, compactionView, messageView, steeredView } from './working/views.ts';

/** The tables queries may read, as Kysely knows them. */
export interface ViewDatabase {
  thread: ViewTable<typeof threadView.columns>;
  turn: ViewTable<typeof turnView.columns>;
  open_turn: ViewTable<typeof openTurnView.columns>;
  turn_end: ViewTable<typeof turnEndView.columns>;
  step: ViewTable<typeof stepView.columns>;
  approval: ViewTable<typeof approvalView.columns>;
  approval_escalation: ViewTable<typeof approvalEscalationView.columns>;
  tool_allowance: ViewTable<typeof toolAllowanceView.columns>;
  approval_decision: ViewTable<typeof approvalDecisionView.columns>;
  extraction: ViewTable<typeof extractionView.columns>;
  awaiting_extraction: ViewTable<typeof awaitingExtractionView.columns>;
  history: ViewTable<typeof historyView.columns>;
  fact: ViewTable<typeof factView.columns>;
  fact_end: ViewTable<typeof factEndView.columns>;
  fact_source: ViewTable<typeof factSourceView.columns>;
  round: ViewTable<typeof roundView.columns>;
  procedure: ViewTable<typeof procedureView.columns>;
  procedure_proof: ViewTable<typeof procedureProofView.columns>;
  procedure_rollback: ViewTable<typeof procedureRollbackView.columns>;
  procedure_use: ViewTable<typeof procedureUseView.columns>;
  tool_outcome: ViewTable<typeof toolOutcomeView.columns>;
  schedule: ViewTable<typeof scheduleView.columns>;
  schedule_pause: ViewTable<typeof schedulePauseView.columns>;
  message: ViewTable<typeof messageView.columns>;
  steered: ViewTable<typeof steeredView.columns>;
  compaction: ViewTable<typeof compactionView.columns>;
  block: ViewTable<typeof blockView.columns>;
  memory_document: ViewTable<typeof documentView.columns>;
  stored_document: ViewTable<typeof storedDocumentView.columns>;
  document_chunk: ViewTable<typeof documentChunkView.columns>;
  consolidation: ViewTable<typeof consolidationView.columns>;
  consolidation_undo: ViewTable<typeof consolidationUndoView.columns>;
  undone_item: ViewTable<typeof undoneItemView.columns>;
  observation_evidence: ViewTable<typeof observationEvidenceView.columns>;
  session: ViewTable<typeof sessionView.columns>;
  memory_proposal: ViewTable<typeof memoryProposalView.columns>;
  proposal_decision: ViewTable<typeof proposalDecisionView.columns>;
  entity_merge: ViewTable<typeof entityMergeView.columns>;
  fork: ViewTable<typeof forkView.columns>;
  fork_end: ViewTable<typeof forkEndView.columns>;
  log_head: { readonly tenant: number; readonly position: number };
}

/** What a query gets: one snapshot of one tenant, read as of one position. */
export interface ViewReader {
  readonly db: Kysely<ViewDatabase>;
  readonly client: pg.ClientBase;
  readonly tenant: number;
  /** All rows are read as of this position. */
  readonly position: Position;
}

/**
 * Runs queries of one tenant in one snapshot, as of a moment. Asking for one beyond the head reads the head.
 * Throws InvalidReadError for an invalid date.
 * @param at defaults to the head
 */
export async function readViews<T>(
  pool: pg.Pool,
  tenant: number,
  read: (reader: ViewReader) => Promise<T>,
  { at }: { readonly at?: Moment | undefined } = {},
): Promise<T> {
  return withTenant(pool, tenant, async (client, head) => {
    const position = at === undefined ? head : await positionOf(client, tenant, at);
    return read({ db: overClient(client), client, tenant, position });
  });
}

/** Condition: the row of the table (or alias) held at the position. */
export function heldAt(position: Position, table: string): RawBuilder<SqlBool> {
  const [from, to] = [sql.ref(`${table}.from_pos`), sql.ref(`${table}.to_pos`)];
  return sql<SqlBool>`(${from} <= ${position} and (${to} is null or ${to} > ${position}))`;
}

/** Names of prepared statements by their text; texts are ours and few. */
const statementNames = new Map<string, string>();

/**
 * Kysely over one checked-out client: its queries run inside the client's transaction, each prepared once per session, because
 * planning these joins costs more than running them.
 */
function overClient(client: pg.ClientBase): Kysely<ViewDatabase> {
  const connection = {
    query: (text: string, values: unknown[]) => {
      let name = statementNames.get(text);
      if (name === undefined) {
        name = `holdfast_view_${statementNames.size}`;
        statementNames.set(text, name);
      }
      return client.query({ name, text, values });
    },
    release: () => undefined,
  };
  const pool = { connect: () => Promise.resolve(connection), end: () => Promise.resolve() };
  // Kysely restates the two methods of a pool it calls; its type asks for all overloads of `pg`.
  return new Kysely<ViewDatabase>({ dialect: new PostgresDialect({ pool: pool as unknown as pg.Pool }) });
}
