import type { Agent } from '../agents/define-agent.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import type { ChatReply } from '../llm/ports.ts';
import type { RecordedToolCall } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { findTakenStep, listAnswered } from '../projections/branches/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { TurnEndedError, UnknownTurnError } from './activity-errors.ts';
import { callEvents } from './call-events.ts';
import type { ActivityDeps } from './deps.ts';
import type { TurnFork } from './fork-rules.ts';
import { followToolRule } from './fork-rules.ts';
import { assertRemembered } from './memory-write.ts';
import { sortCalls } from './sort-calls.ts';
import type { StepInput, StepOutcome } from './types.ts';

/**
 * A step that the fork takes over from the record: no model is called, nothing is copied. Calls whose results the fork does not see,
 * because it left before they came, are handled by its rule for tools.
 */
export async function takeOverStep(
  deps: ActivityDeps,
  input: StepInput,
  agent: Agent,
  fork: TurnFork,
): Promise<StepOutcome> {
  const tenant = await deps.store.tenantNumber(input.tenant);
  const { turn, step, answered, position } = await readViews(deps.pool, tenant, async (reader) => {
    const turn = await findTurn(reader, input.turn);
    const step = await findTakenStep(reader, input, input.step);
    if (!turn || !step) throw new UnknownTurnError(input.turn);
    if (turn.status !== 'running' && turn.status !== 'waiting') throw new TurnEndedError(turn.turn, turn.status);
    await assertRemembered(reader, {
      subjects: subjectsOf(turnScope(turn)),
      since: turn.position,
      command: commands.step(input.turn, input.step),
    });
    return { turn, step, answered: await listAnswered(reader, input, input.step), position: reader.position };
  });
  const taken = { position, done: false, calls: [], blockedBy: null };
  const toolCalls = step.tool_calls as RecordedToolCall[];
  if (toolCalls.every((_, ordinal) => answered.has(ordinal))) return taken;

  const reply: ChatReply = {
    model: step.model,
    text: step.content,
    refusal: null,
    toolCalls,
    finishReason: 'tool_calls',
    usage: { inputTokens: 0, outputTokens: 0 },
  };
  const open = <T extends { readonly ordinal: number }>(calls: readonly T[]): T[] =>
    calls.filter(({ ordinal }) => !answered.has(ordinal));
  // What was allowed on the branch it came from was allowed there: a fork asks.
  const sorted = await sortCalls(agent, input, reply, () => Promise.resolve(null));
  const calls = await followToolRule(
    deps,
    input,
    fork,
    { ...sorted, pending: open(sorted.pending), inline: open(sorted.inline), approvals: open(sorted.approvals) },
    reply,
  );

  const events = callEvents(turn, input.step, calls);
  if (events.length === 0) return { ...taken, calls: calls.pending };
  try {
    const receipt = await deps.store.append<Pick<StepOutcome, 'done' | 'calls'>>(input.tenant, {
      id: commands.step(input.turn, input.step),
      streams: [
        ...(calls.inline.length > 0 ? [{ name: streams.turn(turn.turn), expectedVersion: 'some' as const }] : []),
        ...calls.approvals.map(({ approval }) => ({
          name: streams.approval(approval),
          expectedVersion: 'none' as const,
        })),
      ],
      events,
      readAt: turn.position,
      meta: { actor: 'holdfast:fork', step: input.step },
      result: { done: false, calls: calls.pending },
    });
    return { ...taken, ...receipt.result, position: receipt.lastPosition };
  } catch (error) {
    if (error instanceof StreamSealedError) throw new TurnEndedError(input.turn, 'failed or aborted meanwhile');
    throw error;
  }
}
