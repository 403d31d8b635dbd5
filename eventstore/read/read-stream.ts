import type { TenantRef } from '../append/append.ts';
import { eventColumns } from './decode-events.ts';
import { LogArchivedError, StreamNotDenseError } from '../errors-read.ts';
import type { EventShape, StoredEvent } from '../event.ts';
import { readBase } from './read.ts';
import { checkWhole, readPages } from './read-pages.ts';
import type { DenseSequence, LogReader, PageOptions } from './read-pages.ts';
import { withTenant } from '../with-tenant.ts';

export interface ReadStreamOptions extends PageOptions {
  /** Lowest version to give. @default 1 */
  readonly from?: number;
  /** Highest version to give. @default the stream's version when reading starts */
  readonly to?: number;
}

/**
 * A page is a range of versions, as wide as the page is long, for the reasons given in read-log.ts. The stream's row comes along:
 * its version in the same snapshot.
 */
const firstPage = pageQuery('least($4::bigint, s.version, $3::bigint + $5::bigint)', '$3::bigint', 'asc');
const lastPage = pageQuery(
  'least($4::bigint, s.version)',
  'greatest($3::bigint, (select least($4::bigint, version) - $5::bigint from holdfast.stream where tenant = $1 and name = $2))',
  'desc',
);

function pageQuery(upTo: string, after: string, order: 'asc' | 'desc'): string {
  return `select s.version as newest, e.* from holdfast.stream s left join lateral (
      select ${eventColumns} from holdfast.event e
      where e.tenant = $1 and e.stream = s.no and e.version > ${after} and e.version <= ${upTo}) e on true
    where s.tenant = $1 and s.name = $2 order by e.version ${order}`;
}

/** Gives the events of one stream in order of version. */
export async function* readStream<E extends EventShape>(
  reader: LogReader<E>,
  log: TenantRef,
  stream: string,
  { from = 1, to = Number.MAX_SAFE_INTEGER, ...paging }: ReadStreamOptions,
): AsyncGenerator<StoredEvent<E>> {
  checkWhole('from', from, 1);
  checkWhole('to', to, 0);
  const sequence: DenseSequence = {
    placeOf: ({ version }) => version,
    page: ({ low, high }, limit, backwards) => ({
      name: backwards ? 'holdfast_read_stream_backwards' : 'holdfast_read_stream',
      text: backwards ? lastPage : firstPage,
      values: [log.no, stream, low, high, limit],
    }),
    missing: async (version, found) => {
      const base = await readBase(reader.pool, log.no);
      // What the archive took is the beginning of a stream: a version that has one below it is a hole.
      if (base > 0 && !(await hasVersionBelow(reader, log.no, stream, version))) {
        return new LogArchivedError(log.id, base);
      }
      return new StreamNotDenseError(stream, version, found);
    },
  };
  yield* readPages(reader, log, sequence, { low: from - 1, high: to, ...paging });
}

async function hasVersionBelow<E extends EventShape>(
  { pool }: LogReader<E>,
  tenant: number,
  stream: string,
  version: number,
): Promise<boolean> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ found: boolean }>(
      `select exists (select from holdfast.event e join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream
         where e.tenant = $1 and s.name = $2 and e.version < $3) as found`,
      [tenant, stream, version],
    );
    return rows[0]?.found ?? false;
  });
}
