import type { Agent } from '../agents/define-agent.ts';
import { validateArguments } from '../agents/schema.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import type { ToolCompleted } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { ActivityDeps } from './deps.ts';
import { loadCall } from './load-call.ts';
import { missingTool } from './missing-tool.ts';
import type { ActivityScope } from './run-activity.ts';
import { limitCode, TurnEndedError, UnknownAgentError } from './activity-errors.ts';
import { settleChild } from './sub-agents.ts';
import type { ChildEnd } from './sub-agents.ts';
import { failed, readToolResult, threw } from './tool-result.ts';
import { wallMsNow } from './turn-limits.ts';
import type { ToolInput } from './types.ts';

/** How often a repeatable tool is tried before its failure is the result. */
const maxAttempts = 3;

type Completed = ChildEnd & Pick<ToolCompleted['data'], 'arguments'>;

/**
 * Runs one tool call and commits its outcome. A recorded outcome is final. Tools that are not repeatable are never started a
 * second time: after a crash in the middle the model is told that the outcome is unknown.
 */
export async function runTool(deps: ActivityDeps, input: ToolInput, scope: ActivityScope): Promise<void> {
  const effectKey = commands.tool(input.turn, input.step, input.ordinal);
  if (await deps.store.readCommand(input.tenant, effectKey)) return;
  const found = deps.agents.get(input.agent);
  if (!found) throw new UnknownAgentError(input.agent, [...deps.agents.keys()]);
  const agent: Agent = found;
  const { turn, call, decision } = await loadCall(deps, input);

  const stream = streams.turn(input.turn);
  const place = { thread: turn.thread, branch: turn.branch, turn: turn.turn, step: input.step, ordinal: input.ordinal };
  const started = performance.now();
  try {
    const { used, ...completed } = await complete();
    deps.reached('tool.executed', input.turn);
    await deps.store.append(input.tenant, {
      id: effectKey,
      streams: [{ name: stream, expectedVersion: 'some' }],
      events: [
        {
          type: 'ToolCompleted',
          stream,
          subjects: subjectsOf(turnScope(turn)),
          data: {
            ...place,
            call: call.id,
            tool: call.name,
            ...completed,
            effectKey,
            durationMs: Math.round(performance.now() - started),
          },
        },
      ],
      readAt: turn.position,
      meta: { actor: `tool:${call.name}`, approval: input.approval },
      ...(used ? { result: { used } } : {}),
    });
  } catch (error) {
    if (error instanceof StreamSealedError) throw new TurnEndedError(input.turn, 'failed or aborted meanwhile');
    throw error;
  }
  deps.reached('tool.committed', input.turn);

  async function complete(): Promise<Completed> {
    const given: unknown =
      decision?.decision === 'edit' ? decision.arguments : JSON.parse(call.arguments === '' ? '{}' : call.arguments);
    return { arguments: given, ...(await settle(given)) };
  }

  async function settle(given: unknown): Promise<ChildEnd> {
    if (decision?.decision === 'reject') {
      const why = decision.timedOut ? 'nobody decided in time' : (decision.reason ?? 'no reason was given');
      return { outcome: 'rejected', code: 'REJECTED', result: `Rejected by ${decision.actor}: ${why}` };
    }
    if (decision?.decision === 'respond') return { outcome: 'ok', code: 'RESPONDED', result: decision.message ?? '' };
    const tool = agent.tools.find(({ name }) => name === call.name);
    if (!tool) return missingTool(agent, call.name);
    if (tool.subAgent !== null) return settleChild(deps, input, tool, turn);
    if (!tool.repeatable && !(await isFirstStart())) {
      return failed(
        'OUTCOME_UNKNOWN',
        `The outcome is unknown: the worker stopped while "${tool.name}" ran, and it must not run twice. Check before trying again.`,
      );
    }
    const { maxWallMs } = agent.limits;
    const left =
      maxWallMs === null ? Infinity : Math.max(1, Math.ceil(maxWallMs - wallMsNow(input.wallMs ?? 0, scope)));
    const timeout = AbortSignal.timeout(Math.min(tool.timeoutMs, left));
    let result: unknown;
    try {
      const value = await validateArguments(tool.name, tool.input, given);
      result = await untilAborted(
        timeout,
        Promise.resolve(
          tool.execute(value, {
            effectKey: `${input.tenant}/${effectKey}`,
            tenant: input.tenant,
            thread: input.thread,
            turn: input.turn,
            user: turn.user,
            signal: AbortSignal.any([scope.signal, timeout]),
          }),
        ),
      );
    } catch (error) {
      if (scope.signal.aborted) throw error;
      if (timeout.aborted && left < tool.timeoutMs) {
        const words = `"${tool.name}" was given up: the turn's time was up.`;
        return { outcome: 'timed_out', code: limitCode('wall_time'), result: words };
      }
      if (timeout.aborted) {
        const words = `"${tool.name}" did not answer within ${tool.timeoutMs} ms.`;
        return { outcome: 'timed_out', code: 'TOOL_TIMED_OUT', result: words };
      }
      const isFinal = error instanceof HoldfastError && !error.retryable;
      if (tool.repeatable && !isFinal && scope.attempt < maxAttempts) {
        throw new HoldfastError(
          'TOOL_FAILED',
          `Tool "${tool.name}" failed; it is repeatable and will be tried again.`,
          {
            retryable: true,
            cause: error,
          },
        );
      }
      return threw(tool, error);
    }
    return readToolResult(tool, result);
  }

  /** The log remembers that the tool was started, whatever attempt, run or worker asks: only the first may go on. */
  async function isFirstStart(): Promise<boolean> {
    // Ours even if the connection broke after the commit and the store asked again.
    const start = { start: crypto.randomUUID() };
    const receipt = await deps.store.append<typeof start>(input.tenant, {
      result: start,
      id: commands.toolStarted(input.turn, input.step, input.ordinal),
      streams: [{ name: stream, expectedVersion: 'some' }],
      events: [
        {
          type: 'ToolStarted',
          stream,
          data: {
            ...place,
            tool: call.name,
            effectKey,
          },
        },
      ],
      meta: { actor: `tool:${call.name}` },
    });
    return receipt.result.start === start.start;
  }
}

async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new Error('timed out'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
