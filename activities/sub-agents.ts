import type { Agent } from '../agents/define-agent.ts';
import type { Tool } from '../agents/define-tool.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import { childTurnId, commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import { findChild } from '../projections/threads/children.ts';
import { findTurn } from '../projections/threads/queries.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { readTurnUsage } from '../projections/threads/turn-usage.ts';
import type { ModelUsage } from '../projections/threads/turn-usage.ts';
import { scrubber } from '../scrub/scrub.ts';
import { TurnEndedError, UnknownAgentError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import { loadCall } from './load-call.ts';
import { failed } from './tool-result.ts';
import type { ToolEnd } from './tool-result.ts';
import type { ChildCall, ChildInput, ToolInput, TurnRef } from './types.ts';

/**
 * Asks another agent by a turn of its own. The log comes first: the request stands under an id made of the asking call, so asking
 * again is asking the same, and whoever finds it without a workflow starts it. The ended stream of an asking turn refuses it.
 */
export async function startChild(deps: ActivityDeps, input: ToolInput): Promise<{ readonly started: boolean }> {
  const agent = deps.agents.get(input.agent);
  if (!agent) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  const { turn, call, decision } = await loadCall(deps, input);
  const subAgent = agent.tools.find(({ name }) => name === call.name)?.subAgent;
  if (!subAgent || decision?.decision === 'reject' || decision?.decision === 'respond') return { started: false };
  const depth = (await depthOf(deps, input)) + 1;
  if (depth > agent.limits.maxDepth || turn.branch !== 'main') return { started: false };
  if (unpricedBelow(deps, agent, subAgent) !== null) return { started: false };

  const given = (decision?.decision === 'edit' ? decision.arguments : JSON.parse(call.arguments)) as {
    message: string;
  };
  const child = childRef(input, subAgent.agent);
  const stream = streams.turn(child.turn);
  const parent = { turn: input.turn, step: input.step, ordinal: input.ordinal, depth, waits: subAgent.wait };
  try {
    await deps.store.append(input.tenant, {
      id: commands.requestTurn(child.turn),
      streams: [
        { name: stream, expectedVersion: 'none' },
        { name: streams.turn(input.turn), expectedVersion: 'some' },
      ],
      events: [
        {
          type: 'TurnRequested',
          stream,
          subjects: subjectsOf(turnScope(turn)),
          data: {
            ...{ turn: child.turn, thread: child.thread, branch: child.branch, agent: subAgent.agent, user: turn.user },
            message: given.message,
            occurredAt: new Date().toISOString(),
            parent,
          },
        },
      ],
      readAt: turn.position,
      meta: { actor: `agent:${input.agent}` },
    });
  } catch (error) {
    if (error instanceof StreamSealedError) throw new TurnEndedError(input.turn, 'failed or aborted meanwhile');
    throw error;
  }
  deps.reached('child.recorded', input.turn);
  await deps.closeGoneTurn(child);
  return { started: true };
}

/**
 * Fails with a retryable error until a child has ended or waits for other approvals than those that are known: waiting costs no
 * history. A child whose start was lost is started, and one whose workflow is gone is closed.
 */
export async function awaitChild(
  deps: ActivityDeps,
  { seen, ...input }: ChildInput,
): Promise<{ readonly ended: boolean; readonly waitingFor: readonly string[] }> {
  const id = childTurnId(input.turn, input.step, input.ordinal);
  const tenant = await deps.store.tenantNumber(input.tenant);
  const child = await readViews(deps.pool, tenant, (reader) => findChild(reader, id));
  if (!child || child.ended) return { ended: true, waitingFor: [] };
  const { waitingFor, row } = child;
  if (waitingFor.join() !== seen.join()) return { ended: false, waitingFor };
  await deps.closeGoneTurn(childRef(input, row.agent));
  throw new HoldfastError('CHILD_RUNNING', `Turn "${id}" has not ended.`, { retryable: true });
}

/** How a call ended, and what the child used that it waited for, with the children of that one. */
export type ChildEnd = ToolEnd & { readonly used?: ModelUsage };

/** How the call of a sub-agent ended: with its reply, with its failure, or, when nobody waits any longer, with its abort. */
export async function settleChild(deps: ActivityDeps, input: ToolInput, tool: Tool, turn: TurnRow): Promise<ChildEnd> {
  const { agent = '', wait = true } = tool.subAgent ?? {};
  const ref = childRef(input, agent);
  const tenant = await deps.store.tenantNumber(input.tenant);
  const find = (): Promise<TurnRow | undefined> => readViews(deps.pool, tenant, (reader) => findTurn(reader, ref.turn));
  const child = await find();
  if (!child) return notAsked(deps, input, tool, turn);
  if (!wait) {
    const result = `"${agent}" works on it by itself: turn ${child.turn} in thread ${child.thread}. Its reply does not come back here.`;
    return { outcome: 'ok', code: null, result };
  }
  const end = await endOf(child);
  // Read behind its end: an aborted one may have recorded one more step meanwhile.
  const steps = Array.from({ length: (await find())?.steps ?? 0 }, (_, index) => index + 1);
  const { tokens, costUsd } = await readTurnUsage(deps.store, input.tenant, { turn: child.turn, steps });
  return { ...end, used: { tokens, costUsd } };

  async function endOf({ status, code, reply, detail }: TurnRow): Promise<ToolEnd> {
    const clean = scrubber(tool.scrub);
    switch (status) {
      case 'completed':
        return {
          outcome: 'ok',
          code,
          result: clean(reply ?? '')
            .slice(0, tool.maxResultLength)
            .toWellFormed(),
        };
      case 'failed':
        return failed('SUBAGENT_FAILED', `Agent "${agent}" failed: ${code ?? ''}: ${clean(detail ?? '')}`);
      case 'aborted':
        return failed('SUBAGENT_ABORTED', `Agent "${agent}" was stopped by ${code ?? 'somebody'}: ${detail ?? ''}`);
      case 'running':
      case 'waiting': {
        const reason = `It did not answer within ${tool.timeoutMs} ms.`;
        await deps.abortTurn(ref, { actor: `agent:${input.agent}`, reason });
        return { outcome: 'timed_out', code: 'TOOL_TIMED_OUT', result: `Agent "${agent}" was stopped. ${reason}` };
      }
    }
  }
}

/** Why a child was not asked. */
function notAsked(deps: ActivityDeps, { agent }: ToolInput, { name, subAgent }: Tool, turn: TurnRow): ToolEnd {
  if (turn.branch !== 'main')
    return failed('SUBAGENT_ON_BRANCH', `"${name}" was not asked: other agents are asked on the main branch only.`);
  const asking = deps.agents.get(agent);
  const unpriced = asking && subAgent ? unpricedBelow(deps, asking, subAgent) : null;
  if (unpriced !== null)
    return failed(
      'PRICE_UNKNOWN',
      `"${name}" was not asked: the cost of "${agent}" is limited, and agent "${unpriced}" has no price for its model.`,
    );
  return failed('LIMIT_DEPTH', `"${name}" was not asked: agents may not call agents any deeper than here.`);
}

/** The first agent whose model has no price, among those whose cost would count in a limited one; null when there is none. */
function unpricedBelow(
  deps: ActivityDeps,
  { limits }: Agent,
  { agent, wait }: { readonly agent: string; readonly wait: boolean },
  seen = new Set<string>(),
): string | null {
  const asked = deps.agents.get(agent);
  if (limits.maxCostUsd === null || !wait || !asked || seen.has(agent)) return null;
  if (!((asked.model ?? deps.defaultModel) in asked.limits.prices)) return agent;
  seen.add(agent);
  for (const { subAgent } of asked.tools) {
    const found = subAgent && unpricedBelow(deps, { ...asked, limits }, subAgent, seen);
    if (found) return found;
  }
  return null;
}

/** Aborts children whose asking turn has ended early: nobody waits for them. */
export async function abortChildren(
  deps: ActivityDeps,
  { calls, ...input }: TurnRef & { readonly calls: readonly ChildCall[] },
): Promise<void> {
  const tenant = await deps.store.tenantNumber(input.tenant);
  for (const { step, ordinal } of calls) {
    const id = childTurnId(input.turn, step, ordinal);
    const child = await readViews(deps.pool, tenant, (reader) => findTurn(reader, id));
    if (child?.status !== 'running' && child?.status !== 'waiting') continue;
    const reason = `The turn "${input.turn}" that waited for it has ended.`;
    await deps.abortTurn(
      { ...input, ...childRef({ ...input, step, ordinal }, child.agent) },
      { actor: `agent:${input.agent}`, reason },
    );
  }
}

function childRef(input: TurnRef & ChildCall, agent: string): TurnRef {
  const turn = childTurnId(input.turn, input.step, input.ordinal);
  return { tenant: input.tenant, thread: turn, branch: 'main', turn, agent };
}

async function depthOf({ store }: ActivityDeps, { tenant, turn }: TurnRef): Promise<number> {
  const [request] = await Array.fromAsync(store.readStream(tenant, streams.turn(turn), { to: 1 }));
  return request?.type === 'TurnRequested' ? (request.data.parent?.depth ?? 0) : 0;
}
