import type { EventStore } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { userSubject } from '../../memory/subject.ts';

/** A turn that called tools, to be put in a log. */
export interface GivenTurn {
  readonly turn: string;
  readonly user: string;
  readonly agent: string;
  readonly message: string;
  readonly tools: readonly string[];
  /** Of the last tool. @default 'ok' */
  readonly outcome?: 'ok' | 'failed';
  /** @default 'main' */
  readonly branch?: string;
}

/** Puts turns that called tools into a log as their workers would have: request, results, end. */
export async function workTurns(
  store: EventStore<MemoryEvent>,
  turns: readonly GivenTurn[],
  tenant = 'default',
): Promise<void> {
  for (const { turn, user, agent, message, tools, outcome = 'ok', branch = 'main' } of turns) {
    const ref = { thread: `thread of ${turn}`, branch, turn };
    const events: MemoryEvent[] = [
      {
        type: 'TurnRequested',
        data: { ...ref, agent, user, message, occurredAt: '2026-05-30T10:00:00.000Z' },
      },
      ...tools.map((tool, index): MemoryEvent => ({
        type: 'ToolCompleted',
        data: {
          ...{ ...ref, step: index + 1, ordinal: 0, call: `c${index}`, tool, code: null },
          outcome: index === tools.length - 1 ? outcome : 'ok',
          ...{
            arguments: { order: turn, reason: 'broken' },
            result: 'done',
            effectKey: `${turn}/${index}`,
            durationMs: 1,
          },
        },
      })),
      { type: 'TurnCompleted', data: { ...ref, steps: tools.length + 1 } },
    ];
    const stream = streams.turn(turn);
    await store.append(tenant, {
      id: `given/${turn}`,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: events.map((event) => ({ ...event, stream, subjects: [userSubject(user)] })),
    });
  }
}
