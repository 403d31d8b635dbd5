import type pg from 'pg';
import { until } from './until.ts';

/** The lock that every append to one tenant's log needs, held from outside. */
export interface HeldHead {
  /** Waits until this many appends of workers block in the server; gives their backends, the longest waiting first. */
  blocked(count: number): Promise<readonly number[]>;
  release(): Promise<void>;
}

/** Takes the head row of tenant `default`, so that a worker's append stops between having been sent and being committed. */
export async function holdLogHead(admin: pg.Pool): Promise<HeldHead> {
  const client = await admin.connect();
  await client.query('begin');
  await client.query(
    `select 1 from holdfast.log_head where tenant = (select no from holdfast.tenant where id = 'default') for update`,
  );
  let held = true;
  return {
    blocked: (count) =>
      until(`${count} appends wait for the log`, async () => {
        const pids = await blockedAppends(admin);
        return pids.length >= count ? pids : undefined;
      }),
    release: async () => {
      if (!held) return;
      held = false;
      await client.query('rollback');
      client.release();
    },
  };
}

/** True while a server process lives. */
export async function isBackendAlive(admin: pg.Pool, pid: number): Promise<boolean> {
  const { rowCount } = await admin.query('select 1 from pg_stat_activity where pid = $1', [pid]);
  return rowCount !== 0;
}

async function blockedAppends(admin: pg.Pool): Promise<number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity
     where datname = current_database() and application_name = 'holdfast worker'
       and wait_event_type = 'Lock' and query like '%append_commands%'
     order by query_start`,
  );
  return rows.map(({ pid }) => pid);
}
