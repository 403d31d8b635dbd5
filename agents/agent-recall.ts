import type { RecallPolicy } from '../memory/recall/policy.ts';
import { isDefinition, recallKinds, recallOptions, recallPlaces } from '../memory/recall/policy.ts';
import type { DefinitionChecks } from './definition-checks.ts';

/** What may be recalled into an agent's prompts, and how it is weighed (docs/recall.md). */
export type AgentRecall = RecallPolicy;

/** Checks what an agent says about recall. Throws InvalidDefinitionError. */
export function checkRecall(recall: AgentRecall, checks: DefinitionChecks): void {
  checks.object('memory.recall', recall);
  checks.known('memory.recall', recall, recallOptions);
  for (const [name, allowed] of Object.entries({ kinds: recallKinds, scopes: recallPlaces })) {
    const list: unknown = recall[name as 'kinds' | 'scopes'];
    if (list === undefined) continue;
    checks.list(`memory.recall.${name}`, list);
    if ((list as unknown[]).length === 0) checks.fail(`memory.recall.${name}`, 'a list that is not empty', list);
    for (const one of list as unknown[])
      if (name !== 'kinds' || !isDefinition(one)) checks.oneOf(`memory.recall.${name}`, one, allowed);
  }
  for (const [name, most] of Object.entries({ sinceDays: Infinity, recency: 1, minConfidence: 1 })) {
    const value: unknown = recall[name as 'sinceDays'];
    if (value === undefined || (typeof value === 'number' && value >= 0 && value <= most)) continue;
    checks.fail(`memory.recall.${name}`, most === 1 ? 'a number from 0 to 1' : 'a number from 0 on', value);
  }
}
