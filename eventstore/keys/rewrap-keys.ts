import type pg from 'pg';
import { openPool, ownerRole } from '../database.ts';
import { KeyUnavailableError } from '../errors-keys.ts';
import { findTenant } from '../tenants/find-tenant.ts';
import { inTransaction } from '../in-transaction.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { retryConnection } from '../retry-connection.ts';
import { unwrapKey } from './unwrap-key.ts';

export interface RewrapOptions {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  readonly tenant: string;
  /** Unwraps what is stored, and wraps with its current key: give both, the new one first. */
  readonly keyWrapper: KeyWrapper;
}

/** Keys of one transaction. */
const batchSize = 500;

/**
 * Wraps the keys of all subjects of a tenant with the wrapper's current key; afterwards the older ones are needed no more, and what is
 * wrapped by them in old backups is worth nothing once they are destroyed. Texts are not touched. May be stopped and started again.
 * Gives how many keys were wrapped anew. Throws UnknownTenantError, KeyUnavailableError, StoreUnavailableError.
 */
export async function rewrapKeys({ adminUrl, tenant, keyWrapper }: RewrapOptions): Promise<number> {
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast keys', maxConnections: 1 });
  try {
    const no = await findTenant(pool, tenant);
    let count = 0;
    for (;;) {
      const done = await retryConnection(() =>
        inTransaction(pool, no, (client) => rewrapBatch(client, no, keyWrapper)),
      );
      if (done === 0) return count;
      count += done;
    }
  } finally {
    await pool.end();
  }
}

async function rewrapBatch(client: pg.ClientBase, tenant: number, keyWrapper: KeyWrapper): Promise<number> {
  const { rows } = await client.query<{ subject: string; no: number; wrapped: Buffer; kek_id: string | null }>(
    `select subject, no, wrapped, kek_id from holdfast.subject_key
     where tenant = $1 and wrapped is not null and kek_id is distinct from $2 order by subject, no limit $3 for update`,
    [tenant, keyWrapper.id, batchSize],
  );
  const wrapped = await Promise.all(
    rows.map(async (row) => {
      const key = await unwrapKey(keyWrapper, { wrapped: row.wrapped, kekId: row.kek_id });
      const anew = await keyWrapper.wrap(key);
      // A wrapper that cannot read back what it wrote would lose the key for ever.
      if (!(await keyWrapper.unwrap(anew)).equals(key)) {
        throw new KeyUnavailableError(`The key service ${keyWrapper.id} does not give back what it wrapped.`, {
          kekId: keyWrapper.id,
        });
      }
      return anew;
    }),
  );
  await client.query(
    `update holdfast.subject_key k set wrapped = w.wrapped, kek_id = $2
     from unnest($3::text[], $4::int[], $5::bytea[]) as w (subject, no, wrapped)
     where k.tenant = $1 and k.subject = w.subject collate "C" and k.no = w.no`,
    [tenant, keyWrapper.id, rows.map(({ subject }) => subject), rows.map(({ no }) => no), wrapped],
  );
  return rows.length;
}
