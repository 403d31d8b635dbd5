import type pg from 'pg';
import type { DecodeEvents, EventRow } from './decode-events.ts';
import { eventColumns, selectEvents } from './decode-events.ts';
import { LogNotDenseError } from './errors.ts';
import type { EventShape, Position, StoredEvent } from './event.ts';
import { withTenant } from './with-tenant.ts';

/** What reading events takes: connections, and the way from rows to events. */
export interface LogReader<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly decode: DecodeEvents<E>;
}

export interface ReadStreamOptions {
  /** First version to give. @default 1 */
  readonly fromVersion?: number;
}

export interface ReadLogOptions {
  /** Give events after this position. @default 0 */
  readonly after?: Position;
  /** Give events up to this position. @default the head when reading starts */
  readonly upTo?: Position;
  /** Events fetched per round trip. @default 500 */
  readonly pageSize?: number;
}

/** Which commands' events to read. */
export interface CommandSelection {
  readonly ids?: readonly string[];
  readonly prefixes?: readonly string[];
}

/** An accepted command as the log holds it. */
export interface StoredCommand {
  readonly id: string;
  readonly firstPosition: Position;
  readonly lastPosition: Position;
  readonly recordedAt: Date;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

/** Reads one stream whole, in order of version. */
export async function readStream<E extends EventShape>(
  { pool, decode }: LogReader<E>,
  tenant: number,
  stream: string,
  { fromVersion = 1 }: ReadStreamOptions,
): Promise<StoredEvent<E>[]> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<EventRow>(
      `${selectEvents} and s.name = $2 and e.version >= $3 order by e.version`,
      [tenant, stream, fromVersion],
    );
    return decode(client, tenant, rows);
  });
}

/** Pages through the log in short transactions, so that no snapshot is held for the length of a long read. */
export async function* readLog<E extends EventShape>(
  { pool, decode }: LogReader<E>,
  tenant: { readonly id: string; readonly no: number },
  { after = 0, upTo, pageSize = 500 }: ReadLogOptions,
): AsyncGenerator<StoredEvent<E>> {
  const end = upTo ?? (await readHead(pool, tenant.no));
  let last = after;
  while (last < end) {
    const page = await withTenant(pool, tenant.no, async (client) => {
      const { rows } = await client.query<EventRow>(
        `${selectEvents} and e.position > $2 and e.position <= $3 order by e.position limit $4`,
        [tenant.no, last, end, pageSize],
      );
      return decode(client, tenant.no, rows);
    });
    if (page.length === 0) {
      // Asked beyond the head: nothing more to give. Inside the log an empty page is a hole.
      if (last >= (await readHead(pool, tenant.no))) return;
      throw new LogNotDenseError(tenant.id, last + 1, end);
    }
    for (const event of page) {
      if (event.position !== last + 1) throw new LogNotDenseError(tenant.id, last + 1, event.position);
      last = event.position;
      yield event;
    }
  }
}

/** Events of all commands with one of these ids, or whose id begins with one of these prefixes, in order of position. */
export async function readCommandEvents<E extends EventShape>(
  { pool, decode }: LogReader<E>,
  tenant: number,
  { ids = [], prefixes = [] }: CommandSelection,
): Promise<StoredEvent<E>[]> {
  return withTenant(pool, tenant, async (client) => {
    // Bounded by the first id after all that share the prefix ("C" collation), so the command's key serves as index.
    const { rows } = await client.query<EventRow>(
      `with chosen as (
         select c.first_position, c.last_position from unnest($2::text[]) i join holdfast.command c on c.tenant = $1 and c.id = i
         union
         select c.first_position, c.last_position from unnest($3::text[]) p
           join holdfast.command c on c.tenant = $1 and c.id >= p and c.id < p || U&'\\+10FFFF')
       select ${eventColumns}
       from chosen k
       join holdfast.event e on e.tenant = $1 and e.position between k.first_position and k.last_position
       join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream
       order by e.position`,
      [tenant, ids, prefixes],
    );
    return decode(client, tenant, rows);
  });
}

/** Position of the newest event of a log. */
export async function readHead(pool: pg.Pool, tenant: number): Promise<Position> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ position: number }>(
      'select position from holdfast.log_head where tenant = $1',
      [tenant],
    );
    return rows[0]?.position ?? 0;
  });
}

/** One accepted command by its id. */
export async function readCommand(pool: pg.Pool, tenant: number, id: string): Promise<StoredCommand | undefined> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{
      first_position: number;
      last_position: number;
      recorded_at: Date;
      meta: Record<string, unknown>;
      result: unknown;
    }>(
      'select first_position, last_position, recorded_at, meta, result from holdfast.command where tenant = $1 and id = $2',
      [tenant, id],
    );
    const row = rows[0];
    return (
      row && {
        id,
        firstPosition: row.first_position,
        lastPosition: row.last_position,
        recordedAt: row.recorded_at,
        meta: row.meta,
        result: row.result,
      }
    );
  });
}
