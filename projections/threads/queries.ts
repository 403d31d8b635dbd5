import { sql } from 'kysely';
import type { Selectable, SqlBool } from 'kysely';
import type { Position } from '../../eventstore/index.ts';
import type { TurnRef } from '../../memory/events.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** How far a turn has come. `waiting` = it waits for a decision about an approval. */
export type TurnStatus = 'running' | 'waiting' | 'completed' | 'failed' | 'aborted';

/** A turn with how it stands. */
export interface TurnRow {
  readonly turn: string;
  readonly thread: string;
  readonly branch: string;
  readonly agent: string;
  readonly user: string | null;
  readonly message: string;
  readonly occurredAt: Date;
  /** Where the request stands in the log. */
  readonly position: Position;
  readonly status: TurnStatus;
  /** Reply text of a completed turn. */
  readonly reply: string | null;
  readonly steps: number;
  /** Failure code, or who aborted; of a completed turn why its reply is not a whole one (`MODEL_CUT_OFF`, `MODEL_REFUSED`), else null. */
  readonly code: string | null;
  readonly detail: string | null;
}

export interface TurnFilter {
  readonly turn?: string;
  readonly thread?: string;
  readonly branch?: string;
  /** Only turns without a terminal event. */
  readonly open?: boolean;
  /** Only turns requested before this position. */
  readonly before?: Position;
  /** @default 200 */
  readonly limit?: number;
}

/** The newest turns, in order of request. */
export async function listTurns({ db, position, tenant }: ViewReader, filter: TurnFilter = {}): Promise<TurnRow[]> {
  let query = db
    .selectFrom('turn as t')
    .leftJoin('turn_end as e', (join) =>
      join.onRef('e.tenant', '=', 't.tenant').onRef('e.turn', '=', 't.turn').on('e.from_pos', '<=', position),
    )
    .where('t.tenant', '=', tenant)
    .where(heldAt(position, 't'))
    .select((eb) => [
      't.turn',
      't.thread',
      't.branch',
      't.agent',
      't.user_id',
      't.message',
      't.occurred_at',
      't.from_pos',
      'e.status',
      'e.code',
      'e.detail',
      eb
        .selectFrom('step as s')
        .whereRef('s.tenant', '=', 't.tenant')
        .whereRef('s.turn', '=', 't.turn')
        .where('s.from_pos', '<=', position)
        .select(eb.fn.countAll<number>().as('n'))
        .as('steps'),
      eb
        .selectFrom('step as s')
        .whereRef('s.tenant', '=', 't.tenant')
        .whereRef('s.turn', '=', 't.turn')
        .where('s.from_pos', '<=', position)
        .orderBy('s.step', 'desc')
        .limit(1)
        .select('s.content')
        .as('reply'),
      eb
        .selectFrom('approval as a')
        .whereRef('a.tenant', '=', 't.tenant')
        .whereRef('a.turn', '=', 't.turn')
        .where('a.from_pos', '<=', position)
        .where((inner) =>
          inner.not(
            inner.exists(
              inner
                .selectFrom('approval_decision as d')
                .whereRef('d.tenant', '=', 'a.tenant')
                .whereRef('d.approval', '=', 'a.approval')
                .where('d.from_pos', '<=', position)
                .select('d.approval'),
            ),
          ),
        )
        .select(eb.fn.countAll<number>().as('n'))
        .as('waiting'),
    ])
    .orderBy('t.from_pos', 'desc')
    .limit(filter.limit ?? 200);
  if (filter.turn !== undefined) query = query.where('t.turn', '=', filter.turn);
  if (filter.before !== undefined) query = query.where('t.from_pos', '<', filter.before);
  if (filter.open) {
    let open = db
      .selectFrom('open_turn as o')
      .where('o.tenant', '=', tenant)
      .where(heldAt(position, 'o'))
      .select('o.turn');
    if (filter.thread !== undefined) open = open.where('o.thread', '=', filter.thread);
    if (filter.branch !== undefined) open = open.where('o.branch', '=', filter.branch);
    // An array, so that these few are found first, however long the thread.
    query = query.where(sql<SqlBool>`t.turn = any(array(${open}))`);
  } else {
    if (filter.thread !== undefined) query = query.where('t.thread', '=', filter.thread);
    if (filter.branch !== undefined) query = query.where('t.branch', '=', filter.branch);
  }
  const rows = await query.execute();
  return rows.toReversed().map((row) => ({
    turn: row.turn,
    thread: row.thread,
    branch: row.branch,
    agent: row.agent,
    user: row.user_id,
    message: row.message,
    occurredAt: row.occurred_at,
    position: row.from_pos,
    status: (row.status as TurnStatus | null) ?? ((row.waiting ?? 0) > 0 ? 'waiting' : 'running'),
    reply: row.status === 'completed' ? row.reply : null,
    steps: row.steps ?? 0,
    code: row.code,
    detail: row.detail,
  }));
}

/** One turn, or undefined. */
export async function findTurn(reader: ViewReader, turn: string): Promise<TurnRow | undefined> {
  return (await listTurns(reader, { turn }))[0];
}

/** A thread with how busy it is. */
export interface ThreadRow {
  readonly thread: string;
  readonly agent: string;
  readonly user: string | null;
  readonly startedAt: Date;
  readonly turns: number;
  readonly open: number;
  readonly lastAt: Date | null;
}

/** Threads, the one with the newest turn first. */
export async function listThreads({ db, position, tenant }: ViewReader, { limit = 100 } = {}): Promise<ThreadRow[]> {
  const rows = await db
    .selectFrom('thread as h')
    .innerJoin('turn as t', (join) =>
      join.onRef('t.tenant', '=', 'h.tenant').onRef('t.thread', '=', 'h.thread').on('t.from_pos', '<=', position),
    )
    .leftJoin('turn_end as e', (join) =>
      join.onRef('e.tenant', '=', 't.tenant').onRef('e.turn', '=', 't.turn').on('e.from_pos', '<=', position),
    )
    .where('h.tenant', '=', tenant)
    .where(heldAt(position, 'h'))
    .groupBy(['h.thread', 'h.agent', 'h.user_id', 'h.started_at'])
    .select(({ fn }) => [
      'h.thread',
      'h.agent',
      'h.user_id',
      'h.started_at',
      fn.count<number>('t.turn').as('turns'),
      fn.count<number>('e.turn').as('ended'),
      fn.max('t.occurred_at').as('last_at'),
      fn.max('t.from_pos').as('last_pos'),
    ])
    .orderBy('last_pos', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    thread: row.thread,
    agent: row.agent,
    user: row.user_id,
    startedAt: row.started_at,
    turns: row.turns,
    open: row.turns - row.ended,
    lastAt: row.last_at,
  }));
}

/** An approval with its decision, if there is one. */
export interface ApprovalRow {
  readonly approval: string;
  readonly turn: string;
  readonly thread: string;
  readonly branch: string;
  readonly step: number;
  readonly ordinal: number;
  readonly tool: string;
  readonly arguments: unknown;
  readonly argumentsHash: string;
  readonly argumentsSchema: unknown;
  readonly reason: string;
  /** How much harm the call could do, as the tool's author sees it. */
  readonly risk: 'low' | 'medium' | 'high';
  /** Until when it may be decided; after an escalation, the new one. */
  readonly deadline: Date;
  /** What the deadline does. */
  readonly onTimeout: 'reject' | 'escalate';
  /** Who is asked since the first deadline passed; null before. */
  readonly escalatedTo: string | null;
  readonly turnEnded: boolean;
  readonly decision: ApprovalDecisionRow | null;
}

/** A decision about an approval. */
export interface ApprovalDecisionRow {
  readonly decision: 'approve' | 'edit' | 'respond' | 'reject';
  readonly actor: string;
  readonly reason: string | null;
  readonly arguments: unknown;
  readonly message: string | null;
  readonly timedOut: boolean;
  /** The tool was allowed for the whole thread. */
  readonly remember: 'thread' | null;
  readonly position: Position;
}

export interface ApprovalFilter {
  readonly approval?: string;
  readonly turn?: string;
  /** Only those that wait for a decision. */
  readonly pending?: boolean;
  /** @default 200 */
  readonly limit?: number;
}

/** The newest approvals, oldest first. */
export async function listApprovals(
  { db, position, tenant }: ViewReader,
  filter: ApprovalFilter = {},
): Promise<ApprovalRow[]> {
  let query = db
    .selectFrom('approval as a')
    .leftJoin('approval_decision as d', (join) =>
      join.onRef('d.tenant', '=', 'a.tenant').onRef('d.approval', '=', 'a.approval').on('d.from_pos', '<=', position),
    )
    .leftJoin('turn_end as e', (join) =>
      join.onRef('e.tenant', '=', 'a.tenant').onRef('e.turn', '=', 'a.turn').on('e.from_pos', '<=', position),
    )
    .leftJoin('approval_escalation as x', (join) =>
      join.onRef('x.tenant', '=', 'a.tenant').onRef('x.approval', '=', 'a.approval').on('x.from_pos', '<=', position),
    )
    .where('a.tenant', '=', tenant)
    .where(heldAt(position, 'a'))
    .selectAll('a')
    .select([
      'd.decision',
      'd.actor',
      'd.reason as decision_reason',
      'd.arguments as decision_arguments',
      'd.message as decision_message',
      'd.timed_out',
      'd.remembered',
      'd.from_pos as decision_position',
      'e.status as turn_status',
      'x.escalated_to',
      'x.deadline as escalated_deadline',
    ])
    .orderBy('a.from_pos', 'desc')
    .limit(filter.limit ?? 200);
  if (filter.approval !== undefined) query = query.where('a.approval', '=', filter.approval);
  if (filter.turn !== undefined) query = query.where('a.turn', '=', filter.turn);
  if (filter.pending) query = query.where('d.approval', 'is', null).where('e.turn', 'is', null);
  const rows = await query.execute();
  return rows.toReversed().map((row) => ({
    approval: row.approval,
    turn: row.turn,
    thread: row.thread,
    branch: row.branch,
    step: row.step,
    ordinal: row.ordinal,
    tool: row.tool,
    arguments: row.arguments,
    argumentsHash: row.arguments_hash,
    argumentsSchema: row.arguments_schema,
    reason: row.reason,
    risk: row.risk as ApprovalRow['risk'],
    deadline: row.escalated_deadline ?? row.deadline,
    onTimeout: row.on_timeout as ApprovalRow['onTimeout'],
    escalatedTo: row.escalated_to,
    turnEnded: row.turn_status !== null,
    decision:
      row.decision === null
        ? null
        : {
            decision: row.decision as ApprovalDecisionRow['decision'],
            actor: row.actor ?? '',
            reason: row.decision_reason,
            arguments: row.decision_arguments,
            message: row.decision_message,
            timedOut: row.timed_out ?? false,
            remember: row.remembered === true ? 'thread' : null,
            position: row.decision_position ?? 0,
          },
  }));
}

/** A step of a turn as checkpoints list it. */
export type StepRow = Selectable<ViewDatabase['step']>;

/** Steps of a turn, or of a whole branch, in order. */
export async function listSteps(
  { db, position, tenant }: ViewReader,
  filter: { readonly turn: string } | { readonly thread: string; readonly branch: string },
): Promise<StepRow[]> {
  const query = db
    .selectFrom('step')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'step'))
    .orderBy('from_pos');
  return 'turn' in filter
    ? query.where('turn', '=', filter.turn).execute()
    : query.where('thread', '=', filter.thread).where('branch', '=', filter.branch).execute();
}

/** What extraction made of a turn, or undefined while it has not ended. */
export async function findExtraction(
  { db, position, tenant }: ViewReader,
  turn: string,
): Promise<Selectable<ViewDatabase['extraction']> | undefined> {
  return db
    .selectFrom('extraction')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('turn', '=', turn)
    .where(heldAt(position, 'extraction'))
    .executeTakeFirst();
}

/** Ended turns behind a position whose history is not archived, oldest first. */
export async function listUnarchivedTurns(
  { db, position, tenant }: ViewReader,
  { after = 0, except = [], limit = 50 }: { after?: Position; except?: readonly string[]; limit?: number } = {},
): Promise<(TurnRef & { readonly position: Position })[]> {
  const rows = await db
    .selectFrom('turn_end as e')
    .leftJoin('history as h', (join) => join.onRef('h.tenant', '=', 'e.tenant').onRef('h.turn', '=', 'e.turn'))
    .where('e.tenant', '=', tenant)
    .where('e.from_pos', '>', after)
    .where(heldAt(position, 'e'))
    .where('h.turn', 'is', null)
    .where(sql<SqlBool>`e.turn <> all(${except})`)
    .select(['e.turn', 'e.thread', 'e.branch', 'e.from_pos'])
    .orderBy('e.from_pos')
    .limit(limit)
    .execute();
  return rows.map(({ from_pos, ...turn }) => ({ ...turn, position: from_pos }));
}
