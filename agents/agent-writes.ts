import type { WriteTier, WriteTiers } from '../memory/write-tiers.ts';
import { allAuto, writeTiers } from '../memory/write-tiers.ts';
import { builtInKinds } from '../memory/kinds.ts';
import type { DefinitionChecks } from './definition-checks.ts';

/** What happens to memories that an agent would like to write: one tier for all, or one by kind; kinds that are left out are `auto`. */
export type AgentWrites = WriteTier | Partial<WriteTiers>;

/**
 * Gives the tier of every kind. Throws AGENT_INVALID for a kind or a tier that there is not.
 * @param own names of the agent's own kinds
 */
export function fillWrites(given: AgentWrites, own: readonly string[], checks: DefinitionChecks): WriteTiers {
  const kinds = [...builtInKinds, ...own];
  if (typeof given === 'string') {
    checks.oneOf('memory.writes', given, writeTiers);
    return Object.fromEntries(kinds.map((kind) => [kind, given]));
  }
  checks.object('memory.writes', given);
  checks.known('memory.writes', given, kinds);
  for (const [kind, tier] of Object.entries(given)) checks.oneOf(`memory.writes.${kind}`, tier, writeTiers);
  return { ...allAuto, ...(given as WriteTiers) };
}
