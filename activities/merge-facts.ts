import type { CaredFact } from '../memory/consolidate/near-duplicates.ts';
import { mayMerge } from '../memory/consolidate/near-duplicates.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { readCaredFacts } from '../projections/care/queries.ts';
import { commitUnit } from './consolidation-unit.ts';
import type { UnitOf, UnitOutcome } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';
import type { ActivityScope } from './run-activity.ts';

/** Merges facts into one that says the same: those for which that still holds, in one command. The merged ones' sources vouch for it from now on. */
export async function mergeFacts(
  deps: ActivityDeps,
  { unit, ...ref }: UnitOf<'merge'>,
  { signal }: ActivityScope,
): Promise<UnitOutcome> {
  await commitUnit(deps, ref, {
    key: unit.key,
    signal,
    decide: async (reader) => {
      const facts = new Map((await readCaredFacts(reader, ref.scope)).map((fact) => [fact.fact, fact]));
      const keep = facts.get(unit.keep);
      if (!keep) return [];
      const gone = unit.gone.flatMap((id): CaredFact[] => {
        const fact = facts.get(id);
        return fact && mayMerge(keep, fact) ? [fact] : [];
      });
      const known = new Set(keep.sources.map(({ turn }) => turn));
      return gone.map((fact): MemoryEvent => {
        const lent = fact.sources.filter(({ turn }) => !known.has(turn));
        for (const { turn } of lent) known.add(turn);
        return {
          type: 'FactRetired',
          data: {
            ...{ fact: fact.fact, scope: ref.scope, run: ref.run, why: 'merged', into: keep.fact },
            ...{ validTo: ref.now, sources: lent },
          },
        };
      });
    },
  });
  return { problem: null };
}
