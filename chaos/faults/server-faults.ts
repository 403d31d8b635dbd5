import type { Arena } from '../arena.ts';
import type { Fault, FaultContext } from './fault.ts';
import { landed, last, missed, within } from './fault.ts';
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

async function endServer({ arena, random }: FaultContext, signal: 'SIGKILL' | 'SIGQUIT') {
  const struck = await arena.postgres.end(signal);
  await last(random.below(500));
  await arena.postgres.start();
  await answersAgain(arena);
  await arena.workers.refill(workerCount);
  return struck ? landed(1) : missed;
}

function answersAgain(arena: Arena): Promise<boolean> {
  return within(30_000, () =>
    arena.query('select 1').then(
      () => true,
      () => false,
    ),
  );
}
