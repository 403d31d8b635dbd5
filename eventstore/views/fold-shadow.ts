import type pg from 'pg';
import type { DecodeEvents, EventRow } from '../read/decode-events.ts';
import { selectEvents } from '../read/decode-events.ts';
import { LogNotDenseError } from '../errors.ts';
import { LogArchivedError } from '../errors-read.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import { transactionOn } from '../transaction-on.ts';
import { shadowApply } from './rebuild-plan.ts';
import type { Projection } from './view.ts';
import { compileOperations } from './view.ts';
import { quote } from './view-sql.ts';

/** Gives the archived events of a log, in order, as the event table gave them: see readSegments. */
export type ReadArchived = (
  tenant: string,
  range: { readonly after: Position; readonly upTo: Position },
) => AsyncIterable<EventRow>;

/** What filling shadow tables takes. */
export interface ShadowFold<E extends EventShape> {
  /** Holds the lock of rebuilds: whatever it commits, no other rebuild was there. */
  readonly writer: pg.ClientBase;
  /** Reads the next page while the writer applies this one. */
  readonly reader: pg.ClientBase;
  readonly decode: DecodeEvents<E>;
  readonly projections: readonly Projection<E>[];
  /** Names of the views that are built. */
  readonly views: ReadonlySet<string>;
  readonly archived: ReadArchived | undefined;
  readonly onFolded: (events: number) => void;
}

/** A log that has events its shadow has not. */
export interface Tail {
  readonly no: number;
  readonly id: string;
  /** The last archived position. */
  readonly base: Position;
  readonly head: Position;
  /** The last position in the shadow. */
  readonly folded: Position;
}

/** Most events of one page, and most bytes as the event table stores them. */
const pageLimits = { events: 2_000, bytes: 4 * 1024 * 1024 } as const;

interface Page {
  readonly after: Position;
  readonly last: Position;
  /** How many keys of subjects had been destroyed in the page's snapshot. */
  readonly keysGone: number;
  /** Compiled operations as JSON; null when there are none. */
  readonly operations: string | null;
}

/** States of tenants whose rows views hold, as a list for SQL. */
export const keptStates = `'active', 'importing'`;

/** Sees all logs: only in a transaction that begins so. */
export const beginEveryTenant = `begin; set local holdfast.every_tenant = 'on'`;

/** The logs that go on beyond their shadows, in order of tenant. */
export async function listTails(client: pg.ClientBase): Promise<Tail[]> {
  const { rows } = await client.query<Tail>(
    `select t.no, t.id, h.base, h.position as head, coalesce(r.position, 0) as folded
     from holdfast.tenant t join holdfast.log_head h on h.tenant = t.no left join holdfast.view_rebuild r on r.tenant = t.no
     where t.state in (${keptStates}) and h.position > coalesce(r.position, 0) order by t.no`,
  );
  return rows;
}

/**
 * Folds one log from where its shadow stands up to its head, page by page, each applied in a short transaction that moves the
 * shadow's position. Throws LogArchivedError when archived events are needed and there is no way to them, LogNotDenseError.
 */
export async function foldTail<E extends EventShape>(fold: ShadowFold<E>, tail: Tail): Promise<void> {
  let from = tail.folded;
  while (!(await foldPages(fold, tail, from))) from = 0;
}

/** False when the shadow of the log was emptied and has to begin again. */
async function foldPages<E extends EventShape>(fold: ShadowFold<E>, tail: Tail, from: Position): Promise<boolean> {
  const pages = readPages(fold, tail, from);
  // One page ahead: this process decodes and compiles while the server applies.
  let next = ahead(pages.next());
  try {
    for (;;) {
      const { value: page, done } = await next;
      if (done) return true;
      next = ahead(pages.next());
      if (!(await applyPage(fold, tail, page))) return false;
      fold.onFolded(page.last - page.after);
    }
  } finally {
    await next.catch(() => undefined);
    await pages.return(undefined);
  }
}

/** A promise whose failure is looked at later. */
function ahead<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function* readPages<E extends EventShape>(
  fold: ShadowFold<E>,
  tail: Tail,
  from: Position,
): AsyncGenerator<Page, void, undefined> {
  let after = from;
  for (;;) {
    // One snapshot: where the log stands, its events, and which keys are gone.
    const { place, events } = await snapshot(fold.reader, tail.no, async () => {
      const found = await findPage(fold.reader, tail, after);
      if (!found.active || found.head <= after || found.base > after) return { place: found, events: null };
      const { rows } = await fold.reader.query<EventRow>(
        `${selectEvents} and e.position > $2 and e.position <= $3 order by e.position`,
        [tail.no, after, found.last],
      );
      return { place: found, events: await fold.decode(fold.reader, tail.no, rows) };
    });
    if (events !== null) {
      yield toPage(fold, tail, { after, keysGone: place.keysGone, events });
      after = place.last;
    } else if (place.active && place.base > after) {
      yield* readArchivedPages(fold, tail, { after, upTo: place.base });
      after = place.base;
    } else {
      return;
    }
  }
}

interface Place {
  readonly active: boolean;
  readonly base: Position;
  readonly head: Position;
  /** Where the page after the position ends: at its limits, at the head. */
  readonly last: Position;
  readonly keysGone: number;
}

async function findPage(client: pg.ClientBase, tail: Tail, after: Position): Promise<Place> {
  const { rows } = await client.query<Place>({
    name: 'holdfast_find_page',
    text: `select t.state in (${keptStates}) as active, h.base, h.position as head,
       (select count(*) from holdfast.subject_key k where k.tenant = $1 and k.wrapped is null) as "keysGone",
       (select coalesce(max(w.position), $2) from (
          select e.position, sum(e.bytes) over (order by e.position) - e.bytes as before
          from (select position, pg_column_size(data) as bytes from holdfast.event
                where tenant = $1 and position > $2 order by position limit $3) e) w
        where w.before < $4) as last
     from holdfast.tenant t join holdfast.log_head h on h.tenant = t.no where t.no = $1`,
    values: [tail.no, after, pageLimits.events, pageLimits.bytes],
  });
  return rows[0] ?? { active: false, base: 0, head: 0, last: 0, keysGone: 0 };
}

async function* readArchivedPages<E extends EventShape>(
  fold: ShadowFold<E>,
  tail: Tail,
  range: { readonly after: Position; readonly upTo: Position },
): AsyncGenerator<Page, void, undefined> {
  if (!fold.archived) throw archivedError(tail.id, range.upTo);
  let after = range.after;
  let rows: EventRow[] = [];
  const cut = async (): Promise<Page> => {
    const own = rows;
    rows = [];
    const read = await snapshot(fold.reader, tail.no, async () => ({
      keysGone: (await findPage(fold.reader, tail, range.upTo)).keysGone,
      events: await fold.decode(fold.reader, tail.no, own),
    }));
    const page = toPage(fold, tail, { after, ...read });
    after = page.last;
    return page;
  };
  for await (const row of fold.archived(tail.id, range)) {
    rows.push(row);
    if (rows.length === pageLimits.events) yield await cut();
  }
  if (rows.length > 0) yield await cut();
  if (after !== range.upTo) throw new LogNotDenseError(tail.id, after + 1, range.upTo);
}

/** The error for a rebuild that needs archived events and was given no way to them. */
export function archivedError(tenant: string, base: Position): LogArchivedError {
  return new LogArchivedError(
    tenant,
    base,
    'A rebuild reads the whole log: name the folder of its segments (`--segments <folder>`). Nothing was changed.',
  );
}

function toPage<E extends EventShape>(
  fold: ShadowFold<E>,
  tail: Tail,
  {
    after,
    keysGone,
    events,
  }: { readonly after: Position; readonly keysGone: number; readonly events: readonly StoredEvent<E>[] },
): Page {
  events.forEach(({ position }, index) => {
    if (position !== after + index + 1) throw new LogNotDenseError(tail.id, after + index + 1, position);
  });
  if (events.length === 0) throw new LogNotDenseError(tail.id, after + 1, tail.head);
  return { after, last: after + events.length, keysGone, operations: operationsOf(fold, events) };
}

/** What events do to the views that are built, as the JSON that the apply function takes. */
export function operationsOf<E extends EventShape>(
  { projections, views }: Pick<ShadowFold<E>, 'projections' | 'views'>,
  events: readonly StoredEvent<E>[],
): string | null {
  const { operations } = compileOperations(
    events.map((event) => projections.flatMap((p) => p.project(event)).filter(({ view }) => views.has(view))),
  );
  return Object.keys(operations).length === 0 ? null : JSON.stringify(operations);
}

/**
 * False when the page does not fit any more, above all because a subject was forgotten since the fold of this log began: its shadow is
 * empty again, and begins from 0.
 */
async function applyPage<E extends EventShape>(fold: ShadowFold<E>, tail: Tail, page: Page): Promise<boolean> {
  const { writer, views } = fold;
  // What a crash of the server takes back, it takes back together with the position. The hand-over waits for the disk. Whoever drops
  // the tenant waits for us, or we find that it is gone (hold_tenant in 0008-tenants.sql).
  const begin = `begin; set local synchronous_commit = off; select set_config('holdfast.tenant', '${tail.no}', true);
    select pg_advisory_xact_lock_shared(1751805284, ${tail.no})`;
  return transactionOn(
    writer,
    async () => {
      await writer.query(
        `insert into holdfast.view_rebuild (tenant, keys_gone)
         select $1, $2 from holdfast.tenant where no = $1 and state in (${keptStates}) on conflict do nothing`,
        [tail.no, page.keysGone],
      );
      const { rows } = await writer.query<{ position: number; keys_gone: number }>(
        'select position, keys_gone from holdfast.view_rebuild where tenant = $1',
        [tail.no],
      );
      // Another position than ours, or none: the tenant is being dropped, and its row here was deleted.
      if (rows[0]?.keys_gone !== page.keysGone || rows[0].position !== page.after) {
        for (const view of views) await clearShadow(writer, view, tail.no);
        await writer.query('update holdfast.view_rebuild set position = 0, keys_gone = $2 where tenant = $1', [
          tail.no,
          page.keysGone,
        ]);
        return false;
      }
      if (page.operations !== null) {
        await writer.query({
          name: 'holdfast_fold_page',
          text: `select holdfast.${quote(shadowApply)}($1, array[$2::bigint], $3)`,
          values: [tail.no, page.after + 1, page.operations],
        });
      }
      await writer.query('update holdfast.view_rebuild set position = $2 where tenant = $1', [tail.no, page.last]);
      return true;
    },
    begin,
  );
}

/** Deletes the shadow rows of one log; the session must be bound to its tenant. */
export async function clearShadow(client: pg.ClientBase, view: string, tenant: number): Promise<void> {
  await client.query(`delete from holdfast.${quote(`${view}__next`)} where tenant = $1`, [tenant]);
}

/** Runs reads of one tenant in one snapshot, as the owner role. */
function snapshot<T>(client: pg.ClientBase, tenant: number, read: () => Promise<T>): Promise<T> {
  return transactionOn(
    client,
    read,
    `begin isolation level repeatable read read only; select set_config('holdfast.tenant', '${tenant}', true)`,
  );
}
