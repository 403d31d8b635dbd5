import type pg from 'pg';
import { commandLimits } from '../append/encode-command.ts';
import { LogDamagedError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import type { LoggedCommand, LoggedEvent } from './logged-command.ts';
import { withTenant } from '../with-tenant.ts';

/** A command without its events. */
export type CommandRow = Omit<LoggedCommand, 'events'>;
/** An event as it stands, whose stream may be gone from a damaged log. */
export type EventRecord = Omit<LoggedEvent, 'stream'> & { readonly stream: string | null };

/** Positions after `after` up to `upTo`. */
export interface PositionRange {
  readonly after: Position;
  readonly upTo: Position;
}

/** A command with the events that stand at its positions, or events that belong to no command. */
export interface FoundCommand {
  readonly command: CommandRow | null;
  readonly events: readonly EventRecord[];
}

/** A page ends after the row with which it has grown to this size: memory stays bounded, however large events are. */
const pageBytes = 2 << 20;
const pageRows = { least: 8, first: 500, most: 2_000 };

/**
 * Reads commands with their events in order of position, in short transactions. Throws LogDamagedError where they do not fit
 * together: for readers that need a whole log. `verify` looks closer with findCommands.
 */
export async function* readCommands(
  pool: pg.Pool,
  log: { readonly id: string; readonly no: number },
  range: PositionRange,
): AsyncGenerator<LoggedCommand> {
  let last = range.after;
  for await (const { command, events } of findCommands(pool, log.no, range)) {
    const flaw = flawOf(last, { command, events });
    if (flaw) throw new LogDamagedError(log.id, flaw.position, flaw.what);
    if (!command) continue;
    last = command.lastPosition;
    yield { ...command, events: events.map((event) => ({ ...event, stream: event.stream ?? '' })) };
  }
  if (last !== range.upTo) throw new LogDamagedError(log.id, last + 1, 'there is no command at this position');
}

/** What is wrong with a command and its events when they must follow position `last`; undefined = nothing. */
export function flawOf(
  last: Position,
  { command, events }: FoundCommand,
): { readonly position: Position; readonly what: string } | undefined {
  const first = events[0];
  if (!command) return first && { position: first.position, what: 'an event belongs to no command' };
  const { id, firstPosition, lastPosition, micros } = command;
  if (firstPosition !== last + 1 || lastPosition < firstPosition) {
    const what = `command "${id}" is at ${firstPosition} to ${lastPosition}, where one must start at ${last + 1}`;
    return { position: Math.min(firstPosition, last + 1), what };
  }
  for (const [index, { position, stream, micros: at }] of events.entries()) {
    const expected = firstPosition + index;
    if (position !== expected) return { position: expected, what: 'the event is missing' };
    if (stream === null) return { position, what: 'the stream of the event is missing' };
    if (at !== micros) return { position, what: 'the event has another time than its command' };
  }
  const expected = firstPosition + events.length;
  return expected === lastPosition + 1 ? undefined : { position: expected, what: 'the event is missing' };
}

/** Reads commands and events side by side, whether they fit or not. */
export async function* findCommands(pool: pg.Pool, tenant: number, range: PositionRange): AsyncGenerator<FoundCommand> {
  const events = readEvents(pool, tenant, range);
  let next = await events.next();
  for await (const command of readCommandRows(pool, tenant, range)) {
    const own: EventRecord[] = [];
    while (!next.done && next.value.position < command.firstPosition) {
      yield { command: null, events: [next.value] };
      next = await events.next();
    }
    // No command is longer, whatever a damaged row says.
    const last = Math.min(command.lastPosition, command.firstPosition + commandLimits.events - 1);
    while (!next.done && next.value.position <= last) {
      own.push(next.value);
      next = await events.next();
    }
    yield { command, events: own };
  }
  for (; !next.done; next = await events.next()) yield { command: null, events: [next.value] };
}

/** Rows of the command table in order of position. */
export async function* readCommandRows(
  pool: pg.Pool,
  tenant: number,
  range: PositionRange,
): AsyncGenerator<CommandRow> {
  const pages = readPaged(range, (after, limit) =>
    queryPage<CommandRow>(pool, tenant, [after, range.upTo, limit], {
      name: 'holdfast_raw_commands',
      inner: `select id, body_hash, first_position, last_position as position, recorded_at, chain, meta, result,
          octet_length(meta::text) + octet_length(result::text) as bytes
        from holdfast.command where tenant = $1 and last_position > $2 and last_position <= $3 order by last_position limit $4`,
      outer: `id, encode(body_hash, 'hex') as "bodyHash", first_position as "firstPosition", position as "lastPosition",
        (extract(epoch from recorded_at) * 1000000)::bigint::text as micros, encode(chain, 'hex') as chain, meta::text as meta, result::text as result`,
    }),
  );
  for await (const page of pages) yield* page;
}

/** Rows of the event table in order of position, with the names of their streams. */
export async function* readEvents(pool: pg.Pool, tenant: number, range: PositionRange): AsyncGenerator<EventRecord> {
  const pages = readPaged(range, (after, limit) =>
    queryPage<EventRecord>(pool, tenant, [after, range.upTo, limit], {
      name: 'holdfast_raw_events',
      inner: `select e.position, e.stream, s.name, e.version, e.type, e.schema_version, e.subjects, e.recorded_at, e.data,
          octet_length(e.data::text) as bytes
        from holdfast.event e left join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream
        where e.tenant = $1 and e.position > $2 and e.position <= $3 order by e.position limit $4`,
      outer: `position, stream as "streamNo", name as stream, version, type, schema_version as "schemaVersion",
        coalesce(subjects, '{}') as subjects, (extract(epoch from recorded_at) * 1000000)::bigint::text as micros, data::text as data`,
    }),
  );
  for await (const page of pages) yield* page;
}

type Page<Row> = readonly (Row & { readonly place: Position })[];

/** Pages with as many rows as were small enough together the last time. */
async function* readPaged<Row extends object>(
  { after, upTo }: PositionRange,
  query: (after: Position, limit: number) => Promise<Page<Row>>,
): AsyncGenerator<Page<Row>> {
  let limit = pageRows.first;
  for (let last = after; last < upTo;) {
    const page = await query(last, limit);
    const end = page.at(-1);
    if (!end) return;
    yield page;
    last = end.place;
    limit = Math.min(pageRows.most, Math.max(pageRows.least, page.length * 2));
  }
}

/** Texts are cast outside, so that rows beyond the page's size are measured but not sent. */
function queryPage<Row extends object>(
  pool: pg.Pool,
  tenant: number,
  values: readonly number[],
  { name, inner, outer }: { readonly name: string; readonly inner: string; readonly outer: string },
): Promise<Page<Row>> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<Row & { place: Position }>({
      name,
      text: `select position as place, ${outer}
        from (select rows.*, sum(bytes) over (order by position) - bytes as before from (${inner}) rows) measured
        where before < ${pageBytes} order by position`,
      values: [tenant, ...values],
    });
    return rows;
  });
}
