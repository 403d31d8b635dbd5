import { commands } from '../memory/keys.ts';
import type { ModelOptions } from '../memory/model-options.ts';
import { turnScope } from '../memory/scope.ts';
import type { ThreadMessage } from '../memory/prompt.ts';
import { readViews } from '../projections/read-views.ts';
import type { Moment } from '../eventstore/index.ts';
import { branchLineage, listBranchTurns } from '../projections/branches/queries.ts';
import { listProcedures } from '../projections/procedural/queries.ts';
import { listFacts } from '../projections/semantic/queries.ts';
import type { FactRow } from '../projections/semantic/queries.ts';
import type { ApprovalRow, StepRow, TurnRow } from '../projections/threads/queries.ts';
import { listApprovals, listSteps } from '../projections/threads/queries.ts';
import { readBlocks, readMessages } from '../projections/working/queries.ts';
import type { BlockRow } from '../projections/working/queries.ts';
import { ThreadNotFoundError } from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';
import { getTurn } from './send-turn.ts';

/** What a thread looked like at a position, and what was remembered for it. */
export interface ThreadState {
  readonly thread: string;
  readonly branch: string;
  readonly position: number;
  readonly turns: readonly TurnRow[];
  readonly messages: readonly ThreadMessage[];
  readonly facts: readonly FactRow[];
  readonly procedures: readonly {
    readonly procedure: string;
    readonly version: number;
    readonly goal: string;
    readonly text: string;
  }[];
  readonly blocks: readonly BlockRow[];
  readonly pendingApprovals: readonly ApprovalRow[];
}

/** Where to look: a position, a time, the end of a turn, or now. */
export type StatePoint = { readonly position: number } | { readonly time: Date } | { readonly turn: string } | 'now';

/** Folds a thread to a point of its log. Throws ThreadNotFoundError, TurnNotFoundError. */
export async function inspectState(
  context: ClientContext,
  {
    thread,
    branch = 'main',
    at = 'now',
  }: { readonly thread: string; readonly branch?: string; readonly at?: StatePoint },
): Promise<ThreadState> {
  const tenant = await context.store.tenantNumber(context.tenant);
  return readViews(
    context.pool,
    tenant,
    async (reader) => {
      const turns = await listBranchTurns(reader, { thread, branch });
      const first = turns[0];
      if (!first) throw new ThreadNotFoundError(thread);
      const scope = { ...turnScope({ user: first.user, thread, branch }), agent: first.agent, thread };
      return {
        thread,
        branch,
        position: reader.position,
        turns,
        messages: (await readMessages(reader, { thread, branch })).messages,
        facts: await listFacts(reader, { reader: scope }),
        procedures: (await listProcedures(reader, scope)).map((row) => ({
          procedure: row.procedure,
          version: row.version,
          goal: row.goal,
          text: row.content,
        })),
        blocks: await readBlocks(reader, scope),
        pendingApprovals: (await listApprovals(reader, { pending: true })).filter(
          (row) => row.thread === thread && row.branch === branch,
        ),
      };
    },
    { at: await momentOf(context, at) },
  );
}

async function momentOf(context: ClientContext, at: StatePoint): Promise<Moment | undefined> {
  if (at === 'now') return undefined;
  if ('time' in at) return at.time;
  return 'position' in at ? at.position : lastPosition(context, at.turn);
}

/** A point of a branch to go back to: the state after one step. */
export type Checkpoint = StepRow & {
  readonly position: number;
  /** The model that was asked for; `model` is the one that answered. */
  readonly requestedModel: string;
  /** What it was asked to answer with; empty where that was not said. */
  readonly modelOptions: ModelOptions;
  /** Ids of the memories that stood in its prompt, in their order. */
  readonly memories: readonly string[];
  /** Where it ran; null where that was not recorded. */
  readonly workflowId: string | null;
  readonly runId: string | null;
  /** The workflow code of its worker: by default a hash of the bundle. */
  readonly buildId: string | null;
};

/** The checkpoints of a branch, oldest first, with those it comes from. */
export async function listCheckpoints(
  context: ClientContext,
  { thread, branch = 'main' }: { readonly thread: string; readonly branch?: string },
): Promise<Checkpoint[]> {
  const tenant = await context.store.tenantNumber(context.tenant);
  const steps = await readViews(context.pool, tenant, async (reader) => {
    const lineage = await branchLineage(reader, { thread, branch });
    const inherited: StepRow[] = [];
    for (const { branch: name, position } of lineage?.slice(1).toReversed() ?? [])
      inherited.push(...(await listSteps({ ...reader, position }, { thread, branch: name })));
    return [...inherited, ...(await listSteps(reader, { thread, branch }))];
  });
  const ids = steps.map(({ turn, step }) => commands.step(turn, step));
  const events = await context.store.readCommandEvents(context.tenant, { ids, prefixes: [] });
  const asked = new Map(
    events.flatMap((event) => (event.type === 'StepCompleted' ? [[event.position, event.data]] : [])),
  );
  const ran = await readViews(context.pool, tenant, async ({ client }) => {
    const { rows } = await client.query<{
      id: string;
      meta: Partial<Record<'workflowId' | 'runId' | 'buildId', string>>;
    }>('select id, meta from holdfast.command where tenant = $1 and id = any ($2)', [tenant, ids]);
    return new Map(rows.map(({ id, meta }) => [id, meta]));
  });
  return steps.map((step) => {
    const data = asked.get(step.from_pos);
    const meta = ran.get(commands.step(step.turn, step.step));
    const shown = (data?.retrieval?.items ?? []).filter(({ label }) => label !== null);
    return {
      ...step,
      position: step.from_pos,
      requestedModel: data?.requestedModel ?? step.model,
      modelOptions: data?.modelOptions ?? {},
      memories: shown.map(({ id }) => id),
      workflowId: meta?.workflowId ?? null,
      runId: meta?.runId ?? null,
      buildId: meta?.buildId ?? null,
    };
  });
}

/** Position of the newest thing that belongs to a turn: its last event, or its extraction's. */
async function lastPosition(context: ClientContext, turn: string): Promise<number> {
  await getTurn(context, turn);
  const tenant = await context.store.tenantNumber(context.tenant);
  return readViews(context.pool, tenant, async ({ db }) => {
    const row = await db
      .selectFrom('turn_end as e')
      .leftJoin('extraction as x', (join) =>
        join.onRef('x.tenant', '=', 'e.tenant').onRef('x.turn', '=', 'e.turn').on('x.to_pos', 'is', null),
      )
      .where('e.tenant', '=', tenant)
      .where('e.turn', '=', turn)
      .select(['e.from_pos as ended', 'x.from_pos as extracted'])
      .executeTakeFirst();
    if (row) return Math.max(row.ended, row.extracted ?? 0);
    const step = await db
      .selectFrom('step')
      .where('tenant', '=', tenant)
      .where('turn', '=', turn)
      .select(({ fn }) => fn.max('from_pos').as('last'))
      .executeTakeFirst();
    return step?.last ?? Number.MAX_SAFE_INTEGER;
  });
}
