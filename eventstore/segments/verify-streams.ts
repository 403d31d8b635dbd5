import type pg from 'pg';
import type { Findings } from './findings.ts';
import { withTenant } from '../with-tenant.ts';

const pageSize = 1_000;

interface FoundStream {
  readonly no: number;
  readonly name: string;
  readonly version: number;
  readonly events: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Lowest version that stands before an older one in the log; null = none. */
  readonly astray: number | null;
}

export interface VerifyStreamsInput {
  readonly pool: pg.Pool;
  readonly tenant: number;
  /** Number of streams the head knows of. */
  readonly streams: number;
  /** Gives the archived version of streams by number; null when the archive is not at hand. */
  readonly archived: ((numbers: readonly number[]) => Promise<ReadonlyMap<number, number>>) | null;
  readonly findings: Findings;
}

/**
 * Checks that streams are numbered without holes and that each has all its versions, in the order of the log (the chain leaves
 * versions to this check). Pages over streams in short transactions.
 */
export async function verifyStreams({ pool, tenant, streams, archived, findings }: VerifyStreamsInput): Promise<void> {
  for (let from = 0; from < streams; from += pageSize) {
    const to = Math.min(from + pageSize, streams);
    const found = await readPage(pool, tenant, { from, to });
    const before = await archived?.(found.map(({ no }) => no));
    findings.checked('streams', found.length);
    let expected = from + 1;
    for (const stream of found) {
      if (stream.no !== expected) missing(findings, expected, stream.no - 1);
      expected = stream.no + 1;
      const flaw = flawOf(stream, before ? (before.get(stream.no) ?? 0) : null);
      if (flaw !== null) findings.problem('streams', null, `stream "${stream.name}" ${flaw}`);
    }
    if (expected <= to) missing(findings, expected, to);
  }
}

function missing(findings: Findings, from: number, to: number): void {
  findings.problem(
    'streams',
    null,
    from === to ? `stream number ${from} is missing` : `streams number ${from} to ${to} are missing`,
  );
}

/** @param archived versions in the archive, null when they are not known */
function flawOf({ version, events, low, high, astray }: FoundStream, archived: number | null): string | null {
  if (low === null || high === null) {
    return archived === null || version === archived
      ? null
      : `is at version ${version}, its last event has ${archived}`;
  }
  if (high !== version) return `is at version ${version}, its last event has ${high}`;
  if (astray !== null) return `has version ${astray} before version ${astray - 1} in the log`;
  if (high - low + 1 !== events) return `has ${events} events for versions ${low} to ${high}`;
  return archived === null || low === archived + 1 ? null : `has no version ${archived + 1}`;
}

async function readPage(
  pool: pg.Pool,
  tenant: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<FoundStream[]> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<FoundStream>(
      `select s.no, s.name, s.version, e.events, e.low, e.high, e.astray from holdfast.stream s cross join lateral (
         select count(*) as events, min(o.version) as low, max(o.version) as high,
                min(o.version) filter (where o.position < o.before) as astray
         from (select e.version, e.position, lag(e.position) over (order by e.version) as before
               from holdfast.event e where e.tenant = $1 and e.stream = s.no) o) e
       where s.tenant = $1 and s.no > $2 and s.no <= $3 order by s.no`,
      [tenant, from, to],
    );
    return rows;
  });
}
