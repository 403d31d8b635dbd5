import type { Agent } from '../agents/define-agent.ts';
import type { ConsolidationPlan } from '../memory/consolidate/plan.ts';
import { planConsolidation as decidePlan } from '../memory/consolidate/plan.ts';
import {
  readCaredFacts,
  readLastConsolidation,
  readObservationProofs,
  readOpenSessions,
  readUndoneItems,
} from '../projections/care/queries.ts';
import { readViews } from '../projections/read-views.ts';
import type { ConsolidationRef } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';
import { readPlaybookChanges } from './learn-playbooks.ts';

/** Fewer facts say nothing together. */
const leastObserved = 3;

/** Looks at a scope and decides what a run over it does; writes nothing, so a repeat may come out otherwise. */
export async function planConsolidation(deps: ActivityDeps, ref: ConsolidationRef): Promise<ConsolidationPlan> {
  const tenant = await deps.store.tenantNumber(ref.tenant);
  const { scope, now } = ref;
  const plan = await readViews(deps.pool, tenant, async (reader) => {
    const facts = await readCaredFacts(reader, scope);
    const last = await readLastConsolidation(reader, scope);
    const stated = facts.filter(({ kind }) => kind !== 'observation');
    return decidePlan({
      facts,
      observations: await readObservationProofs(reader, scope),
      sessions: await readOpenSessions(reader, scope),
      undone: new Set(await readUndoneItems(reader, scope)),
      now,
      observes:
        consolidationModel(deps) !== null &&
        stated.length >= leastObserved &&
        stated.some(({ position }) => position > last),
      learns: (await readPlaybookChanges(deps, reader, scope)).length > 0,
    });
  });
  deps.reached('consolidation.planned', ref.run);
  return plan;
}

/** The model that consolidation asks: that of the first agent that has turns read by a model; null when all go by rules. */
export function consolidationModel({
  agents,
  defaultModel,
}: Pick<ActivityDeps, 'agents' | 'defaultModel'>): string | null {
  const asked = [...agents.values()].find(({ memory }: Agent) => memory.extract && memory.extractor === 'model');
  return asked ? (asked.model ?? defaultModel) : null;
}
