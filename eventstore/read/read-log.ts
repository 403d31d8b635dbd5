import type { TenantRef } from '../append/append.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import { eventColumns, eventsWithStreams } from './decode-events.ts';
import { LogNotDenseError } from '../errors.ts';
import { LogArchivedError } from '../errors-read.ts';
import { positionAt, positionBefore } from './position-at.ts';
import { readBase } from './read.ts';
import { checkWhole, readPages } from './read-pages.ts';
import type { DenseSequence, LogReader, PageOptions } from './read-pages.ts';

export interface ReadLogOptions extends PageOptions {
  /** Give events after this position. @default 0 */
  readonly after?: Position;
  /** Give events up to this position. @default the head when reading starts */
  readonly upTo?: Position;
  /** Give events that were recorded at this time or later. @default all */
  readonly since?: Date;
  /** Give events that were recorded at this time or earlier. @default all */
  readonly until?: Date;
}

/**
 * A page is a range of positions, as wide as the page is long: the log is dense. So no plan can sort more than a page, whatever
 * the statistics say. The head row comes along: where the log ended in the same snapshot.
 * Arithmetic on columns is not leakproof, so under row-level security no index condition: it stands in a sub-select of its own.
 */
const firstPage = pageQuery('least($3::bigint, h.position, $2::bigint + $4::bigint)', '$2::bigint', 'asc');
const lastPage = pageQuery(
  'least($3::bigint, h.position)',
  'greatest($2::bigint, (select least($3::bigint, position) - $4::bigint from holdfast.log_head where tenant = $1))',
  'desc',
);

function pageQuery(upTo: string, after: string, order: 'asc' | 'desc'): string {
  return `select h.position as newest, e.* from holdfast.log_head h left join lateral (
      select ${eventColumns} from ${eventsWithStreams}
      where e.tenant = $1 and e.position > greatest(${after}, h.base) and e.position <= ${upTo}) e on true
    where h.tenant = $1 order by e.position ${order}`;
}

/** Gives the events of a log that meet all bounds, in order of position. */
export async function* readLog<E extends EventShape>(
  reader: LogReader<E>,
  log: TenantRef,
  { after = 0, upTo = Number.MAX_SAFE_INTEGER, since, until, ...paging }: ReadLogOptions,
): AsyncGenerator<StoredEvent<E>> {
  checkWhole('after', after, 0);
  checkWhole('upTo', upTo, 0);
  const sequence: DenseSequence = {
    placeOf: ({ position }) => position,
    page: ({ low, high }, limit, backwards) => ({
      name: backwards ? 'holdfast_read_log_backwards' : 'holdfast_read_log',
      text: backwards ? lastPage : firstPage,
      values: [log.no, low, high, limit],
    }),
    narrow: async (client, { low, high }) => ({
      low: since ? Math.max(low, await positionBefore(client, log.no, since)) : low,
      high: until ? Math.min(high, await positionAt(client, log.no, until)) : high,
    }),
    missing: async (position, found) => {
      const base = await readBase(reader.pool, log.no);
      if (position <= base) return new LogArchivedError(log.id, base);
      return new LogNotDenseError(log.id, position, found);
    },
  };
  yield* readPages(reader, log, sequence, { low: after, high: upTo, ...paging });
}
