import { ExpectedVersionConflictError, StreamSealedError } from '../eventstore/index.ts';
import type { TurnRef } from '../activities/types.ts';
import { commands, streams } from '../memory/keys.ts';
import { forgottenText } from '../memory/personal-fields.ts';
import { userSubject } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import { findTurn, listTurns } from '../projections/threads/queries.ts';
import { findSteered } from '../projections/working/queries.ts';
import { TurnIdTakenError } from './client-errors.ts';
import { checkRequest } from './request-turn.ts';
import type { ClientContext, SendTurn } from './send-turn.ts';

/** Where a message for a running turn went. */
export type Steered =
  | { readonly into: TurnRef }
  /** It has to be a turn of its own; 'unread': it was put into one that failed or was aborted before a step read it. */
  | { readonly alone: 'nothing' | 'unread' };

/**
 * Puts a message into the turn that its branch is at, to be read by the turn's next step, and gives that turn; a repeat finds it there.
 * The message has to be a turn of its own when nothing runs, when the running turn is another user's or another agent's, and when it
 * was sent as a turn before. Throws InvalidTurnError, TurnIdTakenError and the errors of the store.
 */
export async function steerTurn(
  context: ClientContext,
  request: SendTurn & { readonly turn: string },
): Promise<Steered> {
  checkRequest(request);
  const { thread, branch = 'main', user = null, agent, turn: key, message, occurredAt = new Date() } = request;
  const { tenant, store, pool } = context;
  const number = await store.tenantNumber(tenant);
  for (;;) {
    const { put, running, isTurn } = await readViews(pool, number, async (reader) => {
      const [steered, own, [first]] = await Promise.all([
        findSteered(reader, key),
        findTurn(reader, key),
        // The oldest is at work; the others wait for it.
        listTurns(reader, { thread, branch, open: true }),
      ]);
      return { put: steered, isTurn: own !== undefined, running: first };
    });
    if (isTurn) return { alone: put ? 'unread' : 'nothing' };
    if (put) {
      const isSame =
        (put.message === message || put.message === forgottenText) &&
        put.thread === thread &&
        put.branch === branch &&
        put.user === user &&
        put.agent === agent;
      if (!isSame) throw new TurnIdTakenError(key, put.thread);
      return put.isLost ? { alone: 'unread' } : { into: { tenant, thread, branch, turn: put.turn, agent } };
    }
    if (!running) return { alone: 'nothing' };
    // A turn is one user's, whose memory it feeds and with whom it is forgotten, and one agent's.
    if (running.user !== user || running.agent !== agent) return { alone: 'nothing' };
    const stream = streams.turn(running.turn);
    try {
      const { replayed } = await store.append(tenant, {
        id: commands.requestTurn(key),
        streams: [
          { name: stream, expectedVersion: 'some' },
          // Turns that forks and other agents begin have commands of their own.
          { name: streams.turn(key), expectedVersion: 'none' },
        ],
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
      // Sent by somebody else meanwhile, as a turn or into one.
      if (replayed) continue;
      return { into: { tenant, thread, branch, turn: running.turn, agent: running.agent } };
    } catch (error) {
      // That turn ended meanwhile, or the key is a turn by now: look again.
      if (!(error instanceof StreamSealedError || error instanceof ExpectedVersionConflictError)) throw error;
    }
  }
}
