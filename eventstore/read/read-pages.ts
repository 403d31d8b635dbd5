import type pg from 'pg';
import type { TenantRef } from '../append/append.ts';
import type { DecodeEvents, EventRow } from './decode-events.ts';
import { InvalidReadError, UnknownSchemaVersionError, UpcastFailedError } from '../errors-read.ts';
import type { EventShape, StoredEvent } from '../event.ts';
import { withTenant } from '../with-tenant.ts';

/** What reading events takes: connections, and the way from rows to events. */
export interface LogReader<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly decode: DecodeEvents<E>;
}

export interface PageOptions {
  /** Give the newest first. @default false */
  readonly backwards?: boolean;
  /** Events fetched per round trip, 1 to 10,000. @default 500 */
  readonly pageSize?: number;
  /** Give at most this many events, from 1 on. @default all */
  readonly limit?: number;
}

/** Places still to be given: those after `low` up to `high`. */
export interface PlaceRange {
  readonly low: number;
  readonly high: number;
}

/** A row of a page query: an event, or nothing but the ends when the range holds none. */
export type PageRow = (EventRow | { readonly position: null }) & {
  /** The newest place there is. */
  readonly newest: number;
};

/** A sequence of events without holes: a log by position, a stream by version. */
export interface DenseSequence {
  /** Narrows the range, in the snapshot of the first page. @default not at all */
  narrow?(client: pg.ClientBase, range: PlaceRange): Promise<PlaceRange>;
  /** The query for the next page of a range, a PageRow at least unless the sequence does not exist. */
  page(range: PlaceRange, limit: number, backwards: boolean): pg.QueryConfig;
  /** Where an event stands in the sequence. */
  placeOf(row: EventRow): number;
  /** The error for a place that must be there and is not. `found` is what stands there instead. */
  missing(place: number, found: number | null): Promise<Error>;
}

/**
 * Pages through a sequence in short transactions, so that no snapshot is held for the length of a long read. What was appended
 * after the first page is not given. Throws the sequence's own error at a hole, after everything that stands before it.
 */
export async function* readPages<E extends EventShape>(
  { pool, decode }: LogReader<E>,
  log: TenantRef,
  sequence: DenseSequence,
  { low, high, backwards = false, pageSize = 500, limit = Number.MAX_SAFE_INTEGER }: PlaceRange & PageOptions,
): AsyncGenerator<StoredEvent<E>> {
  checkWhole('pageSize', pageSize, 1, 10_000);
  checkWhole('limit', limit, 1);
  let range: PlaceRange = { low, high };
  let wanted = limit;
  for (let first = true; wanted > 0 && range.low < range.high; first = false) {
    const before = range;
    const size = Math.min(pageSize, wanted);
    // Runs again when the connection breaks: it must not touch what is outside.
    const page = await withTenant(pool, log.no, async (client) => {
      const narrowed = first && sequence.narrow ? await sequence.narrow(client, before) : before;
      const { rows } = await client.query<PageRow>(sequence.page(narrowed, size, backwards));
      const events = rows.filter((row): row is PageRow & EventRow => row.position !== null);
      return {
        range: { low: narrowed.low, high: Math.min(narrowed.high, rows[0]?.newest ?? 0) },
        places: events.map((row) => sequence.placeOf(row)),
        ...(await decodeReadable(decode, client, log.no, events)),
      };
    });
    range = page.range;
    for (const [index, place] of page.places.entries()) {
      const expected = backwards ? range.high : range.low + 1;
      if (place !== expected) throw await sequence.missing(expected, place);
      const event = page.events[index];
      if (!event) throw page.unreadable ?? new Error('The decoder gave fewer events than there are rows.');
      yield event;
      range = backwards ? { low: range.low, high: place - 1 } : { low: place, high: range.high };
    }
    wanted -= page.places.length;
    if (page.places.length < size && range.low < range.high) {
      throw await sequence.missing(backwards ? range.high : range.low + 1, null);
    }
  }
}

/** Decodes rows up to the first that cannot be: what stands before it is given. */
async function decodeReadable<E extends EventShape>(
  decode: DecodeEvents<E>,
  client: pg.ClientBase,
  tenant: number,
  rows: readonly EventRow[],
): Promise<{ readonly events: readonly StoredEvent<E>[]; readonly unreadable?: Error }> {
  try {
    return { events: await decode(client, tenant, rows) };
  } catch (error) {
    if (!(error instanceof UnknownSchemaVersionError || error instanceof UpcastFailedError)) throw error;
    const readable = rows.slice(
      0,
      rows.findIndex(({ position }) => position === error.position),
    );
    return { events: await decode(client, tenant, readable), unreadable: error };
  }
}

/** Throws InvalidReadError unless the value is a whole number of the range. */
export function checkWhole(what: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` up to ${most}`;
  throw new InvalidReadError(what, `a whole number from ${least}${upTo}`, value);
}
