import type { EventStore } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { commands, streams } from '../../memory/keys.ts';

/** Puts a message in the log as `turns.send` does, and stops there: a client that died before it started the turn. */
export async function requestTurn(
  store: EventStore<MemoryEvent>,
  {
    turn,
    thread,
    message,
    agent,
    user = null,
  }: {
    readonly turn: string;
    readonly thread: string;
    readonly message: string;
    readonly agent: string;
    readonly user?: string | null;
  },
): Promise<void> {
  const stream = streams.turn(turn);
  await store.append('default', {
    id: commands.requestTurn(turn),
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: [
      {
        type: 'TurnRequested',
        stream,
        subjects: user === null ? [] : [`user:${user}`],
        data: { turn, thread, branch: 'main', agent, user, message, occurredAt: new Date().toISOString() },
      },
    ],
  });
}
