import { WorkflowNotFoundError } from '@temporalio/client';
import type { SweepReport, TurnRef } from '../activities/types.ts';
import { readViews } from '../projections/read-views.ts';
import {
  listOpenTurns,
  listOrphanedTurns,
  listUnclosedAborts,
  listUnheededDecisions,
} from '../projections/threads/sweep-queries.ts';
import type { UnheededDecision } from '../projections/threads/sweep-queries.ts';
import { approvalDecidedSignal, progressQuery, turnWorkflowId } from '../workflows/messages.ts';
import { closeGoneTurn, endTurn } from './close-gone-turn.ts';
import { requestScheduledTurn } from './request-scheduled-turn.ts';
import { ensureTemporalSchedule } from './temporal-schedule.ts';
import { listSchedules } from '../projections/schedules/queries.ts';
import type { ClientContext } from './send-turn.ts';
import { requestTurn } from './request-turn.ts';
import { ensureRunning, workflowState } from './start-turn.ts';
import { forgottenText } from '../memory/personal-fields.ts';
import { listLostSteered } from '../projections/working/queries.ts';

export interface SweepOptions {
  /** What was recorded less than this many milliseconds ago is left to those who are at it. @default 15000 */
  readonly graceMs?: number;
  /** Told of each thing that could not be repaired; the rest goes on. */
  readonly onFailure?: (what: string, error: unknown) => void;
  /** Ends the round early. */
  readonly signal?: AbortSignal;
}

type Counts = { -readonly [Name in keyof SweepReport]: SweepReport[Name] };

const pageSize = 500;
/** Requests to Temporal at a time. */
const concurrency = 8;

/**
 * Repairs what crashes left behind in one tenant: turns whose start was lost or that Temporal no longer knows are started, turns whose
 * workflow ended without a word are closed, and so are those they waited for, decisions that a turn was not told are told, workflows of aborted turns are cancelled.
 * Every part is idempotent, so any number of sweepers may run beside each other and beside senders. Throws the errors of the store.
 */
export async function sweepTenant(
  context: Pick<ClientContext, 'tenant' | 'store' | 'pool' | 'starter'>,
  { graceMs = 15_000, onFailure = () => undefined, signal }: SweepOptions = {},
): Promise<SweepReport> {
  const { tenant, store, pool, starter } = context;
  const number = await store.tenantNumber(tenant);
  const upTo = await store.positionAt(tenant, new Date(Date.now() - graceMs));
  const report: Counts = { looked: 0, started: 0, closed: 0, told: 0, cancelled: 0, failed: 0 };

  for (let after = 0; ;) {
    const page = await readViews(pool, number, (reader) => listOpenTurns(reader, { after, upTo, limit: pageSize }));
    await inParallel(page, async ({ turn, thread, branch, agent }) => {
      const care = await closeGoneTurn({ store, starter }, { tenant, turn, thread, branch, agent });
      if (care !== 'running') report[care] += 1;
      report.looked += 1;
    });
    const last = page.at(-1);
    if (!last || page.length < pageSize) break;
    after = last.position;
  }
  // Those that such a turn waited for; theirs in turn come to light when they have ended.
  for (const seen = new Set<string>(); ;) {
    const orphans = (await readViews(pool, number, (reader) => listOrphanedTurns(reader))).filter(
      ({ turn }) => !seen.has(turn),
    );
    if (orphans.length === 0) break;
    for (const { turn } of orphans) seen.add(turn);
    await inParallel(orphans, async ({ parent, ...ref }) => {
      const reason = `The turn "${parent}" that waited for it has ended.`;
      await endTurn(context, ref, { status: 'aborted', actor: 'holdfast:gone', reason });
      report.closed += 1;
    });
  }
  // Messages that nobody read in the turn they were put into: turns of their own, unless their words were forgotten.
  const lost = await readViews(pool, number, (reader) => listLostSteered(reader));
  await inParallel(lost, async ({ key, thread, branch, agent, user, message, occurredAt }) => {
    if (message === forgottenText) return;
    const request = { turn: key, thread, branch, agent, message, occurredAt, ...(user === null ? {} : { user }) };
    await requestTurn(context, request, { after: 'unread' });
    await ensureRunning(starter, { tenant, thread, branch, turn: key, agent });
    report.started += 1;
  });
  const unheeded = await readViews(pool, number, (reader) => listUnheededDecisions(reader, { upTo }));
  await inParallel(unheeded, async (decision) => {
    if (await tellAgain(decision)) report.told += 1;
  });
  const schedules = await readViews(pool, number, (reader) => listSchedules(reader));
  await inParallel(schedules, async (row) => {
    // A wiped server has lost it; one that could not be reached was not told.
    await ensureTemporalSchedule(starter, tenant, row);
    const { at } = row.timing;
    if (at !== null && !row.paused && Date.parse(at) < Date.now() - graceMs)
      await requestScheduledTurn({ store, pool, starter }, { tenant, schedule: row.schedule, due: at });
  });
  const aborted = await readViews(pool, number, (reader) => listUnclosedAborts(reader));
  await inParallel(aborted, async (ref) => {
    if ((await workflowState(starter, { ...ref, tenant, agent: '' })) !== 'running') return;
    await handleOf(ref).cancel();
    report.cancelled += 1;
  });
  return report;

  /** True when the turn had not known of the decision. */
  async function tellAgain({ approval, position, ...ref }: UnheededDecision): Promise<boolean> {
    const handle = handleOf(ref);
    try {
      // A question costs no history; a signal in every round of a long tool call would.
      const { waitingFor } = await handle.query(progressQuery);
      if (!waitingFor.includes(approval)) return false;
      await handle.signal(approvalDecidedSignal, { approval, position });
      return true;
    } catch (error) {
      // Closed meanwhile, or started a moment ago: then it asks the log itself.
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  function handleOf(ref: Pick<TurnRef, 'branch' | 'turn'>) {
    const { taskQueue, temporal } = starter;
    return temporal.workflow.getHandle(turnWorkflowId({ taskQueue, tenant, branch: ref.branch, turn: ref.turn }));
  }

  async function inParallel<T extends { readonly turn: string } | { readonly schedule: string }>(
    items: readonly T[],
    repair: (item: T) => Promise<void>,
  ): Promise<void> {
    const queue = items.values();
    const work = async (): Promise<void> => {
      for (const item of queue) {
        signal?.throwIfAborted();
        try {
          await repair(item);
        } catch (error) {
          report.failed += 1;
          onFailure('turn' in item ? `turn ${item.turn}` : `schedule ${item.schedule}`, error);
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }
}
