import type { Agent } from '../agents/define-agent.ts';
import type { ClientContext } from '../client/send-turn.ts';
import { wakeExtraction } from '../client/extract-thread.ts';
import { extractsWhen } from '../memory/extract-trigger.ts';
import type { AwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
import { listAwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
import { readViews } from '../projections/read-views.ts';
import { extractionWorkflowId } from '../workflows/messages.ts';
import { stateOf } from '../client/start-turn.ts';

const pageSize = 2_000;

/**
 * Starts extractions that are overdue and that nobody is at: the server was wiped, or a deploy changed when an agent's turns are read. Gives
 * how many branches of threads it started.
 */
export async function sweepExtractions(
  { tenant, store, pool, starter }: Pick<ClientContext, 'tenant' | 'store' | 'pool' | 'starter'>,
  {
    agents,
    graceMs,
    signal,
  }: { readonly agents: ReadonlyMap<string, Agent>; readonly graceMs: number; readonly signal?: AbortSignal },
): Promise<number> {
  // Turns of one that only reads when it is asked may wait for ever, any number of them.
  const asking = [...agents.values()].filter(
    ({ memory: { extract } }) => extractsWhen(extract) !== 'never' && extract !== 'manual',
  );
  const number = await store.tenantNumber(tenant);
  let started = 0;
  for (const { name, memory } of asking) {
    const { everyTurns = Infinity, afterIdleMs = Infinity } =
      typeof memory.extract === 'object' ? memory.extract : { everyTurns: 1 };
    const before = (ms: number): Promise<number> =>
      ms === Infinity ? Promise.resolve(-1) : store.positionAt(tenant, new Date(Date.now() - ms - graceMs));
    const [enough, idle] = [await before(0), await before(afterIdleMs)];
    const threads = new Map<string, AwaitingExtraction[]>();
    for (let after = 0; ;) {
      const page = await readViews(pool, number, (reader) =>
        listAwaitingExtraction(reader, { agents: [name], after, limit: pageSize }),
      );
      for (const row of page) {
        if (row.failed) continue;
        const key = JSON.stringify([row.thread, row.branch]);
        threads.set(key, [...(threads.get(key) ?? []), row]);
      }
      const last = page.at(-1);
      if (!last || page.length < pageSize) break;
      after = last.position;
    }
    for (const waiting of threads.values()) {
      signal?.throwIfAborted();
      const last = waiting.at(-1);
      if (!last) continue;
      const isDue = (waiting.length >= everyTurns && last.position <= enough) || last.position <= idle;
      const ref = { tenant, thread: last.thread, branch: last.branch };
      const workflowId = extractionWorkflowId({ taskQueue: starter.taskQueue, ...ref });
      if (!isDue) continue;
      // Told also where one runs: it may wait for a time that an earlier deploy had set.
      const runs = (await stateOf(starter, workflowId)) === 'running';
      await wakeExtraction(starter, ref);
      if (!runs) started += 1;
    }
  }
  return started;
}
