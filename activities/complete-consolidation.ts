import { StreamSealedError } from '../eventstore/index.ts';
import { countCare } from '../memory/consolidate/count.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ConsolidationActivities, ConsolidationReport } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';

/** Records the end of a run with the numbers of what the log has of it, once. A run that was undone meanwhile has ended already. */
export async function completeConsolidation(
  deps: ActivityDeps,
  { tenant, run, scope, refused, facts, problems }: Parameters<ConsolidationActivities['completeConsolidation']>[0],
): Promise<ConsolidationReport> {
  const prefix = commands.consolidation(run, '');
  const counts = countCare(await deps.store.readCommandEvents(tenant, { prefixes: [prefix] }));
  const outcome = refused === null ? 'done' : 'refused';
  const stream = streams.consolidation(run);
  try {
    const { lastPosition } = await deps.store.append(tenant, {
      id: commands.consolidation(run, 'completed'),
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: [
        {
          type: 'ConsolidationCompleted',
          stream,
          data: { run, scope, outcome, reason: refused, counts, facts, problems },
        },
      ],
      meta: { actor: 'consolidation', run },
    });
    deps.reached('consolidation.completed', run);
    return { run, outcome, counts, position: lastPosition };
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
    return { run, outcome, counts, position: 0 };
  }
}
