import { expect, test } from 'vitest';
import { StreamSealedError } from '../../eventstore/index.ts';
import { childTurnId, streams } from '../../memory/keys.ts';
import { turnEndCommand } from '../../memory/turn-end.ts';
import { requestTurn } from '../support/request-turn.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();

test('a turn that has ended asks nobody any more: its sealed stream refuses the request of a child', async () => {
  const { store } = database;
  await requestTurn(store, { turn: 'asking', thread: 't', message: 'm', agent: 'a' });
  const ref = { turn: 'asking', thread: 't', branch: 'main' };
  await store.append('default', turnEndCommand(ref, { status: 'aborted', actor: 'mia', reason: 'enough' }));
  const child = childTurnId('asking', 1, 0);
  const stream = streams.turn(child);
  const asked = store.append('default', {
    id: `turn/${child}`,
    streams: [
      { name: stream, expectedVersion: 'none' },
      { name: streams.turn('asking'), expectedVersion: 'some' },
    ],
    events: [
      {
        type: 'TurnRequested',
        stream,
        data: {
          ...{ turn: child, thread: child, branch: 'main', agent: 'b', user: null, message: 'm' },
          occurredAt: new Date().toISOString(),
          parent: { turn: 'asking', step: 1, ordinal: 0, depth: 1, waits: true },
        },
      },
    ],
  });
  await expect(asked).rejects.toThrow(StreamSealedError);
});
