import type { FilledLimits } from '../agents/agent-limits.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import type { EventStore } from '../eventstore/index.ts';
import { ModelError } from '../llm/model-error.ts';
import type { ChatReply } from '../llm/ports.ts';
import type { LimitName, MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { estimateTokens } from '../memory/text.ts';
import { LimitError } from './activity-errors.ts';
import type { ActivityScope } from './run-activity.ts';
import type { Spent, StepInput } from './types.ts';

/** What a turn has used before its first step. */
export const nothingSpent: Spent = { toolCalls: 0, tokens: 0, costUsd: 0, wallMs: 0 };

/** A guard that a turn would go past. */
export interface Breach {
  readonly limit: LimitName;
  readonly allowed: number;
  readonly used: number;
}

/**
 * Gives the guard that a turn goes past by calling the model once more, or null.
 * @param steps model calls made so far
 */
export function breachOf(limits: FilledLimits, steps: number, spent: Spent): Breach | null {
  const { maxSteps, maxToolCalls, maxTokens, maxCostUsd, maxWallMs } = limits;
  if (spent.toolCalls > maxToolCalls) return { limit: 'tool_calls', allowed: maxToolCalls, used: spent.toolCalls };
  if (maxTokens !== null && spent.tokens > maxTokens)
    return { limit: 'tokens', allowed: maxTokens, used: spent.tokens };
  if (maxCostUsd !== null && spent.costUsd > maxCostUsd)
    return { limit: 'cost', allowed: maxCostUsd, used: spent.costUsd };
  if (maxWallMs !== null && spent.wallMs >= maxWallMs)
    return { limit: 'wall_time', allowed: maxWallMs, used: Math.round(spent.wallMs) };
  if (steps >= maxSteps) return { limit: 'steps', allowed: maxSteps, used: steps };
  return null;
}

/** What a turn has used after one more model call. Where the server counted no tokens, they are estimated: a guard must hold. */
export function addReply(
  spent: Spent,
  {
    reply,
    promptTokens,
    price,
  }: { readonly reply: ChatReply; readonly promptTokens: number; readonly price: Price | null },
): Spent {
  const counted = reply.usage.inputTokens + reply.usage.outputTokens > 0;
  const written = [reply.text ?? reply.refusal ?? '', ...reply.toolCalls.map((call) => call.arguments)].join('');
  const input = counted ? reply.usage.inputTokens : promptTokens;
  const output = counted ? reply.usage.outputTokens : estimateTokens(written);
  const cost = price === null ? 0 : (input * price.inputPerMillion + output * price.outputPerMillion) / 1_000_000;
  return {
    ...spent,
    toolCalls: spent.toolCalls + reply.toolCalls.length,
    tokens: spent.tokens + input + output,
    // A billionth of a dollar is enough, and sums stay readable.
    costUsd: Number((spent.costUsd + cost).toFixed(9)),
  };
}

type Price = FilledLimits['prices'][string];

/** The price of a model, or null where no cost is guarded. Throws HoldfastError PRICE_UNKNOWN before anything is spent. */
export function priceOf({ maxCostUsd, prices }: FilledLimits, model: string): Price | null {
  const price = prices[model];
  if (price !== undefined) return price;
  if (maxCostUsd === null) return null;
  throw new HoldfastError(
    'PRICE_UNKNOWN',
    `The agent's cost is limited, but \`limits.prices\` has no price for the model "${model}"; it knows ${Object.keys(prices).join(', ')}.`,
    { hint: 'Add the price of the model to the agent, or take `maxCostUsd` out.' },
  );
}

/**
 * Runs a part of a turn within the wall time that is left to it. Throws LimitError when the time is up, and also at once when a
 * server asks to wait longer than that: nobody waits for what cannot happen.
 */
export async function withinWallTime<T>(
  { limits, wallMs, scope }: { readonly limits: FilledLimits; readonly wallMs: number; readonly scope: ActivityScope },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { maxWallMs } = limits;
  if (maxWallMs === null) return run(scope.signal);
  const left = Math.max(1, Math.ceil(maxWallMs - wallMs));
  // Timers hold at most 2^31-1 ms.
  const time = AbortSignal.timeout(Math.min(left, 2_147_483_647));
  try {
    return await run(AbortSignal.any([scope.signal, time]));
  } catch (error) {
    if (scope.signal.aborted) throw error;
    const isLonger = error instanceof ModelError && error.retryable && (error.retryAfterMs ?? 0) > left;
    if (!time.aborted && !isLonger) throw error;
    throw new LimitError({ limit: 'wall_time', allowed: maxWallMs, used: maxWallMs });
  }
}

/** Milliseconds of work of a turn by now: what it had used when the activity was first scheduled, and the time since. */
export function wallMsNow(wallMs: number, { scheduledAt }: ActivityScope): number {
  return wallMs + Math.max(0, Date.now() - scheduledAt);
}

/** Ends a turn at a guard: the event that says so and the turn's failure in one command. Throws the LimitError in any case. */
export async function endAtLimit(
  { store }: { readonly store: EventStore<MemoryEvent> },
  { tenant, thread, branch, turn, step }: StepInput,
  { limit, allowed, used }: Breach,
): Promise<never> {
  const error = new LimitError({ limit, allowed, used });
  const stream = streams.turn(turn);
  const ref = { thread, branch, turn };
  try {
    await store.append(tenant, {
      id: commands.terminal(turn),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [
        { type: 'LimitReached', stream, data: { ...ref, step, limit, allowed, used } },
        {
          type: 'TurnFailed',
          stream,
          data: { ...ref, code: error.code, message: `${error.message} ${error.hint ?? ''}` },
        },
      ],
      meta: { actor: 'holdfast:limit' },
    });
  } catch (sealed) {
    // It had ended before: that end stands.
    if (!(sealed instanceof StreamSealedError)) throw sealed;
  }
  throw error;
}
