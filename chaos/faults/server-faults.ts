import pg from 'pg';
import { tenants } from '../arena.ts';
import type { Arena } from '../arena.ts';
import type { Fault, FaultContext } from './fault.ts';
import { answersAgain, landed, last, missed, within } from './fault.ts';
import { workerCount } from './worker-faults.ts';

/** Faults of PostgreSQL and Temporal. */
export const serverFaults: readonly Fault[] = [
  {
    kind: 'backend_terminated',
    share: 4,
    inject: async (context) => {
      const struck = await within(5_000, async () => {
        const rows = await context.arena.query<{ hit: boolean }>(
          `select pg_terminate_backend(pid) as hit from (${victims}) v limit 1`,
        );
        return rows.some(({ hit }) => hit);
      });
      return struck ? landed() : missed;
    },
  },
  {
    // PostgreSQL then ends every other session and recovers by itself.
    kind: 'backend_killed',
    share: 3,
    inject: async ({ arena }) => {
      let pid: number | undefined;
      await within(5_000, async () => {
        pid = (await arena.query<{ pid: number }>(`${victims} limit 1`))[0]?.pid;
        return pid !== undefined;
      });
      if (pid === undefined) return missed;
      process.kill(pid, 'SIGKILL');
      return (await answersAgain(arena)) ? landed(1) : missed;
    },
  },
  {
    // A transaction that stalls with the log's lock: appends pile up behind it, an end of a turn behind a step that ends it.
    kind: 'log_held',
    share: 2,
    inject: async ({ arena, clients, random }) => {
      clients.demand('cancel', 12);
      let waited = 0;
      for (let pulse = 0; pulse < 8; pulse++) waited += await holdLog(arena, 200 + random.below(300));
      return waited > 0 ? landed() : missed;
    },
  },
  { kind: 'postmaster_killed', share: 3, inject: (context) => endServer(context, 'SIGKILL') },
  { kind: 'postgres_immediate_stop', share: 3, inject: (context) => endServer(context, 'SIGQUIT') },
  {
    kind: 'temporal_killed',
    share: 2,
    inject: async ({ arena: { temporal, workers }, random }) => {
      const struck = await temporal.kill();
      await last(random.below(1_000));
      await temporal.start();
      await workers.refill(workerCount);
      return struck ? landed(1) : missed;
    },
  },
  {
    kind: 'temporal_wiped',
    share: 0.7,
    inject: async ({ arena: { temporal, workers } }) => {
      const struck = await temporal.kill();
      await temporal.wipe();
      await temporal.start();
      await workers.refill(workerCount);
      return struck ? landed(1) : missed;
    },
  },
];

/** Sessions of the product, those that are at an append first. */
const victims = `select pid from pg_stat_activity
  where application_name in ('holdfast worker', 'holdfast client') and state = 'active'
  order by query like '%append_commands%' desc, random()`;

/** Holds the lock of the head for a while. Gives how many sessions waited for it at the end. */
async function holdLog({ postgres }: Arena, ms: number): Promise<number> {
  const holder = new pg.Client({ connectionString: postgres.adminUrl, application_name: 'chaos' });
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query(
      'select 1 from holdfast.log_head h join holdfast.tenant t on t.no = h.tenant where t.id = $1 for update of h',
      [tenants.own],
    );
    await last(ms);
    const { rows } = await holder.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where application_name like 'holdfast%' and wait_event_type = 'Lock'`,
    );
    return rows[0]?.n ?? 0;
  } finally {
    await holder.end();
    // What waited gets through before the next one.
    await last(60);
  }
}

async function endServer({ arena, random }: FaultContext, signal: 'SIGKILL' | 'SIGQUIT') {
  const struck = await arena.postgres.end(signal);
  await last(random.below(500));
  await arena.postgres.start();
  await answersAgain(arena);
  await arena.workers.refill(workerCount);
  return struck ? landed(1) : missed;
}
