import type pg from 'pg';
import type { Position } from '../event.ts';
import { bytesOf } from './logged-command.ts';
import type { LoggedCommand } from './logged-command.ts';
import type { SegmentStream } from './segment-format.ts';

/** Where a log stands, its row locked until the transaction ends. */
export interface LockedHead {
  readonly position: Position;
  readonly base: Position;
  /** In hex. */
  readonly chain: string;
}

/** Locks the head of a log. */
export async function lockHead(client: pg.ClientBase, tenant: number): Promise<LockedHead | undefined> {
  const { rows } = await client.query<LockedHead>(
    `select position, base, encode(chain, 'hex') as chain from holdfast.log_head where tenant = $1 for update`,
    [tenant],
  );
  return rows[0];
}

/** Microseconds to a time, without the rounding of to_timestamp. */
const time = (micros: string): string => `timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;

/** Inserts commands with their events exactly as they were, and moves the head, whose lock the caller holds. */
export async function insertCommands(
  client: pg.ClientBase,
  tenant: number,
  commands: readonly LoggedCommand[],
): Promise<void> {
  const events = commands.flatMap((command) => command.events);
  const streams = new Map(events.map(({ streamNo, stream, version }) => [streamNo, { stream, version }]));
  const end = commands.at(-1);
  if (!end) return;
  await insertStreams(
    client,
    tenant,
    [...streams].map(([no, { stream, version }]) => ({ no, name: stream, version, sealed: false })),
  );
  await client.query({
    name: 'holdfast_import_events',
    text: `insert into holdfast.event (tenant, position, stream, version, type, schema_version, subjects, recorded_at, data)
      select $1, e.position, e.stream, e.version, e.type, e.schema_version, e.subjects::text[], ${time('e.micros')}, e.data::json
      from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[])
        as e (position, stream, version, type, schema_version, subjects, micros, data)`,
    values: [
      tenant,
      events.map(({ position }) => position),
      events.map(({ streamNo }) => streamNo),
      events.map(({ version }) => version),
      events.map(({ type }) => type),
      events.map(({ schemaVersion }) => schemaVersion),
      events.map(({ subjects }) => (subjects.length === 0 ? null : arrayLiteral(subjects))),
      events.map(({ micros }) => micros),
      events.map(({ data }) => data),
    ],
  });
  await client.query({
    name: 'holdfast_import_commands',
    text: `insert into holdfast.command (tenant, id, body_hash, first_position, last_position, recorded_at, chain, meta, result)
      select $1, c.id, decode(c.hash, 'hex'), c.first, c.last, ${time('c.micros')}, decode(c.chain, 'hex'), c.meta::json, c.result::json
      from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[])
        as c (id, hash, first, last, micros, chain, meta, result)`,
    values: [
      tenant,
      commands.map(({ id }) => id),
      commands.map(({ bodyHash }) => bodyHash),
      commands.map(({ firstPosition }) => firstPosition),
      commands.map(({ lastPosition }) => lastPosition),
      commands.map(({ micros }) => micros),
      commands.map(({ chain }) => chain),
      commands.map(({ meta }) => meta),
      commands.map(({ result }) => result),
    ],
  });
  await client.query({
    name: 'holdfast_import_head',
    text: `update holdfast.log_head set position = $2, chain = decode($3, 'hex'), last_at = ${time('$4')}, bytes = bytes + $5,
        streams = greatest(streams, $6)
      where tenant = $1`,
    values: [
      tenant,
      end.lastPosition,
      end.chain,
      end.micros,
      commands.reduce((sum, command) => sum + bytesOf(command), 0),
      [...streams.keys()].reduce((most, no) => Math.max(most, no), 0),
    ],
  });
}

/** Brings streams to the versions and seals of a segment; never back. */
export async function insertStreams(
  client: pg.ClientBase,
  tenant: number,
  streams: readonly SegmentStream[],
): Promise<void> {
  await client.query({
    name: 'holdfast_import_streams',
    text: `insert into holdfast.stream as s (tenant, no, name, version, sealed)
      select $1, w.* from unnest($2::bigint[], $3::text[], $4::bigint[], $5::boolean[]) as w (no, name, version, sealed)
      on conflict (tenant, no) do update
        set version = greatest(s.version, excluded.version), sealed = s.sealed or excluded.sealed
        where s.version < excluded.version or excluded.sealed and not s.sealed`,
    values: [
      tenant,
      streams.map(({ no }) => no),
      streams.map(({ name }) => name),
      streams.map(({ version }) => version),
      streams.map(({ sealed }) => sealed),
    ],
  });
}

/** Seals streams by their numbers. */
export async function sealStreams(client: pg.ClientBase, tenant: number, numbers: readonly number[]): Promise<void> {
  await client.query(
    'update holdfast.stream set sealed = true where tenant = $1 and no = any ($2::bigint[]) and not sealed',
    [tenant, numbers],
  );
}

/** A PostgreSQL array literal: `text[]` inside `text[]` would have to be rectangular. */
function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
