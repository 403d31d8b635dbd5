import { expect, test } from 'vitest';
import { settleApproval } from '../../activities/settle-approval.ts';
import { streams } from '../../memory/keys.ts';
import { requestTurn } from '../support/request-turn.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();

test('a turn that was started again is told what is left of the first deadline', async () => {
  const { store, pool } = database;
  const ref = { thread: 't', branch: 'main', turn: 'asks' };
  const approval = 'asks.1.0';
  await requestTurn(store, { ...ref, message: 'm', agent: 'a' });
  await store.append('default', {
    id: 'turn/asks/step/1',
    streams: [{ name: streams.approval(approval), expectedVersion: 'none' }],
    events: [
      {
        type: 'ApprovalRequested',
        stream: streams.approval(approval),
        data: {
          ...ref,
          ...{ approval, step: 1, ordinal: 0, call: 'c', tool: 'pay', arguments: {}, argumentsHash: 'h' },
          ...{ argumentsSchema: {}, reason: 'pays', risk: 'high' as const, onTimeout: 'reject' as const },
          deadline: new Date(Date.now() + 60_000).toISOString(),
        },
      },
    ],
  });
  const input = { ...ref, tenant: 'default', agent: 'a', approval, isExpired: false };
  const { isDecided, moreMs } = await settleApproval({ store, pool, agents: new Map(), log: () => undefined }, input);
  expect(isDecided).toBe(false);
  expect(moreMs).toBeGreaterThan(1_000);
  expect(moreMs).toBeLessThanOrEqual(60_000);
});
