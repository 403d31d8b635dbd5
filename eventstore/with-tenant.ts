import type pg from 'pg';
import { UnknownTenantError } from './errors.ts';
import { ReadEndedError } from './errors-read.ts';
import type { Position } from './event.ts';
import { isConnectionFailure } from './explain-failure.ts';
import { retryConnection } from './retry-connection.ts';

/**
 * Runs reads of one tenant in one read-only snapshot: all of them see the same log, up to `head`. Row-level security shows this tenant
 * and no other; the setting ends with the transaction, so it cannot leak through the pool. `read` must only read: it runs again
 * when the connection breaks, and a query that it sends after it has settled is refused (ReadEndedError). Throws UnknownTenantError when the tenant is dropped, StoreUnavailableError when the server stays away,
 * and what explainFailure makes of other failures.
 */
export async function withTenant<T>(
  pool: pg.Pool,
  tenant: number,
  read: (client: pg.PoolClient, head: Position) => Promise<T>,
): Promise<T> {
  return retryConnection(() => readOnce(pool, tenant, read));
}

async function readOnce<T>(
  pool: pg.Pool,
  tenant: number,
  read: (client: pg.PoolClient, head: Position) => Promise<T>,
): Promise<T> {
  const no = tenant.toFixed();
  const client = await pool.connect();
  let hasEnded = false;
  // Where parallel queries were under way, one that fails ends the read while others go on: what they send then would run in the
  // transaction of whoever has the connection next.
  const guarded = Object.create(client) as pg.PoolClient;
  Object.assign(guarded, {
    query: (...query: Parameters<typeof client.query>) =>
      hasEnded ? Promise.reject(new ReadEndedError()) : client.query(...query),
  });
  let broken: Error | undefined;
  // The pool listens only while a connection is idle: without a listener, one that breaks in use would end the process.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    // One round trip. The lock comes before the snapshot, which the first select takes: rebuilt views are handed over under its
    // opposite (hand-over.ts), so a snapshot is never older than the tables that the names of views lead to. toFixed() makes sure
    // that the tenant is a number, never text of a user. A tenant that is dropped loses its head first: without it the rest may be
    // half deleted.
    const opened = await client.query(
      `begin isolation level repeatable read read only;
       lock table holdfast.view_definition in access share mode;
       select set_config('holdfast.tenant', '${no}', true);
       select position from holdfast.log_head where tenant = ${no}`,
    );
    // Several statements give one result each, which the driver's types do not tell.
    const head = (opened as unknown as readonly pg.QueryResult<{ position: Position }>[]).at(-1)?.rows[0];
    if (!head) throw new UnknownTenantError(tenant);
    const result = await read(guarded, head.position);
    end('commit');
    return result;
  } catch (error) {
    hasEnded = true;
    // A broken connection would not answer; one that does not answer would keep us waiting for its limit once more.
    if (error instanceof Error && isConnectionFailure(error)) {
      broken = error;
      release();
    } else end('rollback');
    throw error;
  }

  /** Nothing was written, so nobody waits for the end: the client goes back to the pool when it has come. */
  function end(statement: 'commit' | 'rollback'): void {
    hasEnded = true;
    client
      .query(statement)
      .catch((error: unknown) => (broken = error instanceof Error ? error : new Error(String(error))))
      .finally(release);
  }

  function release(): void {
    client.off('error', onError);
    client.release(broken);
  }
}
