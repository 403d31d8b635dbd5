import type pg from 'pg';
import type { Position } from '../event.ts';
import type { SegmentLine, SegmentStream } from './segment-format.ts';
import { withTenant } from '../with-tenant.ts';

/** Streams per line of a segment and per query. */
const pageSize = 1_000;

export interface ReadStreamsInput {
  /** Last versions of the streams with events in the segment, by number. */
  readonly touched: ReadonlyMap<number, number>;
  /** Streams with numbers after `after` up to `upTo` were created meanwhile, with or without events. */
  readonly after: number;
  readonly upTo: number;
}

/** Gives the streams of a segment as of its end, 1,000 per line. */
export async function* readStreams(
  pool: pg.Pool,
  tenant: number,
  { touched, after, upTo }: ReadStreamsInput,
): AsyncGenerator<SegmentLine> {
  const query = async (condition: string, values: readonly unknown[]): Promise<SegmentLine> => {
    const rows = await withTenant(pool, tenant, (client) =>
      client.query<SegmentStream>(
        `select no, name, version, sealed from holdfast.stream where tenant = $1 and ${condition} order by no`,
        [tenant, ...values],
      ),
    );
    return { streams: rows.rows.map((stream) => asOfSegment(stream, touched.get(stream.no) ?? 0)) };
  };
  const before = [...touched.keys()].filter((no) => no <= after).sort((a, b) => a - b);
  for (let index = 0; index < before.length; index += pageSize) {
    yield await query('no = any ($2::bigint[])', [before.slice(index, index + pageSize)]);
  }
  for (let from = after; from < upTo; from += pageSize) {
    yield await query('no > $2 and no <= $3', [from, Math.min(from + pageSize, upTo)]);
  }
}

/** A stream that has gone on since was not sealed then: a sealed stream takes no events. */
function asOfSegment({ no, name, version, sealed }: SegmentStream, then: number): SegmentStream {
  return { no, name, version: then, sealed: sealed && version === then };
}

/** Gives the numbers of all sealed streams up to a number whose last event stands before `from`, 1,000 per line. */
export async function* readSealed(
  pool: pg.Pool,
  tenant: number,
  { upTo, from }: { readonly upTo: number; readonly from: Position },
): AsyncGenerator<SegmentLine> {
  for (let after = 0; ;) {
    const sealed = await withTenant(pool, tenant, async (client) => {
      const { rows } = await client.query<{ no: number }>(
        `select s.no from holdfast.stream s where s.tenant = $1 and s.no > $2 and s.no <= $3 and s.sealed and not exists (
           select from holdfast.event e where e.tenant = $1 and e.stream = s.no and e.version = s.version and e.position >= $4)
         order by s.no limit ${pageSize}`,
        [tenant, after, upTo, from],
      );
      return rows.map(({ no }) => no);
    });
    const last = sealed.at(-1);
    if (last === undefined) return;
    yield { sealed };
    after = last;
  }
}
