import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { HoldfastClient, TurnResult } from '../../client/index.ts';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { openPool, withTenant } from '../../eventstore/index.ts';
import type { Child } from '../../stack/child-process.ts';
import type { LocalStack } from '../local-stack.ts';
import type { Presenter } from './presenter.ts';

/** What the parts of the demo act on: a tenant of their own, a client, and one worker that may be killed. */
export interface Stage {
  readonly client: HoldfastClient;
  readonly presenter: Presenter;
  readonly shopUrl: string;
  /** The demo model answers: it proposes exactly five memories where it is asked to. */
  readonly isScripted: boolean;
  /** Runs a query on the log as the application role, as this demo's tenant ($1), and shows it with its rows. */
  prove(what: string, sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** The same without showing it. */
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Sends a turn, shows it, and waits for its extraction. */
  say(thread: string, message: string, turn: string): Promise<TurnResult>;
  /** Ends the worker and starts another one; with a failpoint it ends itself there by SIGKILL. */
  restartWorker(options?: { readonly failpoint?: string }): Promise<Child>;
  /** Ends the worker and starts none. */
  stopWorker(): Promise<void>;
  /** Holds the log's head lock until the function it gives is called: commits of this tenant wait inside the server. */
  holdHead(): Promise<() => Promise<void>>;
  /** Polls until the condition gives a value. Throws HoldfastError DEMO_STUCK with what was waited for. */
  until<T>(what: string, condition: () => Promise<T | null | undefined | false>): Promise<T>;
  close(): Promise<void>;
}

/** Whose conversation it is. */
export const demoUser = 'ana';
const agent = 'support';
const exampleFolder = join(import.meta.dirname, '..', '..', 'examples', 'support-agent');

export interface StageOptions {
  readonly stack: LocalStack;
  readonly client: HoldfastClient;
  readonly presenter: Presenter;
  readonly taskQueue: string;
  readonly isScripted: boolean;
}

/** Opens the stage with its first worker. */
export async function openStage({ stack, client, presenter, taskQueue, isScripted }: StageOptions): Promise<Stage> {
  const pool = openPool({ url: stack.databaseUrl, applicationName: 'holdfast demo', maxConnections: 2 });
  const admin = new pg.Pool({ connectionString: stack.adminUrl, application_name: 'holdfast demo lock', max: 1 });
  const { rows } = await pool.query<{ no: number }>('select holdfast.find_tenant($1) as no', [client.tenant]);
  const tenant = rows[0]?.no ?? 0;
  const start = (failpoint?: string): Promise<Child> =>
    stack.startWorker({
      taskQueue,
      tenant: client.tenant,
      heartbeatMs: 2_000,
      // Not the agents of the folder we are in: the demo is about this one.
      configFile: join(exampleFolder, `holdfast.config${extname(import.meta.filename)}`),
      ...(failpoint === undefined ? {} : { failpoint }),
    });
  let worker = await start();
  await stack.recordWorker(worker);

  const query: Stage['query'] = (sql, values = []) =>
    withTenant(
      pool,
      tenant,
      async (session) => (await session.query<Record<string, unknown>>(sql, [tenant, ...values])).rows,
    );
  const until: Stage['until'] = async (what, condition) => {
    const deadline = Date.now() + 45_000;
    for (;;) {
      const value = await condition();
      if (value) return value;
      if (Date.now() > deadline) {
        throw new HoldfastError('DEMO_STUCK', `Waited 45 s for ${what}.`, {
          hint: 'Look at .holdfast/worker.log; `holdfast doctor` checks every part.',
        });
      }
      await delay(50);
    }
  };

  return {
    client,
    presenter,
    isScripted,
    shopUrl: stack.demoModelUrl.replace(/\/v1$/, ''),
    query,
    until,
    async prove(what, sql, values = []) {
      const result = await query(sql, values);
      presenter.proof(what, sql, result);
      return result;
    },
    async say(thread, message, turn) {
      const result = await client.turns.send({ thread, message, turn, user: demoUser, agent });
      presenter.said({
        turn,
        thread,
        user: demoUser,
        message,
        reply: result.reply ?? `(${result.status}${result.code === null ? '' : `: ${result.code}`})`,
      });
      if (result.status === 'completed') {
        await until(
          `the extraction of turn ${turn}`,
          async () => (await query('select 1 from holdfast.extraction where tenant = $1 and turn = $2', [turn]))[0],
        );
      }
      return result;
    },
    async restartWorker({ failpoint } = {}) {
      await worker.stop({ graceMs: 15_000 });
      worker = await start(failpoint);
      await stack.recordWorker(worker);
      return worker;
    },
    async stopWorker() {
      await worker.stop({ graceMs: 15_000 });
    },
    async holdHead() {
      const session = await admin.connect();
      await session.query('begin');
      await session.query(`select set_config('holdfast.tenant', $1, true)`, [String(tenant)]);
      await session.query('select position from holdfast.log_head where tenant = $1 for update', [tenant]);
      return async () => {
        await session.query('rollback');
        session.release();
      };
    },
    async close() {
      await worker.stop({ graceMs: 15_000 });
      await pool.end();
      await admin.end();
    },
  };
}

/** Requests a turn without waiting for it; the result arrives once somebody works on it. */
export function sendInBackground(stage: Stage, thread: string, message: string, turn: string): Promise<TurnResult> {
  const sent = stage.client.turns.send({ thread, message, turn, user: demoUser, agent });
  // Looked at later; a failure in between must not end the process unheard.
  sent.catch(() => undefined);
  return sent;
}
