import type pg from 'pg';
import type { ConsumerLease } from './consumer-lease.ts';
import type { DecodeEvents, EventRow } from '../read/decode-events.ts';
import { selectEvents } from '../read/decode-events.ts';
import { LogArchivedError } from '../errors-read.ts';
import { LogNotDenseError } from '../errors.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import { withTenant } from '../with-tenant.ts';

/** Most positions that one batch passes over in search of events of the wanted types. */
const longestReach = 10_000;

export interface ReadBatchInput<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly decode: DecodeEvents<E>;
  readonly lease: ConsumerLease;
  readonly types: readonly string[] | undefined;
  readonly limit: number;
}

/** Events for a handler: those of the wanted types up to `to`. */
export interface Batch<E extends EventShape> {
  readonly events: StoredEvent<E>[];
  /** The last position that the batch speaks for. */
  readonly to: Position;
  /** The newest position when it was read. */
  readonly head: Position;
}

/** Reads the events after a lease's position, or the one that is to be tried again. Throws LogArchivedError, LogNotDenseError. */
export async function readBatch<E extends EventShape>(input: ReadBatchInput<E>): Promise<Batch<E>> {
  const { pool, decode, lease, types, limit } = input;
  const { tenant, position, redo } = lease;
  return withTenant(pool, tenant.no, async (client) => {
    const { rows: heads } = await client.query<{ base: number; head: number }>(
      'select base, position as head from holdfast.log_head where tenant = $1',
      [tenant.no],
    );
    const { base, head } = heads[0] ?? { base: 0, head: 0 };
    const after = redo === null ? position : redo - 1;
    const reach = redo ?? Math.min(head, position + longestReach);
    if (base > after) {
      throw new LogArchivedError(
        tenant.id,
        base,
        `Events that a consumer has not handled were archived. Import the segments into another database and let it handle them there.`,
      );
    }
    const { rows } = await client.query<EventRow>(
      `${selectEvents} and e.position > $2 and e.position <= $3 ${types === undefined ? '' : 'and e.type = any ($5)'}
       order by e.position limit $4`,
      [tenant.no, after, reach, limit, ...(types === undefined ? [] : [types])],
    );
    const last = rows.at(-1)?.position;
    const to = redo !== null ? position : last === undefined || rows.length < limit ? reach : last;
    if (types === undefined) {
      rows.forEach((row, index) => {
        if (row.position !== after + index + 1) throw new LogNotDenseError(tenant.id, after + index + 1, row.position);
      });
      if (rows.length < Math.min(limit, reach - after)) {
        throw new LogNotDenseError(tenant.id, after + rows.length + 1, reach + 1);
      }
    }
    return { events: await decode(client, tenant.no, rows), to, head };
  });
}
