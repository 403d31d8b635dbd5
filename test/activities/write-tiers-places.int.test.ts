import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decidePending } from '../../client/pending.ts';
import type { ClientContext } from '../../client/send-turn.ts';
import { forgetUser } from '../../client/forget-user.ts';
import type { Scope } from '../../memory/scope.ts';
import { decideTiers } from '../../projections/decide-tiers.ts';
import { listPending } from '../../projections/proposals/queries.ts';
import { readViews } from '../../projections/read-views.ts';
import { listFacts } from '../../projections/semantic/queries.ts';
import { tablesWith } from '../support/find-text.ts';
import { countTypes, readLog } from '../support/read-log.ts';
import { holdLogHead } from '../support/hold-log-head.ts';
import { testKeyWrapper } from '../support/test-schema.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
// Temporal is no part of deciding.
const context = (): ClientContext =>
  ({ tenant: 'default', store: database.store, pool: database.pool }) as Partial<ClientContext> as ClientContext;
const queue = {
  preference: 'queue',
  fact: 'queue',
  task_state: 'queue',
  feedback: 'queue',
  procedure: 'queue',
} as const;

let proposals = 0;
/** Has a memory of a scope wait, as an extraction would; gives its id. */
async function propose(scope: Scope, value: string): Promise<string> {
  const tenant = await database.store.tenantNumber('default');
  const key = `proposed-${(proposals += 1)}`;
  const write = await readViews(database.pool, tenant, (reader) =>
    decideTiers(reader, {
      ...{ scope, trust: 'direct_user', key, agent: 'support', writes: queue },
      proposals: [
        {
          ...{ action: 'assert', target: null, kind: 'fact', subject: 'user', relation: 'likes', value, confidence: 1 },
          ...{ text: `The user likes ${value}.`, validFrom: '2026-05-01T10:00:00.000Z' },
          source: { thread: 't', branch: 'main', turn: key, quote: `I like ${value}.` },
        },
      ],
    }),
  );
  await database.store.append('default', {
    id: key,
    streams: [{ name: write.stream, expectedVersion: write.expectedVersion }],
    events: write.events,
  });
  return write.outcomes[0]?.id ?? '';
}

async function seen(scope: Scope): Promise<{ waiting: string[]; known: string[] }> {
  const tenant = await database.store.tenantNumber('default');
  return readViews(database.pool, tenant, async (reader) => ({
    waiting: (await listPending(reader, { scope })).map(({ value }) => value),
    known: (await listFacts(reader, { reader: scope })).map(({ value }) => value),
  }));
}

test('what waits in a fork waits there only, and is written there only', async () => {
  const [main, fork] = [{ user: 'ana' }, { user: 'ana', fork: 't/what-if' }];
  await propose(main, 'tea');
  const proposal = await propose(fork, 'jazz');
  expect([await seen(main), await seen(fork)]).toEqual([
    { waiting: ['tea'], known: [] },
    { waiting: ['jazz'], known: [] },
  ]);
  await decidePending(context(), proposal, { actor: 'lead', reason: 'r', decision: 'approve' });
  expect([await seen(main), await seen(fork)]).toEqual([
    { waiting: ['tea'], known: [] },
    { waiting: [], known: ['jazz'] },
  ]);
});

test('of a forgotten user nothing waits any more, and nothing can be approved', async () => {
  const secret = 'quaternions';
  const proposal = await propose({ user: 'bo' }, secret);
  const decided = await propose({ user: 'bo' }, `${secret} and tea`);
  await decidePending(context(), decided, { actor: 'lead', reason: secret, decision: 'approve' });
  expect(await tablesWith(database.admin, secret)).not.toEqual([]);
  await forgetUser(
    { adminUrl: database.url, tenant: 'default', keyWrapper: testKeyWrapper },
    { user: 'bo', actor: 'dpo', reason: 'asked' },
  );
  expect(await seen({ user: 'bo' })).toEqual({ waiting: [], known: ['[forgotten]'] });
  expect(await tablesWith(database.admin, secret)).toEqual([]);
  await expect(
    decidePending(context(), proposal, { actor: 'lead', reason: 'r', decision: 'approve' }),
  ).rejects.toMatchObject({ code: 'PROPOSAL_NOT_FOUND' });
});

test('a process that dies between its decision and the commit leaves all of it or nothing, and a repeat ends it', async () => {
  const proposal = await propose({ user: 'cy' }, 'chess');
  const head = await holdLogHead(database.admin);
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'fixtures', 'approve-pending.ts'), database.url, proposal],
    { stdio: 'inherit' },
  );
  const waits = async (): Promise<number | undefined> => {
    const { rows } = await database.admin.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and query like '%append_commands%'`,
    );
    return rows[0]?.pid;
  };
  const backend = await until('the approval waits for the log', waits);
  // Decided, sent, not committed: the process and its session go.
  child.kill('SIGKILL');
  await once(child, 'exit');
  await database.admin.query('select pg_terminate_backend($1)', [backend]);
  await head.release();
  expect(await seen({ user: 'cy' })).toEqual({ waiting: ['chess'], known: [] });

  const outcome = await decidePending(context(), proposal, { actor: 'lead', reason: 'r', decision: 'approve' });
  const again = await decidePending(context(), proposal, { actor: 'mia', reason: 'r', decision: 'reject' });
  expect(again).toEqual({ ...outcome, applied: false });
  expect(await seen({ user: 'cy' })).toEqual({ waiting: [], known: ['chess'] });
  const own = (await readLog(database.admin)).filter((event) => JSON.stringify(event).includes(proposal));
  expect(countTypes(own)).toMatchObject({ MemoryProposed: 1, ProposalDecided: 1 });
});
