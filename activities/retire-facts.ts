import type { MemoryEvent } from '../memory/events.ts';
import { readCaredFacts, readObservationProofs } from '../projections/care/queries.ts';
import { commitUnit } from './consolidation-unit.ts';
import type { UnitOf, UnitOutcome } from './consolidation-types.ts';
import type { ActivityDeps } from './deps.ts';
import type { ActivityScope } from './run-activity.ts';

/** Ends facts that have expired and observations of whose facts none holds any more: those of the plan for which that is still so. */
export async function retireFacts(
  deps: ActivityDeps,
  { unit, ...ref }: UnitOf<'retire'>,
  { signal }: ActivityScope,
): Promise<UnitOutcome> {
  await commitUnit(deps, ref, {
    key: unit.key,
    signal,
    decide: async (reader) => {
      const facts = new Map((await readCaredFacts(reader, ref.scope)).map((fact) => [fact.fact, fact]));
      const holding = new Map(
        (await readObservationProofs(reader, ref.scope)).map((one) => [one.observation, one.holding]),
      );
      return unit.facts.flatMap(({ fact, why }): MemoryEvent[] => {
        const known = facts.get(fact);
        if (!known) return [];
        const expired = known.expiresAt !== null && known.expiresAt <= ref.now ? known.expiresAt : null;
        if (why === 'expired' ? expired === null : holding.get(fact) !== 0) return [];
        const validTo = expired ?? ref.now;
        return [
          {
            type: 'FactRetired',
            data: { fact, scope: ref.scope, run: ref.run, why, into: null, validTo, sources: [] },
          },
        ];
      });
    },
  });
  return { problem: null };
}
