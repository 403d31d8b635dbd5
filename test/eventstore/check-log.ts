import type pg from 'pg';
import { expect } from 'vitest';
import { bodyDigest, contentDigest, nextChain } from '../../eventstore/chain.ts';
import type { Command, Receipt } from '../../eventstore/index.ts';
import type { Noted } from './shapes.ts';

/** What clients know of a run: everything they ever sent, and what they were told. */
export interface Told {
  readonly sent: readonly Command<Noted>[];
  readonly receipts: readonly Receipt[];
}

/** What the check found, so that a test can tell that it looked at something. */
export interface CheckedLog {
  /** Commands in the log. */
  readonly stored: number;
  /** Of those, the ones nobody was told about. */
  readonly unacknowledged: number;
}

interface CommandRow {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  readonly micros: string;
  readonly chain: string;
  readonly meta: string;
  readonly result: string;
}

interface EventRow {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema_version: number;
  readonly subjects: string[] | null;
  readonly micros: string;
  readonly data: string;
}

const micros = '(extract(epoch from recorded_at) * 1000000)::bigint::text as micros';

/**
 * Reads a tenant's log by SQL alone and holds it against what clients were told: acknowledged = there exactly once, unacknowledged =
 * wholly there or wholly absent, positions and versions dense, time never backwards, heads and chain in step, nothing else in it.
 */
export async function checkLog(admin: pg.Pool, tenant: string, { sent, receipts }: Told): Promise<CheckedLog> {
  const no = '(select no from holdfast.tenant where id = $1)';
  const { rows: commands } = await admin.query<CommandRow>(
    `select id, first_position::int as first, last_position::int as last, ${micros}, encode(chain, 'hex') as chain, meta::text, result::text
     from holdfast.command where tenant = ${no} order by first_position`,
    [tenant],
  );
  const { rows: events } = await admin.query<EventRow>(
    `select e.position::int, s.name as stream, e.version::int, e.type, e.schema_version, e.subjects, ${micros}, e.data::text
     from holdfast.event e left join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream where e.tenant = ${no} order by e.position`,
    [tenant],
  );
  expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1));

  const wanted = new Map(sent.map((command) => [command.id, command]));
  const versions = new Map<string, number>();
  let [next, time] = [1, 0n];
  let chain: Buffer = Buffer.alloc(0);
  for (const { id, first, last, ...row } of commands) {
    const command = wanted.get(id);
    if (!command) throw new Error(`Nobody sent the command ${id} that the log holds.`);
    expect({ id, first, count: last - first + 1 }).toEqual({ id, first: next, count: command.events.length });
    const own = events.slice(first - 1, last);
    expect(own.map(({ stream, data }) => ({ stream, data }))).toEqual(
      command.events.map(({ stream, data }) => ({ stream, data: JSON.stringify(data) })),
    );
    expect(BigInt(row.micros)).toBeGreaterThanOrEqual(time);
    expect(new Set(own.map((event) => event.micros))).toEqual(new Set([row.micros]));
    for (const { stream, version } of own) {
      const before = versions.get(stream) ?? 0;
      expect({ id, stream, version }).toEqual({ id, stream, version: before + 1 });
      versions.set(stream, version);
    }
    const content = contentDigest({
      ...{ id, result: row.result },
      events: own.map(({ schema_version: schemaVersion, subjects, ...event }) => ({
        ...event,
        schemaVersion,
        subjects: subjects ?? [],
      })),
    });
    chain = nextChain(chain, bodyDigest(content, row.meta), first, row.micros);
    expect({ id, chain: row.chain }).toEqual({ id, chain: chain.toString('hex') });
    [next, time] = [last + 1, BigInt(row.micros)];
  }
  expect(events).toHaveLength(next - 1);

  const { rows: heads } = await admin.query(
    `select position::int, streams::int, encode(chain, 'hex') as chain,
       (select coalesce(json_object_agg(s.name, s.version), '{}') from holdfast.stream s where s.tenant = h.tenant and s.version > 0) as versions
     from holdfast.log_head h where tenant = ${no}`,
    [tenant],
  );
  expect(heads).toMatchObject([
    { position: next - 1, chain: chain.toString('hex'), versions: Object.fromEntries(versions) },
  ]);

  const stored = new Map(commands.map((row) => [row.id, row]));
  for (const { commandId, firstPosition, lastPosition, result } of receipts) {
    const row = stored.get(commandId);
    expect({ commandId, first: row?.first, last: row?.last, result: row?.result }).toEqual({
      ...{ commandId, first: firstPosition, last: lastPosition },
      result: JSON.stringify(result),
    });
  }
  const told = new Set(receipts.map(({ commandId }) => commandId));
  return { stored: commands.length, unacknowledged: commands.filter(({ id }) => !told.has(id)).length };
}
