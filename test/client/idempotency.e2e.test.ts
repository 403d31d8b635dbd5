import { describe, expect, test, vi } from 'vitest';
import { createClient, HoldfastError, UnknownSubjectError } from '../../client/index.ts';
import type { HoldfastClient } from '../../client/index.ts';
import { testKeyWrapper } from '../support/test-schema.ts';
import { readLog } from '../support/read-log.ts';
import { silentServer } from '../support/silent-server.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { approvingAgent } from '../workflows/fixtures/agents.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
const rig = withRig(database, [approvingAgent]);

const ask = 'Use the tool ask_first with {"note": "x"}';
const by = { actor: 'mia', reason: 'asked for' };

async function requested(turn: string, message: string, user = 'ana') {
  return rig.client.turns.send({ turn, thread: turn, user, message, agent: 'approving' });
}

/** What the log holds besides what workers still write about turns that ended. */
async function written(): Promise<string[]> {
  return (await readLog(database.admin)).map(({ type }) => type).filter((type) => !/^(Extraction|History)/.test(type));
}

interface Write {
  readonly name: string;
  readonly prepare?: () => Promise<unknown>;
  readonly write: (client: HoldfastClient) => Promise<unknown>;
  /** What of the answer must be the same. @default all */
  readonly same?: (answer: never) => unknown;
  /** Ends the turn, so that no worker writes while the test counts. */
  readonly until?: () => Promise<unknown>;
}

const settled = async (turn: string) =>
  until(`${turn} has ended`, async () =>
    (await rig.client.turns.get(turn)).status === 'completed' ? true : undefined,
  );

const writes: readonly Write[] = [
  {
    name: 'turns.send',
    write: (client) => client.turns.send({ turn: 'i-send', thread: 't', message: 'Hello', agent: 'approving' }),
  },
  {
    name: 'turns.cancel',
    prepare: () => requested('i-cancel', ask),
    write: (client) => client.turns.cancel('i-cancel', by),
  },
  {
    name: 'approvals.decide',
    prepare: () => requested('i-decide', ask),
    write: async (client) => {
      const outcome = await client.approvals.decide({ approval: 'i-decide.1.0', decision: 'approve', ...by });
      await settled('i-decide');
      return outcome;
    },
    same: ({ applied, approval }: { applied: boolean; approval: { decision: unknown } }) => [
      applied,
      approval.decision,
    ],
  },
  {
    name: 'approvals.decideAll',
    prepare: () => requested('i-all', ask),
    write: async (client) => {
      const [result] = await client.approvals.decideAll([{ approval: 'i-all.1.0', decision: 'reject', ...by }]);
      await settled('i-all');
      return result;
    },
    same: ({ outcome }: { outcome: { applied: boolean } }) => outcome.applied,
  },
  {
    name: 'checkpoints.fork',
    prepare: () => requested('i-fork', 'Hello'),
    write: (client) =>
      client.checkpoints.fork({
        thread: 'i-fork',
        name: 'other',
        at: { turn: 'i-fork', step: 0 },
        change: { message: 'Goodbye' },
      }),
  },
  {
    name: 'memory.editBlock',
    write: (client) =>
      client.memory.editBlock({
        ...{ scope: { user: 'ana' }, label: 'tone', description: 'How to talk.', value: 'short', expectedValue: null },
        ...by,
      }),
  },
];

describe('a write that is repeated, from another client, writes nothing and gives the same', () => {
  test.for(writes)('$name', async ({ prepare, write, same = (answer: never): unknown => answer }) => {
    await prepare?.();
    const before = await written();
    const first = await write(rig.client);
    const after = await written();
    expect(after.length).toBeGreaterThan(before.length);
    const again = await write(await rig.anotherClient());
    expect(same(again as never)).toEqual(same(first as never));
    expect(await written()).toEqual(after);
  });

  test('memory.forget', async () => {
    await requested('i-forget', 'I live in Lisbon.', 'gone');
    await until('nothing is written about it any more', async () =>
      rig.client.turns.history('i-forget').catch(() => undefined),
    );
    await rig.client.memory.forget({ user: 'gone', ...by });
    const after = (await readLog(database.admin)).length;
    const again = await rig.client.memory.forget({ user: 'gone', ...by }).catch((error: unknown) => error);
    if (again instanceof HoldfastError) expect(again).toBeInstanceOf(UnknownSubjectError);
    expect((await readLog(database.admin)).length - after).toBeLessThanOrEqual(1);
    await expect(rig.client.memory.forget({ user: 'nobody', ...by })).rejects.toThrow(UnknownSubjectError);
  });
});

describe('deadlines and signals', () => {
  test('of calls that tell a workflow: what is recorded stands, and nobody waits for a server that says nothing', async ({
    onTestFinished,
  }) => {
    await requested('d-decide', ask);
    await requested('d-cancel', ask);
    const silent = await silentServer();
    onTestFinished(() => silent.close());
    const client = await createClient({
      database: { url: database.url },
      keyWrapper: testKeyWrapper,
      temporal: { address: silent.address, taskQueue: rig.taskQueue },
    });
    onTestFinished(() => client.close());
    const how = { timeoutMs: 500 };
    const decided = await client.approvals.decide({ approval: 'd-decide.1.0', decision: 'reject', ...by }, how);
    expect(decided).toMatchObject({ applied: true, told: false });
    expect(await client.turns.cancel('d-cancel', by, how)).toMatchObject({ applied: true, told: false });
    const reason = new Error('enough');
    const gone = { signal: AbortSignal.abort(reason) };
    await expect(client.turns.cancel('d-cancel', by, gone)).rejects.toBe(reason);
    await expect(client.approvals.decideAll([], gone)).rejects.toBe(reason);
    await expect(
      client.turns.send({ thread: 't', turn: 'd-never', message: 'Hello', agent: 'approving' }, gone),
    ).rejects.toBe(reason);
    await expect(client.turns.get('d-never')).rejects.toMatchObject({ code: 'TURN_NOT_FOUND' });
  });

  test('of result: the time is up, the turn is given as it stands; the signal throws its reason', async () => {
    await requested('d-result', ask);
    expect(await rig.client.turns.result('d-result', { timeoutMs: 0 })).toMatchObject({ status: 'waiting' });
    rig.script(() => ({ kind: 'hang' }));
    const request = { thread: 't2', turn: 'd-hangs', message: 'Hello', agent: 'approving' };
    expect(await rig.client.turns.send(request, { timeoutMs: 200 })).toMatchObject({ status: 'running' });
    const reason = new Error('enough');
    const stopping = new AbortController();
    const waiting = rig.client.turns.result('d-hangs', { signal: stopping.signal });
    stopping.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    rig.script(undefined);
    await rig.client.turns.cancel('d-hangs', by);
  });
});
