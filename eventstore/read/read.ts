import type pg from 'pg';
import type { TenantRef } from '../append/append.ts';
import type { EventRow } from './decode-events.ts';
import { eventColumns, eventsWithStreams } from './decode-events.ts';
import { LogNotDenseError } from '../errors.ts';
import { LogArchivedError } from '../errors-read.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import type { LogReader } from './read-pages.ts';
import { withTenant } from '../with-tenant.ts';

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

type CommandEventRow = (EventRow | { readonly position: null }) & {
  readonly first: number;
  readonly last: number;
  readonly base: number;
};

/**
 * Events of all commands with one of these ids, or whose id begins with one of these prefixes, in order of position.
 * Throws LogArchivedError, LogNotDenseError when a command's events are not all there.
 */
export async function readCommandEvents<E extends EventShape>(
  { pool, decode }: LogReader<E>,
  log: TenantRef,
  { ids = [], prefixes = [] }: CommandSelection,
): Promise<StoredEvent<E>[]> {
  return withTenant(pool, log.no, async (client) => {
    // Bounded by the first id after all that share the prefix ("C" collation), so the command's key serves as index.
    const { rows } = await client.query<CommandEventRow>(
      `with chosen as (
         select c.first_position, c.last_position from unnest($2::text[]) i join holdfast.command c on c.tenant = $1 and c.id = i
         union
         select c.first_position, c.last_position from unnest($3::text[]) p
           join holdfast.command c on c.tenant = $1 and c.id >= p and c.id < p || U&'\\+10FFFF')
       select k.first_position as first, k.last_position as last, h.base, e.*
       from chosen k join holdfast.log_head h on h.tenant = $1
       left join lateral (
         select ${eventColumns} from ${eventsWithStreams}
         where e.tenant = $1 and e.position between k.first_position and k.last_position) e on true
       order by k.first_position, e.position`,
      [log.no, ids, prefixes],
    );
    checkComplete(log, rows);
    return decode(
      client,
      log.no,
      rows.filter((row): row is CommandEventRow & EventRow => row.position !== null),
    );
  });
}

/** Every command has all of its positions, or the read must not pass for complete. */
function checkComplete(log: TenantRef, rows: readonly CommandEventRow[]): void {
  let next: Position | null = null;
  const missing = (expected: Position, found: Position | null, base: Position): Error =>
    expected <= base ? new LogArchivedError(log.id, base) : new LogNotDenseError(log.id, expected, found);
  for (const { position, first, last, base } of rows) {
    const expected: Position = next ?? first;
    if (position !== expected) throw missing(expected, position, base);
    next = position === last ? null : position + 1;
  }
  if (next !== null) throw missing(next, null, 0);
}

/** Position of the newest event of a log. */
export async function readHead(pool: pg.Pool, tenant: number): Promise<Position> {
  return (await readEnds(pool, tenant)).head;
}

/** The last archived position of a log, 0 when all of it is there. */
export async function readBase(pool: pg.Pool, tenant: number): Promise<Position> {
  return (await readEnds(pool, tenant)).base;
}

async function readEnds(pool: pg.Pool, tenant: number): Promise<{ head: Position; base: Position }> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ head: Position; base: Position }>({
      name: 'holdfast_head',
      text: 'select position as head, base from holdfast.log_head where tenant = $1',
      values: [tenant],
    });
    return rows[0] ?? { head: 0, base: 0 };
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
    }>({
      name: 'holdfast_read_command',
      text: 'select first_position, last_position, recorded_at, meta, result from holdfast.command where tenant = $1 and id = $2',
      values: [tenant, id],
    });
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
