import type pg from 'pg';
import type { DecodeEvents, EventRow } from '../read/decode-events.ts';
import { selectEvents } from '../read/decode-events.ts';
import { LogArchivedError } from '../errors-read.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import type { ReadArchived } from '../views/fold-shadow.ts';
import type { ForgottenRows } from './forgotten-rows.ts';
import { sealedFieldsOf } from './personal-cipher.ts';

/** Positions looked at per page. */
const pageWidth = 5_000;

/** What has been found about a subject so far. */
export interface SubjectScan<E extends EventShape> {
  readonly tenant: { readonly id: string; readonly no: number };
  readonly subject: string;
  readonly decode: DecodeEvents<E>;
  readonly rows: ForgottenRows<E>;
  readonly archived: ReadArchived | undefined;
  /** Positions up to here have been looked at. */
  upTo: Position;
  /** Events that name the subject. */
  named: number;
  /** Of those, events with texts that can be read now and not after. */
  events: number;
  readonly streams: Set<string>;
}

/** Runs reads on a session bound to the tenant; it may run them again when a connection breaks. */
export type ReadPage = <T>(read: (client: pg.ClientBase) => Promise<T>) => Promise<T>;

/**
 * Looks at the log after where the scan stands, up to its head, for events about its subject. Pages may be of different snapshots: events
 * do not change. Throws LogArchivedError, ProjectionLawError and what decoding throws.
 */
export async function scanSubject<E extends EventShape>(
  scan: SubjectScan<E>,
  log: { readonly base: Position; readonly head: Position },
  read: ReadPage,
): Promise<void> {
  const { tenant, subject } = scan;
  if (scan.upTo < log.base) {
    if (!scan.archived) throw archivedError(tenant.id, log.base);
    let page: EventRow[] = [];
    const flush = async (): Promise<void> => {
      const own = page;
      page = [];
      add(scan, await read((client) => decodePage(scan, client, own)));
    };
    for await (const row of scan.archived(tenant.id, { after: scan.upTo, upTo: log.base })) {
      if (!row.subjects?.includes(subject)) continue;
      page.push(row);
      if (page.length === 500) await flush();
    }
    await flush();
    scan.upTo = log.base;
  }
  while (scan.upTo < log.head) {
    const end = Math.min(scan.upTo + pageWidth, log.head);
    const page = await read(async (client) => {
      const { rows } = await client.query<EventRow>(
        `${selectEvents} and e.position > $2 and e.position <= $3 and $4 = any (e.subjects) order by e.position`,
        [tenant.no, scan.upTo, end, subject],
      );
      return decodePage(scan, client, rows);
    });
    add(scan, page);
    scan.upTo = end;
  }
}

interface DecodedPage<E extends EventShape> {
  readonly named: number;
  readonly before: readonly StoredEvent<E>[];
  readonly after: readonly StoredEvent<E>[];
}

async function decodePage<E extends EventShape>(
  { tenant, subject, decode }: SubjectScan<E>,
  client: pg.ClientBase,
  rows: readonly EventRow[],
): Promise<DecodedPage<E>> {
  const sealed = rows.filter(({ data }) => sealedFieldsOf(data)?.keys.some(([name]) => name === subject));
  return {
    named: rows.length,
    before: await decode(client, tenant.no, sealed),
    after: await decode(client, tenant.no, sealed, { forget: new Set([subject]) }),
  };
}

function add<E extends EventShape>(scan: SubjectScan<E>, { named, before, after }: DecodedPage<E>): void {
  scan.named += named;
  before.forEach((event, index) => {
    const tombstoned = after[index];
    // Forgotten before, for its own sake or with another subject of its: nothing is left of it.
    if (event.forgotten || !tombstoned) return;
    scan.events += 1;
    scan.streams.add(event.stream);
    scan.rows.add(event, tombstoned);
  });
}

function archivedError(tenant: string, base: Position): LogArchivedError {
  return new LogArchivedError(
    tenant,
    base,
    'Views hold rows of archived events, too: name the folder of the segments (`--segments <folder>`). Nothing was forgotten.',
  );
}
