import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import proto from '@temporalio/proto';
import type pg from 'pg';
import type { EventStore, Position } from '../eventstore/index.ts';
import type { MemoryEvent, TurnRef } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { readViews } from '../projections/read-views.ts';
import { findExtraction, findTurn, listUnarchivedTurns } from '../projections/threads/queries.ts';
import type { TurnStarter } from '../client/start-turn.ts';
import { ensureRunning } from '../client/start-turn.ts';
import { turnWorkflowId } from '../workflows/messages.ts';
import type { ActivityDeps } from '../activities/deps.ts';

const runningPauseMs = 1_000;
const failedPauseMs = 60_000;
const pageSize = 50;

/** A turn to come back to at a time, `Infinity` = never, and where it ended. */
interface Wait {
  readonly until: number;
  readonly position: Position;
}

export interface ArchiveOptions {
  readonly store: EventStore<MemoryEvent>;
  readonly pool: pg.Pool;
  /** Finds workflows, and starts those again that were lost before they had extracted memories. */
  readonly starter: TurnStarter;
  readonly tenants: readonly string[];
  readonly log: ActivityDeps['log'];
  /** Pause between looks. @default 500 */
  readonly intervalMs?: number;
  /** A turn that ended less than this many milliseconds ago is left to those who are at it. @default 60000 */
  readonly graceMs?: number;
}

/**
 * Copies the Temporal history of every ended turn into the log, where it outlives Temporal's retention: it is what `replay` runs.
 * Outside the turn, because only a closed workflow has its whole history. At least once; the command id makes it once. Any
 * number of workers may do this at the same time.
 */
export function archiveHistories(options: ArchiveOptions): { stop(): Promise<void> } {
  const { store, pool, starter, tenants, log, intervalMs = 500, graceMs = 60_000 } = options;
  const { temporal: client, taskQueue } = starter;
  const stopping = new AbortController();
  /** Per tenant, how far all is done, and turns behind it not to look at before a time: running, failed, or unknown to Temporal. */
  const places = new Map<string, { after: Position; readonly waiting: Map<string, Wait> }>();
  const isStopping = (): boolean => stopping.signal.aborted;
  const loop = (async () => {
    while (!isStopping()) {
      for (const tenant of tenants) {
        try {
          await archiveTenant(tenant);
        } catch (error) {
          // While stopping, a closed connection is no news.
          if (!isStopping())
            log('warn', 'histories were not archived; will try again', { tenant, error: String(error) });
        }
      }
      await delay(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };

  async function archiveTenant(tenant: string): Promise<void> {
    const place = places.get(tenant) ?? { after: 0, waiting: new Map<string, Wait>() };
    places.set(tenant, place);
    const { waiting } = place;
    for (const [turn, { until }] of waiting) if (until <= Date.now()) waiting.delete(turn);
    const { turns, head } = await readViews(pool, await store.tenantNumber(tenant), async (reader) => ({
      turns: await listUnarchivedTurns(reader, { after: place.after, except: [...waiting.keys()], limit: pageSize }),
      head: reader.position,
    }));
    for (const { position, ...ref } of turns) {
      if (isStopping()) return;
      const wait = (ms: number) => waiting.set(ref.turn, { until: Date.now() + ms, position });
      try {
        if (!(await archiveTurn(tenant, ref))) wait(runningPauseMs);
      } catch (error) {
        // One turn must not keep the others waiting. What Temporal no longer knows (retention, wiped server) stays so, unless
        // something behind the reply was still to do.
        const isGone = error instanceof WorkflowNotFoundError;
        if (!isGone) wait(failedPauseMs);
        else if (position > (await store.positionAt(tenant, new Date(Date.now() - graceMs)))) wait(runningPauseMs);
        else if (await startAgain(tenant, ref)) wait(runningPauseMs);
        else wait(Infinity);
        if (!isGone && !isStopping()) {
          log('warn', 'a history was not archived; will try again', { tenant, turn: ref.turn, error: String(error) });
        }
      }
    }
    // Everything up to here is archived or never will be: the next look begins behind it, however many turns there have been.
    const seen = turns.length < pageSize ? head : (turns.at(-1)?.position ?? 0);
    const open = [...waiting.values()].filter(({ until }) => until !== Infinity).map(({ position }) => position - 1);
    place.after = Math.max(place.after, Math.min(seen, ...open));
    for (const [turn, { position }] of waiting) if (position <= place.after) waiting.delete(turn);
  }

  /** Starts the workflow of a completed turn that nothing was extracted from: it finds its steps recorded, and extracts. */
  async function startAgain(tenant: string, { turn, thread, branch }: TurnRef): Promise<boolean> {
    const found = await readViews(pool, await store.tenantNumber(tenant), async (reader) => {
      const [row, extraction] = await Promise.all([findTurn(reader, turn), findExtraction(reader, turn)]);
      return row?.status === 'completed' && !extraction ? row : undefined;
    });
    if (!found) return false;
    await ensureRunning(starter, { tenant, turn, thread, branch, agent: found.agent });
    return true;
  }

  /** False while the workflow still runs: extraction goes on behind the reply, so the history is not whole yet. */
  async function archiveTurn(tenant: string, { turn, thread, branch }: TurnRef): Promise<boolean> {
    const workflowId = turnWorkflowId({ taskQueue, tenant, branch, turn });
    const handle = client.workflow.getHandle(workflowId);
    const { status, runId } = await handle.describe();
    if (status.name === 'RUNNING') return false;
    const history = await handle.fetchHistory();
    const bytes = proto.temporal.api.history.v1.History.encode(history).finish();
    const stream = streams.history(turn);
    await store.append(tenant, {
      id: commands.history(turn),
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: [
        {
          type: 'HistoryArchived',
          stream,
          data: {
            thread,
            branch,
            turn,
            workflowId,
            runId,
            events: history.events?.length ?? 0,
            encoding: 'temporal-history-protobuf+base64',
            history: Buffer.from(bytes).toString('base64'),
          },
        },
      ],
      meta: { actor: 'archiver' },
    });
    return true;
  }
}
