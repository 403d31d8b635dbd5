import { StreamSealedError } from '../eventstore/index.ts';
import type { TurnRef } from '../activities/types.ts';
import { commands, streams } from '../memory/keys.ts';
import { userSubject } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import { findTurn, listTurns } from '../projections/threads/queries.ts';
import { findSteered } from '../projections/working/queries.ts';
import type { ClientContext, SendTurn } from './send-turn.ts';

/**
 * Puts a message into the turn that its branch is at, to be read by the turn's next step, and gives that turn; a repeat finds it there.
 * Gives null when the message has to be a turn of its own: nothing runs, the running turn is
 * another user's or another agent's, it was sent as a turn before, or the turn it was put into failed
 * or was aborted before a step read it.
 */
export async function steerTurn(
  context: ClientContext,
  request: SendTurn & { readonly turn: string },
): Promise<TurnRef | null> {
  const { thread, branch = 'main', user = null, agent, turn: key, message, occurredAt = new Date() } = request;
  const { tenant, store, pool } = context;
  const number = await store.tenantNumber(tenant);
  for (;;) {
    const { steered, running, isTurn } = await readViews(pool, number, async (reader) => {
      const [put, own, [first]] = await Promise.all([
        findSteered(reader, { thread, key }),
        findTurn(reader, key),
        // The oldest is at work; the others wait for it.
        listTurns(reader, { thread, branch, open: true }),
      ]);
      return { steered: put, isTurn: own !== undefined, running: first };
    });
    if (isTurn) return null;
    if (steered) return steered.isLost ? null : { tenant, thread, branch, turn: steered.turn, agent: steered.agent };
    if (!running) return null;
    // A turn is one user's, whose memory it feeds and with whom it is forgotten, and one agent's.
    if (running.user !== user || running.agent !== agent) return null;
    const stream = streams.turn(running.turn);
    try {
      await store.append(tenant, {
        id: commands.steer(key),
        streams: [{ name: stream, expectedVersion: 'some' }],
        events: [
          {
            type: 'MessageSteered',
            stream,
            subjects: user === null ? [] : [userSubject(user)],
            data: {
              ...{ thread, branch, turn: running.turn, key, user, message },
              occurredAt: occurredAt.toISOString(),
            },
          },
        ],
        meta: { actor: user === null ? 'client' : userSubject(user) },
      });
      return { tenant, thread, branch, turn: running.turn, agent: running.agent };
    } catch (error) {
      // It ended meanwhile: look again.
      if (!(error instanceof StreamSealedError)) throw error;
    }
  }
}
