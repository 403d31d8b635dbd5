import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Command } from '../eventstore/index.ts';
import type { Said } from './log-workload.ts';
import { excerpt } from './log-workload.ts';

/**
 * The floor: one prepared statement, written by hand, that writes the same rows into the same tables as an append of the same
 * command (head, stream, command, events, view rows), with the same digests, and protects nothing: no dedupe, no versions checked, no
 * chain, no tenant security.
 */
export async function floorAppend(
  pool: pg.Pool,
  { tenant, streamNo, command }: { tenant: number; streamNo: number; command: Command<Said> },
): Promise<void> {
  const texts = command.events.map(({ data }) => JSON.stringify(data));
  const digest = createHash('sha256').update(texts.join()).digest();
  await pool.query({
    name: 'floor',
    text: `
      with head as (
        update holdfast.log_head set position = position + $9, bytes = bytes + $10, last_at = clock_timestamp(), chain = $5
          where tenant = $1 returning position - $9 as base, last_at),
      stream as (
        insert into holdfast.stream (tenant, no, name, version) values ($1, $2, $3, $9)
          on conflict (tenant, no) do update set version = stream.version + $9 returning version - $9 as base),
      command as (
        insert into holdfast.command (tenant, id, body_hash, first_position, last_position, recorded_at, chain, meta, result)
          select $1, $4, $5, base + 1, base + $9, last_at, $5, '{}', '{}' from head),
      event as (
        insert into holdfast.event (tenant, position, stream, version, type, schema_version, recorded_at, data)
          select $1, head.base + e.i, $2, stream.base + e.i, 'Said', 1, head.last_at, e.data::json
          from head, stream, unnest($6::text[]) with ordinality as e (data, i))
      insert into holdfast.said (tenant, from_pos, id, thread, content)
        select $1, head.base + v.i, v.id, $3, v.content from head, unnest($7::text[], $8::text[]) with ordinality as v (id, content, i)`,
    values: [
      tenant,
      streamNo,
      command.streams[0]?.name,
      command.id,
      digest,
      texts,
      command.events.map(({ data }) => data.id),
      command.events.map(({ data }) => data.text.slice(0, excerpt)),
      command.events.length,
      texts.join('').length,
    ],
  });
}
