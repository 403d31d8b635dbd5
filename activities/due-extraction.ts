import { dueInMs } from '../memory/extract-trigger.ts';
import { streams } from '../memory/keys.ts';
import { readViews } from '../projections/read-views.ts';
import { listAwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
import { listTurns } from '../projections/threads/queries.ts';
import type { ActivityDeps } from './deps.ts';
import type { DueExtraction, ThreadExtraction, TurnRef } from './types.ts';

/** Turns that one look gives; the workflow looks again. */
const mostTurns = 100;

/**
 * Tells which turns of a branch are to be read for memories now, oldest first, or when: by what the log says waits, and what the agents say
 * today. Turns of an agent that is gone, or reads nothing any more, wait on.
 */
export async function dueExtraction(
  deps: ActivityDeps,
  { tenant, thread, branch, all, after = 0 }: ThreadExtraction,
): Promise<DueExtraction> {
  const { rows, isBusy, newest } = await readViews(
    deps.pool,
    await deps.store.tenantNumber(tenant),
    async (reader) => ({
      rows: await listAwaitingExtraction(reader, { thread, branch, after, limit: 10_000 }),
      isBusy: (await listTurns(reader, { thread, branch, open: true, limit: 1 })).length > 0,
      // Turns of a branch end in their order: whoever's agent the last one is, the pause began with it.
      newest: (await listTurns(reader, { thread, branch, limit: 1 })).at(-1),
    }),
  );
  const idleMs = isBusy || !newest ? 0 : Date.now() - (await endedAt(deps, tenant, newest.turn));
  const byAgent = Map.groupBy(rows, ({ agent }) => agent);
  const due: (typeof rows)[number][] = [];
  let next: number | null = null;
  for (const [name, own] of byAgent) {
    const trigger = deps.agents.get(name)?.memory.extract ?? false;
    if (trigger === false) continue;
    // One that was given up is read again only when somebody asks for it.
    const waiting = own.filter(({ failed }) => all || !failed);
    if (waiting.length === 0) continue;
    const inMs = all ? 0 : dueInMs(trigger, { waiting: waiting.length, idleMs });
    if (inMs === 0) due.push(...waiting);
    else if (inMs !== null) next = Math.min(next ?? inMs, inMs);
  }
  const turns = due
    .sort((a, b) => a.position - b.position)
    .slice(0, mostTurns)
    .map(({ turn, agent, position }) => ({ turn, agent, position }));
  return { turns, inMs: next };
}

/** Has somebody look at what waits in a turn's branch, now or when it is due. One that only reads when it is asked needs nobody. */
export async function deferExtraction(deps: ActivityDeps, { tenant, thread, branch }: TurnRef): Promise<void> {
  const { turns, inMs } = await dueExtraction(deps, { tenant, thread, branch, all: false });
  if (turns.length > 0 || inMs !== null) await deps.wakeExtraction({ tenant, thread, branch });
}

/** When a turn's end was recorded: what senders say about times may be of long ago. */
async function endedAt({ store }: ActivityDeps, tenant: string, turn: string): Promise<number> {
  let at = 0;
  for await (const { recordedAt } of store.readStream(tenant, streams.turn(turn))) at = recordedAt.getTime();
  return at;
}
