import type { DefinitionChecks } from './definition-checks.ts';

/** What may be recalled into an agent's prompts, and how it is weighed (docs/recall.md). */
export interface AgentRecall {
  /** Kinds: `round` is what a person said, `reply` what was answered. @default all */
  readonly kinds?: readonly (typeof kinds)[number][];
  /** Only memories that are bound to one of these; `shared`: to none of user, agent and thread. @default all */
  readonly scopes?: readonly (typeof places)[number][];
  /** How far back, in days before the message. @default no bound */
  readonly sinceDays?: number;
  /** How much recency counts against relevance, 0 to 1. @default 0.1 */
  readonly recency?: number;
  /** Below this confidence (0 to 1) nothing is recalled. @default 0 */
  readonly minConfidence?: number;
}

const kinds = [
  'fact',
  'preference',
  'feedback',
  'task_state',
  'observation',
  'procedure',
  'document',
  'round',
  'reply',
] as const;
const places = ['user', 'agent', 'thread', 'shared'] as const;
const options = ['kinds', 'scopes', 'sinceDays', 'recency', 'minConfidence'];

/** Checks what an agent says about recall. Throws InvalidDefinitionError. */
export function checkRecall(recall: AgentRecall, checks: DefinitionChecks): void {
  checks.object('memory.recall', recall);
  checks.known('memory.recall', recall, options);
  for (const [name, allowed] of Object.entries({ kinds, scopes: places })) {
    const list: unknown = recall[name as 'kinds' | 'scopes'];
    if (list === undefined) continue;
    checks.list(`memory.recall.${name}`, list);
    if ((list as unknown[]).length === 0) checks.fail(`memory.recall.${name}`, 'a list that is not empty', list);
    for (const one of list as unknown[]) checks.oneOf(`memory.recall.${name}`, one, allowed);
  }
  for (const [name, most] of Object.entries({ sinceDays: Infinity, recency: 1, minConfidence: 1 })) {
    const value: unknown = recall[name as 'sinceDays'];
    if (value === undefined || (typeof value === 'number' && value >= 0 && value <= most)) continue;
    checks.fail(`memory.recall.${name}`, most === 1 ? 'a number from 0 to 1' : 'a number from 0 on', value);
  }
}
