import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createEventStore, createTenant, migrate, openPool } from '../../eventstore/index.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { endProcess, readProcessStart } from '../../stack/process-identity.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import { payingAgent, payments } from '../client/fixtures/paying-agent.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { workflowOf } from '../support/histories.ts';
import { startPrivateTemporal } from '../support/private-temporal.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';
import { testSchema } from '../support/test-schema.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import type { TestDatabase } from '../support/with-database.ts';

const database = withDatabase();

/** Asks to pay, and gives the approval. */
async function ask(rig: CrashRig, turn: string): Promise<string> {
  payments.length = 0;
  const message = `Use the tool pay with {"amount": 80, "note": "${turn}"}`;
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  expect(waiting.status).toBe('waiting');
  return waiting.waitingFor[0] ?? '';
}

async function paidOnce(rig: CrashRig, turn: string): Promise<void> {
  await until(
    `the end of ${turn}`,
    async () => ((await rig.client.turns.get(turn)).status === 'completed' ? true : undefined),
    { timeoutMs: 60_000, everyMs: 100 },
  );
  expect(payments).toEqual([{ amount: 80, note: turn }]);
}

test(
  'Temporal is killed and started again on the same file: asked before, decided while down and after',
  { timeout: 150_000 },
  async () => {
    await using temporal = await startPrivateTemporal();
    const closers: (() => Promise<void>)[] = [];
    try {
      const rig = await startRig(database, (close) => closers.push(close), { temporalAddress: temporal.address });
      await rig.startHere([payingAgent]);
      const first = await ask(rig, 'restarted');
      await temporal.kill();
      const outcome = await rig.client.approvals.decide({ approval: first, decision: 'approve', actor: 'mia' });
      expect(outcome).toMatchObject({ applied: true, told: false });
      await temporal.start();
      await paidOnce(rig, 'restarted');

      const second = await ask(rig, 'restarted-again');
      await temporal.kill();
      await temporal.start();
      // With nothing of ours: the CLI of Temporal, and no more than ids.
      const { workflowId } = workflowOf(rig, 'restarted-again');
      await until(
        'the signal is taken',
        () =>
          promisify(execFile)(temporal.cli, [
            ...['workflow', 'signal', '--address', temporal.address, '--workflow-id', workflowId, '--name', 'decide'],
            ...['--input', JSON.stringify({ approval: second, decision: 'approve', actor: 'tom' })],
          ]).catch(() => undefined),
        { timeoutMs: 40_000, everyMs: 500 },
      );
      await paidOnce(rig, 'restarted-again');
      expect(await rig.client.approvals.get(second)).toMatchObject({
        decision: { decision: 'approve', actor: 'tom', reason: null },
      });
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
);

test('PostgreSQL is killed and started again between the question and the decision', { timeout: 120_000 }, async () => {
  const dir = await makeStackFolder();
  const start = () => startPostgres({ dir, onProgress: () => undefined });
  let postgres = await start();
  const closers: (() => Promise<void>)[] = [];
  try {
    const url = new URL(postgres.adminUrl);
    const admin = new pg.Client({ connectionString: postgres.adminUrl });
    await admin.connect();
    await admin.query('create database restarts');
    await admin.end();
    url.pathname = 'restarts';
    await migrate({ adminUrl: url.href, schema: holdfastSchema });
    await createTenant(url.href, 'default');
    const pool = openPool({ url: url.href, applicationName: 'holdfast test' });
    closers.push(() => pool.end());
    const own: TestDatabase = {
      url: url.href,
      pool,
      admin: pool,
      store: createEventStore({ pool, schema: testSchema }),
    };
    const rig = await startRig(own, (close) => closers.push(close));
    await rig.startHere([payingAgent]);
    const approval = await ask(rig, 'survived');
    const begun = await readProcessStart(postgres.pid);
    if (begun === undefined) throw new Error('PostgreSQL does not run.');
    await endProcess({ name: 'Postgres', pid: postgres.pid, start: begun, signals: [['SIGKILL', 30_000]] });
    postgres = await start();
    const outcome = await until(
      'the decision',
      () => rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' }).catch(() => undefined),
      { timeoutMs: 60_000, everyMs: 250 },
    );
    expect(outcome.applied).toBe(true);
    await paidOnce(rig, 'survived');
  } finally {
    for (const close of closers.reverse()) await close();
    await postgres.stop();
    await removeStackFolder(dir);
  }
});
