import type { WriteTier, WriteTiers } from '../memory/write-tiers.ts';
import { allAuto, writeTiers } from '../memory/write-tiers.ts';
import type { DefinitionChecks } from './definition-checks.ts';

/** What happens to memories that an agent would like to write: one tier for all, or one by kind; kinds that are left out are `auto`. */
export type AgentWrites = WriteTier | { readonly [Kind in keyof WriteTiers]?: WriteTier };

/** Gives the tier of every kind. Throws AGENT_INVALID for a kind or a tier that there is not. */
export function fillWrites(given: AgentWrites, checks: DefinitionChecks): WriteTiers {
  const kinds = Object.keys(allAuto);
  if (typeof given === 'string') {
    checks.oneOf('memory.writes', given, writeTiers);
    return { preference: given, fact: given, task_state: given, feedback: given, procedure: given };
  }
  checks.object('memory.writes', given);
  checks.known('memory.writes', given, kinds);
  for (const [kind, tier] of Object.entries(given)) checks.oneOf(`memory.writes.${kind}`, tier, writeTiers);
  return { ...allAuto, ...given };
}
