import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { invariants } from '../../chaos/check/invariants.ts';
import type { Payment, Subject, Violation } from '../../chaos/check/subject.ts';
import { applySabotage } from '../../chaos/sabotage.ts';
import { crashAgents } from '../../chaos/crash-agents.ts';
import { operationOf } from '../../chaos/history.ts';
import type { Entry, Facts, Operation, WorkKind } from '../../chaos/history.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { startDemoModel } from '../../llm/demo-model/server.ts';
import { testKeyWrapper } from '../support/test-schema.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { copyOf, plants } from './plants.ts';

const shop = await startDemoModel();
const shopUrl = shop.url.replace(/\/v1$/, '');
const database = withDatabase();
const worker = withWorker(database, { agents: crashAgents(shopUrl) });

const noExports = { exports: { tenant: 'default', folders: [] } };
const operations: Operation[] = [];
let payments: Payment[] = [];
let folder = '';

/** Asks for something and keeps the history of it, as clients of a run do. */
async function perform(kind: WorkKind, op: string, facts: Facts, ask: () => Promise<Facts>): Promise<Facts> {
  const line = { op, kind, attempt: 1, ...facts };
  const asked: Entry = { ...line, what: 'asked', at: performance.now() };
  const told = await ask();
  operations.push(operationOf([asked, { ...line, ...told, what: 'acknowledged', at: performance.now() }]));
  return told;
}

async function send(kind: WorkKind, turn: string, agent: string, message: string, facts: Facts = {}): Promise<Facts> {
  const thread = `thread-${turn}`;
  const user = `user-${turn}`;
  return perform(kind, turn, { turn, thread, user, ...facts }, async () => {
    const { status, reply, waitingFor } = await worker.client.turns.send({ turn, thread, user, agent, message });
    return { status, reply, ...(waitingFor[0] === undefined ? {} : { approval: waitingFor[0] }) };
  });
}

/** Runs one invariant inside a transaction in which something was planted; nothing of it stays. */
async function check(
  id: string,
  planted: readonly string[] | ((query: Subject['query']) => Promise<void>) = [],
  changes: Partial<Subject> = {},
): Promise<Violation[]> {
  const invariant = invariants.find((one) => one.id === id);
  if (!invariant) throw new Error(`There is no invariant ${id}.`);
  const client = await database.admin.connect();
  const query: Subject['query'] = async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows;
  try {
    await query('begin');
    if (typeof planted === 'function') await planted(query);
    else for (const sql of planted) await query(sql);
    const number = async (tenant: string): Promise<number> =>
      (await query<{ no: number }>('select no from holdfast.tenant where id = $1', [tenant]))[0]?.no ?? 0;
    const [tenant, neighbour] = [await number('default'), await number('acme')];
    return await invariant.check({
      query,
      tenant,
      neighbour,
      operations,
      payments,
      files: [],
      ...noExports,
      ...changes,
    });
  } finally {
    await query('rollback');
    client.release();
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-check-'));
  await database.admin.query('create extension if not exists amcheck');
  await send(
    'remember',
    'five',
    'shopper',
    'Please remember these five things: 1) my dog is called Bruno; 2) I live in Lisbon; 3) my shoe size is 42; 4) I am allergic to nuts; 5) I prefer SMS over email',
    { memories: 5, token: 'Bruno' },
  );
  await send('pay_once', 'paid', 'cashier', 'Use the tool pay_once with {"order": "A-1001", "amount": 17}', {
    amount: 17,
  });
  const { approval = '' } = await send(
    'approval',
    'asked',
    'careful',
    'Use the tool pay_approved with {"order": "A-1002", "amount": 18}',
    { amount: 18 },
  );
  await perform('decision', 'asked-yes', { approval, decision: 'approve', actor: 'mia' }, async () => {
    const { applied } = await worker.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
    return { applied };
  });
  await worker.client.turns.result('asked');
  const { approval: denied = '' } = await send(
    'approval',
    'refused',
    'careful',
    'Use the tool pay_approved with {"order": "A-1003", "amount": 19}',
    { amount: 19 },
  );
  await perform('decision', 'refused-no', { approval: denied, decision: 'reject', actor: 'mia' }, async () => {
    const { applied } = await worker.client.approvals.decide({ approval: denied, decision: 'reject', actor: 'mia' });
    return { applied };
  });
  await worker.client.turns.result('refused');
  await perform('import', 'talk', { user: 'importer', token: 'Orinoco', rounds: 2 }, async () => {
    const talk = ['Orinoco', 'yes', 'Orinoco again', 'no'].map((text, n) => ({
      speaker: n % 2 === 0 ? 'user' : 'assistant',
      text,
    }));
    await worker.client.memory.import(talk, { idempotencyKey: 'talk', scope: { user: 'importer' } });
    return {};
  });
  await perform('consolidate', 'tidy', { user: 'importer', run: 'tidy' }, async () => {
    const { outcome } = await worker.client.memory.consolidate({ scope: { user: 'importer' }, run: 'tidy' });
    return { status: outcome };
  });
  await perform('block', 'noted', { token: 'note-1' }, async () => {
    await worker.client.memory.editBlock({
      scope: { agent: 'shopper' },
      label: 'note',
      description: 'd',
      value: 'note-1',
      actor: 'a',
      reason: 'r',
    });
    return {};
  });
  await perform('document', 'notes', { source: 'notes.md', chunks: 3, says: 'It says', times: 3 }, async () => {
    const text = ['one', 'two', 'three'].map((word) => `# ${word}\n\nIt says ${word}.`).join('\n\n');
    return { document: (await worker.client.memory.addDocument({ source: 'notes.md', text }, {})).document };
  });
  for (const decision of ['approve', 'reject'] as const) {
    const op = `wish-${decision}`;
    await send('proposal', op, 'guarded', `Please remember: my cat is called ${decision}Cat.`);
    const [waits] = await worker.client.memory.pending({ scope: { user: `user-${op}` } });
    const { proposal = '' } = waits ?? {};
    const sent = operations.pop();
    if (sent) operations.push({ ...sent, proposal });
    await perform('verdict', `${op}-said`, { proposal, decision, actor: 'mia' }, async () => {
      const by = { actor: 'mia', reason: 'r' };
      const { memory } = worker.client;
      const { applied } =
        decision === 'approve' ? await memory.approvePending(proposal, by) : await memory.rejectPending(proposal, by);
      return { applied };
    });
  }
  for (let n = 1; n <= 5; n++)
    await worker.client.turns.send({
      ...{ turn: `talk-${n}`, thread: 'talk', agent: 'talkative' },
      message: `Locker ${n}. ${'So it is. '.repeat(20)}`,
    });
  await until('two compactions', async () => {
    const { rows } = await database.admin.query<{ n: number }>(
      `select count(*)::int as n from holdfast.event where type = 'ContextCompacted'`,
    );
    return (rows[0]?.n ?? 0) >= 2 || undefined;
  });
  await send('forget', 'secret', 'shopper', 'Please remember: my dog is called Zebulon77.', { token: 'Zebulon77' });
  await until('extractions', async () => {
    const { rows } = await database.admin.query<{ n: number }>(`select count(*)::int as n from holdfast.extraction`);
    return (rows[0]?.n ?? 0) >= 2 || undefined;
  });
  await forgetUser(
    { adminUrl: database.url, tenant: 'default', keyWrapper: testKeyWrapper },
    { user: 'user-secret', actor: 'a', reason: 'r' },
  );
  const answer = (await (await fetch(`${shopUrl}/payments/refunds`)).json()) as { refunds: Payment[] };
  payments = answer.refunds;
  // What is behind replies ends before anything is planted.
  await worker.stop();
});

afterAll(async () => {
  await shop.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an undisturbed log', () => {
  test.each(invariants.filter(({ id }) => id !== 'I7'))('$id: $says', async ({ id }) => {
    expect(await check(id)).toEqual([]);
  });
});

describe('a violation that is planted is found', () => {
  test.each(plants)('%s: %s', async (id, _what, sql, says, kind) => {
    const found = await check(id, sql);
    expect(found.map(({ what }) => what).join('\n')).toMatch(says);
    expect(found.find(({ what }) => says.test(what))?.kind).toBe(kind);
  });

  test('I13: a tool that a person refused and that had its effect, whatever the log says', async () => {
    const paid = [...payments, { idempotencyKey: 'elsewhere', amount: 19 }];
    expect((await check('I13', [], { payments: paid })).map(({ what }) => what).join()).toMatch(
      /approval refused.1.0 was not granted and had an effect/,
    );
    const strange = [...payments, { idempotencyKey: 'elsewhere', amount: 20 }];
    expect((await check('I14', [], { payments: strange })).map(({ what }) => what).join()).toMatch(/nobody asked for/);
  });

  test('I1: a turn that was told to have failed, and had not', async () => {
    const told = operations.map((one) => (one.turn === 'five' ? { ...one, status: 'failed' } : one));
    expect((await check('I1', [], { operations: told })).map(({ what }) => what).join()).toMatch(
      /the end "failed" of turn five was acknowledged and is not there/,
    );
  });

  test('I5: an answer that came before a turn which stands before it', async () => {
    const moved = operations.map((one) => (one.turn === 'five' ? { ...one, askedAt: performance.now() } : one));
    expect((await check('I5', [], { operations: moved })).map(({ what }) => what).join()).toMatch(
      /turn five was asked for after/,
    );
  });

  test('I10: a forgotten word in a file', async () => {
    const file = join(folder, 'export.jsonl');
    await writeFile(file, `${'x'.repeat(3_000_000)} Zebulon77 y`);
    expect(await check('I10', [], { files: [file] })).toMatchObject([
      { what: `file ${file} holds what was forgotten` },
    ]);
  });

  test('I11: a command that is not known any more', async () => {
    const found = await check('I11', (query) =>
      applySabotage({ query, postgres: { adminUrl: database.url } }, 'dedupe'),
    );
    expect(found.map(({ what }) => what).join()).toMatch(/sending commands again fails|sent again/);
    expect(found.length).toBeGreaterThan(0);
  });

  test('I12: an index that does not hold what its table does', async () => {
    const corrupt = [
      `set local session_replication_role = replica`,
      `update pg_index set indisready = false where indexrelid = 'holdfast.event_pkey'::regclass`,
      `update holdfast.event set data = data where position = 2`,
      copyOf('TurnRequested', '100000').replace(' version,', ' 99,'),
      `update pg_index set indisready = true where indexrelid = 'holdfast.event_pkey'::regclass`,
    ];
    expect((await check('I12', corrupt)).map(({ what }) => what).join()).toMatch(/event_pkey/);
  });

  test('I13 and I14: a payment that was made twice, or not at all', async () => {
    const [first] = payments.filter(({ amount }) => amount === 17);
    if (!first) throw new Error('Nothing was paid.');
    const twice = [...payments, { ...first, idempotencyKey: 'again' }];
    expect(await check('I14', [], { payments: twice })).toMatchObject([{ kind: 'duplicated' }]);
    expect(await check('I14', [], { payments: [] })).toMatchObject([{ kind: 'lost' }]);
    expect(await check('I13', [], { payments: [] })).toMatchObject([{ kind: 'lost' }]);
  });

  test('I7: a view that is not what the log gives', { timeout: 60_000 }, async () => {
    const verifies = invariants.find(({ id }) => id === 'I7');
    const before = { ...process.env };
    Object.assign(process.env, {
      HOLDFAST_DATABASE_URL: database.url,
      HOLDFAST_MASTER_KEY: '0123456789abcdef'.repeat(4),
    });
    try {
      const subject = {
        query: () => Promise.resolve([]),
        tenant: 0,
        neighbour: 0,
        operations,
        payments,
        files: [],
        ...noExports,
      };
      expect(await verifies?.check(subject)).toEqual([]);
      await database.admin.query(`update holdfast.turn set message = 'other' where turn = 'five'`);
      expect((await verifies?.check(subject))?.map(({ what }) => what).join()).toMatch(/turn/);
    } finally {
      process.env = before;
    }
  });
});
