import type { Agent } from '../agents/define-agent.ts';
import type { ChatReply, ToolCall } from '../llm/ports.ts';
import { changeModelOptions } from '../memory/model-options.ts';
import { mainBranch } from '../memory/scope.ts';
import type { ForkRules, TakenOver } from '../projections/branches/queries.ts';
import { branchLineage, findRecordedResult, readForkRules, takenOver } from '../projections/branches/queries.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import type { ActivityDeps } from './deps.ts';
import type { InlineResult, SortedCalls } from './sort-calls.ts';
import type { TurnRef } from './types.ts';

/** What is different about a turn because its branch is a fork. */
export interface TurnFork extends ForkRules {
  /** The turns whose steps this one takes over, nearest first. */
  readonly taken: readonly TakenOver[];
}

/** How a turn's branch differs; null on the main branch, which costs no look into the log, and where nobody forked. */
export async function readTurnFork(deps: ActivityDeps, ref: TurnRef): Promise<TurnFork | null> {
  if (ref.branch === mainBranch) return null;
  return readViews(deps.pool, await deps.store.tenantNumber(ref.tenant), async (reader) => {
    const rules = await readForkRules(reader, ref);
    return rules && { ...rules, taken: takenOver(await branchLineage(reader, ref), ref.turn) };
  });
}

/** The agent with what the fork changes about it. */
export function forkedAgent(agent: Agent, fork: ForkRules | null): Agent {
  if (fork === null) return agent;
  return {
    ...agent,
    instructions: fork.instructions ?? agent.instructions,
    model: fork.model ?? agent.model,
    modelOptions: changeModelOptions(agent.modelOptions, ...fork.modelOptions),
  };
}

/** The same calls as the fork's rule for tools wants them: all answered at once, unless they are run again. */
export async function followToolRule(
  deps: ActivityDeps,
  ref: TurnRef,
  fork: ForkRules | null,
  calls: SortedCalls,
  reply: Pick<ChatReply, 'toolCalls'>,
): Promise<SortedCalls> {
  if (fork === null || fork.tools === 'rerun' || calls.pending.length === 0) return calls;
  const answers = await readViews(deps.pool, await deps.store.tenantNumber(ref.tenant), async (reader) => {
    const found: InlineResult[] = [];
    for (const { ordinal } of calls.pending) {
      const call = reply.toolCalls[ordinal];
      if (!call) continue;
      const given: unknown = JSON.parse(call.arguments === '' ? '{}' : call.arguments);
      const end = fork.tools === 'forbid' ? forbidden(call) : await recorded(reader, ref, call, given);
      found.push({ ordinal, call, arguments: given, ...end });
    }
    return found;
  });
  return { ...calls, pending: [], approvals: [], waived: [], inline: [...calls.inline, ...answers] };
}

type End = Pick<InlineResult, 'outcome' | 'code' | 'result'>;

function forbidden({ name }: ToolCall): End {
  return {
    outcome: 'rejected',
    code: 'TOOLS_FORBIDDEN',
    result: `Not run: this branch may not use tools, and "${name}" is one. Answer without it.`,
  };
}

async function recorded(reader: ViewReader, ref: TurnRef, { name }: ToolCall, given: unknown): Promise<End> {
  const found = await findRecordedResult(reader, ref, { tool: name, arguments: given });
  // Only what `findRecordedResult` looks for.
  if (found) return { outcome: found.outcome as End['outcome'], code: 'RECORDED', result: found.result };
  return {
    outcome: 'skipped',
    code: 'STUBBED',
    result: `[stub] "${name}" was not run: this branch answers calls from the record, which has none with these arguments.`,
  };
}
